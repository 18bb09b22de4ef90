# Writes a folder's files, gzipped, into one C++ source: the table of server/console/assets.hpp.
#   cmake -DFOLDER=dist -DOUTPUT=embedded.cpp -DNODE=node -P embed.cmake
cmake_minimum_required(VERSION 3.25)
file(GLOB_RECURSE files RELATIVE ${FOLDER} ${FOLDER}/*)
list(SORT files)
if(NOT "index.html" IN_LIST files)
  message(FATAL_ERROR "${FOLDER} holds no index.html")
endif()

set(types_html "text/html; charset=utf-8")
set(types_js "text/javascript; charset=utf-8")
set(types_css "text/css; charset=utf-8")
set(types_svg "image/svg+xml")
set(types_png "image/png")
set(types_ico "image/x-icon")
set(types_woff2 "font/woff2")
set(types_json "application/json; charset=utf-8")
set(types_txt "text/plain; charset=utf-8")

set(arrays "")
set(table "")
set(hashes "")
set(number 0)
foreach(file IN LISTS files)
  get_filename_component(ending ${file} LAST_EXT)
  string(REPLACE "." "" ending "${ending}")
  if(NOT DEFINED types_${ending})
    message(FATAL_ERROR "${file}: no media type is known for it; see ${CMAKE_CURRENT_LIST_FILE}")
  endif()
  execute_process(COMMAND ${NODE} ${CMAKE_CURRENT_LIST_DIR}/gzip.mjs ${FOLDER}/${file} ${OUTPUT}.gz
    COMMAND_ERROR_IS_FATAL ANY)
  file(SHA256 ${FOLDER}/${file} hash)
  file(READ ${OUTPUT}.gz bytes HEX)
  file(REMOVE ${OUTPUT}.gz)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND arrays "constexpr unsigned char file_${number}[] = {${bytes}};\n")
  string(APPEND table "    {\"${file}\", \"${types_${ending}}\", \"${hash}\", file_${number}},\n")
  string(APPEND hashes "${file} ${hash}\n")
  math(EXPR number "${number} + 1")
endforeach()
string(SHA256 build "${hashes}")
string(SUBSTRING ${build} 0 16 build)

file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT "// Made by cmake/embed.cmake.
#include \"server/console/assets.hpp\"

namespace twinhub::console {
namespace {

@arrays@
constexpr Asset table[] = {
@table@};

}  // namespace

EmbeddedAssets embedded_assets() { return {\"@build@\", table}; }

}  // namespace twinhub::console
")
