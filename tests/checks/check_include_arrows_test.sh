#!/usr/bin/env bash
# Shows that check_include_arrows.sh catches what it is there for: each case is a tree of one bad file.
set -euo pipefail
check=$(dirname "$(readlink -f "$0")")/check_include_arrows.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

# expect pass|fail FILE LINE
expect() {
  local want=$1 file=$2 line=$3 got=pass
  rm -rf "${tree:?}"/*
  mkdir -p "$tree"/{protocol,config,storage,server} "$tree/$(dirname "$file")"
  printf '%s\n' "$line" >"$tree/$file"
  "$check" "$tree" >"$tree/out" 2>&1 || got=fail
  [[ $got == "$want" ]] || { echo "expected $want, got $got: $line in $file"; cat "$tree/out"; failed=1; }
}

expect pass storage/a.cpp '#include "protocol/twin/document.hpp"'
expect pass server/mqtt/a.cpp '#include "server/mqtt/b.hpp"'
expect pass server/mqtt/a.cpp '#include <vector>'
expect pass storage/rocksdb/a.cpp '#include <rocksdb/db.h>'
expect pass storage/rocksdb/a.cpp '#include "storage/store.hpp"'
expect pass storage/commit/a.cpp '#include "storage/engine/engine.hpp"'
expect pass server/hub/jobs/a.cpp '#include "server/hub/twins/twins.hpp"'
expect fail storage/a.cpp '#include "protocol/mqtt/packet.hpp"'
expect fail protocol/twin/a.hpp '#include "storage/store.hpp"'
expect fail server/mqtt/a.cpp '#include "server/rest/routes.hpp"'
expect fail server/rest/a.cpp '#include "server/mqtt/mqtt_door.hpp"'
expect fail server/hub/a.cpp '  #  include "server/mqtt/mqtt_door.hpp"'
expect fail server/hub/a.cpp '#include "config/settings.hpp"'
expect fail server/hub/a.cpp '#include "server/app.hpp"'
expect fail server/hub/a.cpp '#include "neighbour.hpp"'
expect fail storage/a.cpp '#include "tests/support/x.hpp"'
expect fail server/hub/a.cpp '#include <rocksdb/db.h>'
expect fail storage/a.cpp '#include <rocksdb/db.h>'
expect fail storage/store.hpp '#include "storage/rocksdb/rocksdb_store.hpp"'
expect fail storage/store.hpp '#include "storage/engine/engine.hpp"'
expect fail storage/engine/a.hpp '#include <rocksdb/db.h>'
expect fail storage/engine/a.hpp '#include "storage/commit/commit_queue.hpp"'
expect fail storage/commit/a.cpp '#include <rocksdb/db.h>'
expect fail storage/commit/a.cpp '#include "storage/rocksdb/rocksdb_engine.hpp"'
expect fail server/hub/twins/a.cpp '#include "storage/commit/engine_store.hpp"'
expect fail storage/format/a.cpp '#include "storage/store.hpp"'
expect fail server/base/a.cpp '#include "server/hub/hub.hpp"'
expect fail server/wire/a.cpp '#include "server/mqtt/connection.hpp"'
expect fail server/hub/twins/a.cpp '#include "server/hub/jobs/jobs.hpp"'
expect fail server/hub/twins/a.cpp '#include "server/hub/hub.hpp"'
expect fail server/hub/registry/a.cpp '#include "server/hub/queries/queries.hpp"'
expect fail server/hub/messages/a.cpp '#include "server/hub/twins/twins.hpp"'
expect fail server/hub/connections/a.cpp '#include "server/hub/access/authenticator.hpp"'
expect pass server/hub/access/a.cpp '#include "server/hub/connections/device_table.hpp"'
expect fail server/hub/messages/a.cpp '#include "server/hub/access/authenticator.hpp"'
expect fail server/wire/a.cpp '#include "server/hub/connections/device_table.hpp"'
expect fail server/hub/limits/a.cpp '#include "server/hub/methods/methods.hpp"'
expect fail server/events/a.cpp '#include "server/hub/twins/twins.hpp"'
expect fail server/mqtt/a.cpp '#include <simdjson.h>'
expect fail server/new_room/a.cpp '#include "server/rest/routes.hpp"'
exit $failed
