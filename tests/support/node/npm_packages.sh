#!/usr/bin/env bash
# Installs exactly what FOLDER/package-lock.json names into FOLDER/node_modules, unless it is there already.
set -euo pipefail
source "$(dirname "$(readlink -f "$0")")/require_node.sh"
cd "$1"
stamp=node_modules/.installed-lock.json
if cmp -s package-lock.json "$stamp"; then
  echo "packages of $1 are as locked"
  exit 0
fi
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
cp package-lock.json "$stamp"
