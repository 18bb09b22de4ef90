#!/usr/bin/env bash
# Runs one Node test file:  run_node_test.sh FILE.test.js
#                           run_node_test.sh --with-hub|--with-image FILE.test.js...
# With --with-hub the tests of the files find a fresh hub in their environment (with_hub.js), with --with-image the hub's image in a Docker
# engine (with_image.js).
set -euo pipefail
support=$(dirname "$(readlink -f "$0")")
source "$support/require_node.sh"
unset NODE_TEST_CONTEXT NODE_OPTIONS
if [[ $1 == --with-hub ]]; then
  exec node "$support/with_hub.js" "${@:2}"
fi
if [[ $1 == --with-image ]]; then
  shift
  exec node "$support/with_image.js" "$@"
fi
exec node --test "$1"
