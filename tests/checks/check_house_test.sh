#!/usr/bin/env bash
# Shows that check_listed.sh, check_file_length.sh and check_document_paths.sh catch what they are there for, each on a small tree with one
# fault.
set -euo pipefail
checks=$(dirname "$(readlink -f "$0")")
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

# A tree of one source, one C++ test and one Node test in which nothing is wrong, and a build folder that knows the Node test.
make_tree() {
  rm -rf "${tree:?}"/*
  mkdir -p "$tree"/{protocol,config,storage,server,bench/load,tests/unit/deep,tests/sdk,build}
  touch "$tree"/protocol/a.cpp "$tree"/tests/unit/deep/a_test.cpp "$tree"/tests/sdk/a.test.js
  echo 'room(protocol SOURCES a.cpp b.cpp)' >"$tree"/protocol/CMakeLists.txt
  echo 'program(unit_test SOURCES deep/a_test.cpp)' >"$tree"/tests/unit/CMakeLists.txt
  printf 'cmake_minimum_required(VERSION 3.25)\nproject(tree LANGUAGES NONE)\nenable_testing()\n%s\n' \
    'add_test(NAME sdk_a COMMAND node ${CMAKE_SOURCE_DIR}/tests/sdk/a.test.js)' >"$tree"/CMakeLists.txt
  cmake -S "$tree" -B "$tree"/build >/dev/null
}

# expect pass|fail CASE COMMAND...
expect() {
  local want=$1 case=$2 got=pass
  shift 2
  "$@" >"$tree/out" 2>&1 || got=fail
  [[ $got == "$want" ]] || {
    echo "expected $want, got $got: $case"
    cat "$tree/out"
    failed=1
  }
}

# expect_listed pass|fail CASE LINE-OF-SHELL: what check_listed.sh says of the tree after LINE-OF-SHELL
expect_listed() {
  make_tree
  (cd "$tree" && eval "$3")
  expect "$1" "$2" "$checks/check_listed.sh" "$tree/build" "$tree"
}

expect_listed pass 'a tree in which all is listed' ':'
expect_listed fail 'a source that no list names' 'touch protocol/c.cpp'
expect_listed fail 'a source in a room without a list' 'touch storage/a.cpp'
expect_listed fail 'a source whose name is the end of a listed one' 'touch protocol/pp.cpp protocol/.cpp'
expect_listed fail 'a source that only a comment names' 'touch protocol/c.cpp; echo "# c.cpp" >>protocol/CMakeLists.txt'
expect_listed fail 'a C++ test that no list names' 'touch tests/unit/deep/b_test.cpp'
expect_listed fail 'a Node test that ctest does not run' 'touch tests/sdk/b.test.js'
expect_listed pass 'a file of a package of others' 'mkdir -p tests/sdk/node_modules/x; touch tests/sdk/node_modules/x/b.test.js'

make_tree
expect pass 'short files' "$checks/check_file_length.sh" "$tree"
seq 450 >"$tree/server/long.cpp"
expect pass 'a file of 450 lines' "$checks/check_file_length.sh" "$tree"
seq 451 >"$tree/server/long.cpp"
expect fail 'a file of 451 lines' "$checks/check_file_length.sh" "$tree"

# expect_paths pass|fail CASE LINE: what check_document_paths.sh says of a document in a folder with that line
expect_paths() {
  make_tree
  mkdir -p "$tree"/server/node_modules
  echo '[not ours](nowhere.md)' >"$tree"/server/node_modules/A.md
  printf '# Title\n\n%s\n' "$3" >"$tree"/server/A.md
  expect "$1" "$2" "$checks/check_document_paths.sh" "$tree"
}

expect_paths pass 'links and paths that lead somewhere' \
  '[x](../CMakeLists.txt), [y](A.md#title), [z](#title), [web](https://example.org/a.md): `protocol/a.cpp`, `tests/unit/`, `a.cpp`, `tests/*/a.test.js`'
expect_paths pass 'what is no path of the tree' '`devices/d/messages`, `build/release/x`, `$iothub/twin`, `application/json`, server/words in the text'
expect_paths pass 'a command with paths' '`node --test ./tests/sdk/a.test.js, protocol/a.cpp:12`'
expect_paths fail 'a link to nowhere' '[x](B.md)'
expect_paths fail 'a link that counts from the root' '[x](protocol/a.cpp)'
expect_paths fail 'a path to nowhere' 'See `protocol/b.cpp`.'
expect_paths fail 'a folder that is not there' 'See `server/rest/`.'
expect_paths fail 'wildcards that nothing fits' '`tests/*/b.test.js`'
expect_paths fail 'a source that is not there' 'a table | `pump_lane.cpp` |'
expect_paths fail 'the second path of a line' '`protocol/a.cpp` and then `a.cpp`, `protocol/b.cpp`'
expect_paths fail 'a path in a command' '`./dev test ./tests/sdk/b.test.js`'
exit $failed
