#!/usr/bin/env bash
# Fails when a document (*.md) names a file or folder that is not there: the target of a relative link, and in code spans every path whose
# first folder is one of the tree's (`server/app.cpp`, `tests/sdk`, with wildcards, too) and every name of a source (`mqtt_door.hpp`).
#   check_document_paths.sh [ROOT]      ROOT: the tree to check, default the tree this file stands in
set -euo pipefail
cd "${1:-$(dirname "$(readlink -f "$0")")/../..}"

# What is built, installed or kept by a running hub is no part of the tree.
not_ours=(\( -name .git -o -name node_modules -o -path ./build -o -path ./data \) -prune -o)

mapfile -t documents < <(find . "${not_ours[@]}" -type f -name '*.md' -printf '%P\n' | sort)
((${#documents[@]})) || {
  echo 'no document was found'
  exit 1
}
folders=$(find . -mindepth 1 -maxdepth 1 "${not_ours[@]}" -type d -printf '%P ')
sources=$(find . "${not_ours[@]}" -type f \( -name '*.[ch]pp' -o -name '*.sh' -o -name '*.js' -o -name '*.py' \) -printf '%f\n' | sort -u)

# One line for each name: document, line, what it is (link, path, source), name.
names() {
  awk -v folders=" $folders" '
    function tell(kind, name) { printf "%s\t%d\t%s\t%s\n", FILENAME, FNR, kind, name }
    function words_of(span,    words, count, i, word) {
      count = split(span, words, /[ \t]+/)
      for (i = 1; i <= count; i++) {
        word = words[i]
        sub(/^[("'"'"'\[]+/, "", word)
        sub(/[])"'"'"',.;:]+$/, "", word)
        sub(/^\.\//, "", word)
        sub(/:[0-9]+$/, "", word)
        if (match(word, /\//) && index(folders, " " substr(word, 1, RSTART - 1) " ") > 0) tell("path", word)
        else if (word ~ /^[A-Za-z0-9_.-]+\.([ch]pp|sh|js|py)$/) tell("source", word)
      }
    }
    FNR == 1 { fenced = 0 }
    /^[ \t]*```/ { fenced = !fenced; next }
    {
      if (fenced) next
      rest = $0
      while (match(rest, /`[^`]+`/)) {
        span = substr(rest, RSTART + 1, RLENGTH - 2)
        rest = substr(rest, RSTART + RLENGTH)
        words_of(span)
      }
      rest = $0
      while (match(rest, /\]\([^)]+\)/)) {
        target = substr(rest, RSTART + 2, RLENGTH - 3)
        rest = substr(rest, RSTART + RLENGTH)
        sub(/#.*/, "", target)
        if (target != "" && target !~ /^[a-z]+:/) tell("link", target)
      }
    }
  ' "${documents[@]}"
}

checked=0 wrong=0
while IFS=$'\t' read -r document line kind name; do
  checked=$((checked + 1))
  case $kind in
    link) [[ -e $(dirname "$document")/$name ]] ;;
    path) [[ -e $name ]] || { [[ $name == *[*?[]* ]] && compgen -G "${name%/}" >/dev/null; } ;;
    source) grep -qxF -- "$name" <<<"$sources" ;;
  esac || {
    echo "$document:$line: there is no $name"
    wrong=$((wrong + 1))
  }
done < <(names)

((wrong == 0)) || exit 1
echo "${#documents[@]} documents name $checked files and folders, all of them there"
