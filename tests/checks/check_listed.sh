#!/usr/bin/env bash
# Fails when a source file is built by nobody or a test is run by nobody: a file that lies in the tree and sleeps looks like a test that passes.
#   check_listed.sh BUILD [ROOT]        BUILD: a configured build folder; ROOT: the tree to check, default the tree this file stands in
set -euo pipefail
build=$(readlink -f "$1")
cd "${2:-$(dirname "$(readlink -f "$0")")/../..}"
failed=0

complain() {
  echo "$*"
  failed=1
}

# A source has to stand in the CMakeLists.txt that is nearest above it, as a word and not in a comment.
sources=$({
  find . -name node_modules -prune -o -name build -prune -o -type f -name CMakeLists.txt -print | sed 's|^\./||'
  find protocol config storage server bench/load -type f -name '*.cpp' | sort
  find tests -name node_modules -prune -o -type f -name '*_test.cpp' -print | sort
} | awk '
  function folder_of(path) { return path ~ /\// ? substr(path, 1, match(path, /\/[^\/]*$/) - 1) : "." }
  /(^|\/)CMakeLists\.txt$/ {
    folder = folder_of($0)
    lists[folder] = 1
    while ((getline line <$0) > 0) {
      sub(/#.*/, "", line)
      count = split(line, words, /[ \t()"]+/)
      for (i = 1; i <= count; i++) named[folder, words[i]] = 1
    }
    next
  }
  {
    folder = folder_of($0)
    while (!(folder in lists) && folder != ".") folder = folder_of(folder)
    rest = folder == "." ? $0 : substr($0, length(folder) + 2)
    if ((folder, rest) in named) listed++
    else { print $0 " is not listed in " folder "/CMakeLists.txt" >"/dev/stderr"; missing++ }
  }
  END { print listed + 0; exit missing > 0 }') || failed=1
((sources > 0)) || complain 'no source is listed'

# Node's tests are registered in loops, so that ctest is asked which files it runs.
registered=$(ctest --test-dir "$build" --show-only=json-v1)
node_tests=0
while IFS= read -r file; do
  if grep -qF -- "/$file\"" <<<"$registered"; then
    node_tests=$((node_tests + 1))
  else
    complain "$file is run by no test of ctest"
  fi
done < <(find tests -name node_modules -prune -o -type f -name '*.test.js' -print | sort)

((failed)) && exit 1
echo "$sources sources are listed, $node_tests Node tests are registered"
