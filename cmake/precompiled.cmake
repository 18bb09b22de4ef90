# Headers that nearly every source reads, parsed once per kind of target instead of once per source: the standard library,
# results and Asio's loop; for tests GoogleTest on top. Sources include what they use all the same.
option(TWINHUB_PRECOMPILED_HEADERS "Precompile the standard library, Asio and GoogleTest" ON)

set(precompiled_common
  <algorithm> <array> <atomic> <chrono> <cstdint> <deque> <functional> <map> <memory> <mutex> <optional> <span> <string>
  <string_view> <unordered_map> <utility> <variant> <vector>
  <boost/system/result.hpp> <boost/asio/io_context.hpp> <boost/asio/steady_timer.hpp> <boost/asio/thread_pool.hpp>)

# twinhub_precompiled(NAME LINKS library ... HEADERS <header> ... [OPTIONS flag ...]): what other targets, of the same flags, reuse with
# twinhub_reuse().
function(twinhub_precompiled name)
  cmake_parse_arguments(PCH "" "" "LINKS;HEADERS;OPTIONS" ${ARGN})
  if(NOT TWINHUB_PRECOMPILED_HEADERS)
    return()
  endif()
  file(WRITE ${CMAKE_BINARY_DIR}/${name}.cpp "")
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/${name}.cpp)
  target_link_libraries(${name} PRIVATE twinhub_options ${PCH_LINKS})
  target_compile_options(${name} PRIVATE ${PCH_OPTIONS})
  target_precompile_headers(${name} PRIVATE ${PCH_HEADERS})
endfunction()

function(twinhub_reuse target name)
  if(name STREQUAL twinhub_precompiled_test)
    target_compile_options(${target} PRIVATE ${TWINHUB_TEST_OPTIONS})
  endif()
  if(TWINHUB_PRECOMPILED_HEADERS)
    target_precompile_headers(${target} REUSE_FROM ${name})
  endif()
endfunction()

twinhub_precompiled(twinhub_precompiled LINKS Boost::headers HEADERS ${precompiled_common})
if(TWINHUB_TESTS)
  twinhub_precompiled(twinhub_precompiled_test LINKS Boost::headers GTest::gmock
    HEADERS ${precompiled_common} <gmock/gmock.h> <gtest/gtest.h> OPTIONS ${TWINHUB_TEST_OPTIONS})
endif()
