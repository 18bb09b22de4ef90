# Language, warnings and sanitizers: the same for every target of ours.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(THREADS_PREFER_PTHREAD_FLAG ON)

option(TWINHUB_TESTS "Build the tests" ON)
option(TWINHUB_BENCH "Build the benchmarks" OFF)
option(TWINHUB_FUZZ "Build the fuzzers (needs clang)" OFF)
set(TWINHUB_SANITIZE "" CACHE STRING "Value for -fsanitize=, e.g. address,undefined")

find_program(CCACHE ccache)
if(CCACHE)
  # The checks that keep ccache from precompiled headers are about macros that only differ between builds of the header.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()

add_library(twinhub_options INTERFACE)
target_compile_options(twinhub_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
  -Woverloaded-virtual -Wcast-align -Wnull-dereference -Wimplicit-fallthrough -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # gcc 12 sees false paths through inlined std::string and Asio at -O2 and under sanitizers.
  target_compile_options(twinhub_options INTERFACE
    -Wno-null-dereference -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread
    -Wno-array-bounds)
endif()
target_include_directories(twinhub_options INTERFACE ${CMAKE_SOURCE_DIR})
target_link_libraries(twinhub_options INTERFACE Threads::Threads)  # one set of flags for all: headers are precompiled
if(TWINHUB_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(twinhub_options INTERFACE -Wno-tsan)  # Asio has fences that tsan does not see
endif()
if(TWINHUB_SANITIZE)
  add_compile_options(-fsanitize=${TWINHUB_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TWINHUB_SANITIZE})
endif()
if(TWINHUB_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
