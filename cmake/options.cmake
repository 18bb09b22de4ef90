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
# A test is run about as often as it is compiled: the presets optimize what is tested and leave the tests at -O0, half the time of a build.
set(TWINHUB_TEST_OPTIONS "" CACHE STRING "Compiler flags of the C++ tests' own sources")

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
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # -Wthread-safety checks GUARDED_BY and REQUIRES of storage/guarded.hpp; gcc leaves missing braces alone in C++.
  target_compile_options(twinhub_options INTERFACE -Wthread-safety -Wno-missing-braces)
endif()
target_include_directories(twinhub_options INTERFACE ${CMAKE_SOURCE_DIR})
target_link_libraries(twinhub_options INTERFACE Threads::Threads)  # one set of flags for all: headers are precompiled
if(TWINHUB_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(twinhub_options INTERFACE -Wno-tsan)  # Asio has fences that tsan does not see
endif()
# Sixty test programs are linked, each against the rooms it needs: lld takes a fraction of what GNU ld does.
find_program(LLD NAMES ld.lld)
if(LLD)
  add_link_options(-fuse-ld=lld)
endif()

if(TWINHUB_SANITIZE)
  add_compile_options(-fsanitize=${TWINHUB_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TWINHUB_SANITIZE})
endif()
set(TWINHUB_SANITIZER_ENVIRONMENT  # of tests; the variables of the other sanitizers have no effect
  ASAN_OPTIONS=halt_on_error=1:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
  UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
  TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/checks/tsan.supp:ignore_noninstrumented_modules=1:second_deadlock_stack=1)
