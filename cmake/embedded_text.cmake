# twinhub_embedded_text(RESULT FILE HEADER NAMESPACE FUNCTION): a C++ source with the text of FILE, which FUNCTION gives; HEADER declares it.
function(twinhub_embedded_text source file header namespace name)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  file(RELATIVE_PATH made_of ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  file(READ ${file} text)
  set(made ${CMAKE_CURRENT_BINARY_DIR}/${name})
  file(WRITE ${made}.in "// Made of ${made_of}.
#include \"${header}\"

namespace ${namespace} {

std::string_view ${name}() { return R\"document(${text})document\"; }

}  // namespace ${namespace}
")
  configure_file(${made}.in ${made}.cpp COPYONLY)
  set(${source} ${made}.cpp PARENT_SCOPE)
endfunction()
