#!/usr/bin/env bash
# Fails when a C++ file is not as clang-format 14 (Debian 12's; another version formats differently) writes it. Cure: ./dev format
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
clang_format=$(command -v clang-format-14 || command -v clang-format) || {
  echo "clang-format is missing: ./dev deps test" >&2
  exit 1
}
"$clang_format" --version | grep -q 'version 14\.' || {
  echo "clang-format 14 is needed, this is: $("$clang_format" --version)" >&2
  exit 1
}
tests/checks/cxx_files.sh | xargs -d '\n' "$clang_format" --style=file --dry-run -Werror
