#!/usr/bin/env bash
# Fails when the console's files do not come into the program as they are, or the same files give other bytes the next time.
set -euo pipefail
root=$(dirname "$(readlink -f "$0")")/../..
source "$root/tests/support/node/require_node.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/dist/assets"
printf '<!doctype html><title>x</title>' >"$work/dist/index.html"
printf 'export const semicolon = ";";\n' >"$work/dist/assets/app-1.js"
head -c 3000 /dev/urandom >"$work/dist/assets/noise-2.woff2"
embed() { cmake -DFOLDER="$work/dist" -DOUTPUT="$work/$1" -DNODE="$(command -v node)" -P "$root/cmake/embed.cmake"; }

embed one.cpp
touch -d '2001-01-01' "$work/dist/index.html"
embed two.cpp
cmp "$work/one.cpp" "$work/two.cpp" || { echo 'the same files gave other bytes'; exit 1; }
for line in '{"assets/app-1.js", "text/javascript; charset=utf-8", "' '{"index.html", "text/html; charset=utf-8", "'; do
  grep -qF "$line" "$work/one.cpp" || { echo "the table lacks $line"; exit 1; }
done

# The arrays are the files: taken back out, and unpacked.
node -e '
  const fs = require("node:fs"), zlib = require("node:zlib"), [source, dist] = process.argv.slice(1);
  const text = fs.readFileSync(source, "utf8");
  const arrays = [...text.matchAll(/file_\d+\[\] = \{([^}]*)\}/g)].map(([, bytes]) => Buffer.from(bytes.split(",").filter(Boolean).map(Number)));
  const names = [...text.matchAll(/^ +\{"([^"]+)"/gm)].map(([, name]) => name);
  if (names.length !== 3) throw new Error(`3 files, ${names.length} in the table`);
  names.forEach((name, at) => {
    if (!zlib.gunzipSync(arrays[at]).equals(fs.readFileSync(`${dist}/${name}`))) throw new Error(`${name} is another file`);
  });' "$work/one.cpp" "$work/dist"

printf 'changed' >>"$work/dist/assets/app-1.js"
embed three.cpp
if [[ $(grep -o 'return {"[0-9a-f]*"' "$work/one.cpp") == $(grep -o 'return {"[0-9a-f]*"' "$work/three.cpp") ]]; then
  echo 'another file, and the build is called the same'
  exit 1
fi
rm "$work/dist/index.html"
if embed four.cpp 2>/dev/null; then
  echo 'a folder without a page was embedded'
  exit 1
fi
echo 'files come into the program as they are, the same each time'
