#!/usr/bin/env bash
# The version that cmake/version.cmake finds in a git repository: of a release, on the way to one, of changed files, without git.
set -euo pipefail
source=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t
unset GIT_DIR GIT_WORK_TREE

found() {
  cmake -DSOURCE="$tree/hub" -DRELEASE=1.2.0 -DHEADER="$tree/header" "$@" -P "$source/cmake/commit.cmake"
  sed -n 's/^#define TWINHUB_VERSION "\(.*\)"/\1/p' "$tree/header"
}
commit() { sed -n 's/^#define TWINHUB_COMMIT "\(.*\)"/\1/p' "$tree/header"; }
expect() {
  [[ $2 =~ ^$3$ ]] || {
    echo "$1: found '$2', not '$3'"
    exit 1
  }
}
at() { GIT_COMMITTER_DATE=$1 GIT_AUTHOR_DATE=$1 git -C "$tree/hub" commit -qam "$2"; }

mkdir "$tree/hub"
expect 'no git: the release' "$(found)" '1\.2\.0'
expect 'no git: the commit' "$(commit)" 'commit unknown'
expect 'a version that was given' "$(found -DVERSION=1.2.0~x -DCOMMIT=abc)" '1\.2\.0~x'
expect 'a commit that was given' "$(commit)" 'abc'

git -C "$tree/hub" init -q
echo 1 >"$tree/hub/file" && git -C "$tree/hub" add file && at '2026-01-02T03:04:05+02:00' one
first=$(found)
expect 'a commit on the way to the release, by its time in UTC' "$first" '1\.2\.0~git20260102\.010405\.[0-9a-f]{7,}'
expect 'its commit' "$(commit)" '[0-9a-f]{12}'
echo 2 >"$tree/hub/file"
expect 'a file that was changed' "$(found)" '1\.2\.0~git20260102\.010405\.[0-9a-f]{7,}\.dirty'
expect 'its commit' "$(commit)" '[0-9a-f]{12}-dirty'
at '2026-01-02T04:00:00+00:00' two
second=$(found)
git -C "$tree/hub" tag v1.1.0
expect 'a tag of another release' "$(found)" "${second//./\\.}"
git -C "$tree/hub" tag -a v1.2.0 -m 'release'
expect 'the tag of the release' "$(found)" '1\.2\.0'
for pair in "$first lt $second" "$second lt 1.2.0" "1.1.9 lt $first"; do
  read -r one relation other <<<"$pair"
  dpkg --compare-versions "$one" "$relation" "$other" || {
    echo "dpkg does not sort $one before $other"
    exit 1
  }
done
echo 'versions of releases and of what lies between them are as they should be'
