#!/usr/bin/env bash
# A bare Debian 12: the essential packages and apt, as a fresh container has them.
#   bare_tree.sh FOLDER     FOLDER: empty, gets the tree
# It is made once from Debian's packages, which takes most of a minute, and kept as TESTS_BARE_TREE (default /var/tmp/twinhub-tests-bookworm-ARCH.tar)
# for a week.
set -euo pipefail
folder=$1
kept=${TESTS_BARE_TREE:-/var/tmp/twinhub-tests-bookworm-$(dpkg --print-architecture).tar}
if [[ ! -s $kept || -n $(find "$kept" -mtime +7) ]]; then
  rm -f "$kept"
  made=$(mktemp "$kept.XXXXXX.tar")
  trap 'rm -f "$made"' EXIT
  # The package lists stay: the tests install from them.
  mmdebstrap --quiet --variant=apt --skip=cleanup/apt --aptopt='Acquire::Languages "none"' bookworm "$made"
  mv "$made" "$kept"
fi
tar -C "$folder" --numeric-owner -xf "$kept"
cp /etc/resolv.conf "$folder/etc/resolv.conf"
