#!/usr/bin/env bash
# Lists every C++ file of ours, one path per line, from the root of the tree (git is not needed: a tarball will do).
set -euo pipefail
cd "${1:-$(dirname "$(readlink -f "$0")")/../..}"
find protocol config storage server tests bench -name node_modules -prune -o -type f \( -name '*.hpp' -o -name '*.cpp' \) -print | sort
