# The fuzzers feed these rooms, and steer by the branches that an input takes in them. These are the flags behind
# -fsanitize=fuzzer-no-link, which itself does not go with a header that was precompiled without it.
set(fuzz_coverage -fsanitize-coverage=inline-8bit-counters,indirect-calls,trace-cmp,pc-table
  -fno-builtin-memcmp -fno-builtin-bcmp -fno-builtin-strcmp -fno-builtin-strncmp)

# twinhub_room(NAME SOURCES a.cpp ... LINKS other_room ... PRIVATE library ...)
# One room = one static library. Rooms and libraries seen in its headers go to LINKS, the rest to PRIVATE.
function(twinhub_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;LINKS;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(${name} PUBLIC twinhub_options ${ROOM_LINKS} PRIVATE ${ROOM_PRIVATE})
  twinhub_reuse(${name} twinhub_precompiled)
  if(TWINHUB_FUZZ AND CMAKE_CURRENT_SOURCE_DIR MATCHES
     "^${CMAKE_SOURCE_DIR}/(protocol(/|$)|storage/format$|server/(net|events|ops|cli)$)")
    target_compile_options(${name} PRIVATE ${fuzz_coverage})
  endif()
endfunction()

# twinhub_test(NAME SOURCES a_test.cpp ... LINKS room ... [LABELS unit|wire|...] [TIMEOUT seconds])
# One GoogleTest program, registered as one ctest test.
add_custom_target(cpp_tests)  # every program of twinhub_test(): what the sanitizers need built
add_custom_target(threaded_tests)  # of those, the programs with the label "threads": the thread sanitizer has nothing to say about the others
set(rooms_without_threads "^${CMAKE_SOURCE_DIR}/tests/unit/(protocol|config|server/cli)(/|$)")
function(twinhub_test name)
  cmake_parse_arguments(TEST "" "TIMEOUT" "SOURCES;LINKS;LABELS" ${ARGN})
  add_executable(${name} ${TEST_SOURCES})
  target_link_libraries(${name} PRIVATE twinhub_options ${TEST_LINKS} GTest::gmock GTest::gtest_main)
  twinhub_reuse(${name} twinhub_precompiled_test)
  add_dependencies(cpp_tests ${name})
  add_test(NAME ${name} COMMAND ${name})
  if(NOT TEST_LABELS)
    set(TEST_LABELS unit)
  endif()
  if(NOT CMAKE_CURRENT_SOURCE_DIR MATCHES "${rooms_without_threads}")
    add_dependencies(threaded_tests ${name})
    list(APPEND TEST_LABELS threads)
  endif()
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 600)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${TEST_LABELS}" TIMEOUT ${TEST_TIMEOUT})
  if(TEST_LABELS MATCHES wire)
    # The longest ones begin first, and the others run beside them.
    set_tests_properties(${name} PROPERTIES COST ${TEST_TIMEOUT})
  endif()
  # Of a thousand tests only those that failed are worth their lines in a log.
  set_tests_properties(${name} PROPERTIES ENVIRONMENT "GTEST_BRIEF=1;${TWINHUB_SANITIZER_ENVIRONMENT}")
endfunction()
