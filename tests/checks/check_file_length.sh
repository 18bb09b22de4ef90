#!/usr/bin/env bash
# Fails when a file is too long to be read in one go. One that has a reason to be longer stands below with the reason.
#   check_file_length.sh [ROOT]         ROOT: the tree to check, default the tree this file stands in
set -euo pipefail
cd "${1:-$(dirname "$(readlink -f "$0")")/../..}"
lines_max=450

# file: reason
longer='
'

find . \( -name .git -o -path ./build -o -path ./data -o -name node_modules -o -name corpus \) -prune -o -type f \
  \( -name '*.cpp' -o -name '*.hpp' -o -name '*.js' -o -name '*.py' -o -name '*.sh' -o -name '*.cmake' -o -name CMakeLists.txt \
  -o -path ./dev -o -path ./.ci/run \) -printf '%P\0' | sort -z | xargs -0 -r wc -l | awk -v max="$lines_max" -v longer="$longer" '
  BEGIN {
    count = split(longer, lines, "\n")
    for (i = 1; i <= count; i++) if (match(lines[i], /: ./)) reasons[substr(lines[i], 1, RSTART - 1)] = 1
  }
  $2 == "total" { next }
  { files++ }
  $1 > max && !($2 in reasons) { print $2 " has " $1 " lines, more than " max ": split it, or give its reason in tests/checks/check_file_length.sh"; wrong++ }
  $1 <= max && $2 in reasons { print $2 " has " $1 " lines, and needs no exception in tests/checks/check_file_length.sh any more"; wrong++ }
  END {
    if (files == 0) { print "no file was found"; exit 1 }
    if (wrong) exit 1
    print files " files, none longer than " max " lines without a reason"
  }'
