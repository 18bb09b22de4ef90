#!/usr/bin/env bash
# Fails when an include goes the wrong way between rooms, or when a library is used outside its one door.
#   check_include_arrows.sh [ROOT]        ROOT: the tree to check, default the tree this file stands in
set -euo pipefail
cd "${1:-$(dirname "$(readlink -f "$0")")/../..}"

# A room is one folder, without those in it. It may always include itself; what stands right of the arrow it may include too.
rooms='
protocol         ->
protocol/json    -> protocol
protocol/iothub  -> protocol protocol/json
protocol/mqtt    -> protocol
protocol/amqp    -> protocol protocol/iothub
protocol/twin    -> protocol protocol/json protocol/iothub
protocol/query   -> protocol protocol/json protocol/iothub protocol/twin
protocol/configuration -> protocol protocol/json protocol/iothub protocol/twin protocol/query
protocol/x509    -> protocol
config           ->
storage/format   -> protocol protocol/iothub protocol/twin
storage          -> protocol protocol/iothub protocol/twin storage/format
storage/engine   -> protocol storage
storage/commit   -> protocol protocol/iothub protocol/twin storage storage/format storage/engine
storage/rocksdb  -> protocol storage storage/format storage/engine storage/commit
storage/backup   -> protocol storage
server/base      -> protocol protocol/json storage
server/notices   -> protocol protocol/json protocol/iothub protocol/query storage server/base
server/net       -> protocol protocol/x509 storage server/base server/notices
server/wire      -> protocol storage server/net server/base server/notices
server/hub/limits -> protocol protocol/json protocol/iothub protocol/twin storage storage/format server/base
server/hub/access -> protocol protocol/json protocol/iothub protocol/twin storage storage/format server/base protocol/x509 server/hub/connections server/hub/limits
server/hub/connections -> protocol protocol/json protocol/iothub protocol/twin storage storage/format server/base protocol/x509
server/hub/messages -> protocol protocol/json protocol/iothub protocol/twin storage storage/format server/base server/hub/connections
server/hub/methods -> protocol protocol/json protocol/iothub protocol/twin storage storage/format server/base server/hub/connections
server/hub/twins -> protocol protocol/json protocol/iothub protocol/twin storage storage/format server/base server/hub/messages server/hub/connections
server/hub/registry -> protocol protocol/json protocol/iothub protocol/twin storage storage/format server/base protocol/x509 server/hub/twins server/hub/messages server/hub/connections server/hub/access
server/hub/queries -> protocol protocol/json protocol/iothub protocol/twin storage storage/format server/base protocol/query server/hub/twins server/hub/messages server/hub/connections
server/hub/jobs -> protocol protocol/json protocol/iothub protocol/twin storage storage/format server/base protocol/query server/hub/queries server/hub/twins server/hub/messages server/hub/methods server/hub/connections server/hub/limits
server/hub/configurations -> protocol protocol/json protocol/iothub protocol/twin storage storage/format server/base protocol/query protocol/configuration server/hub/registry server/hub/queries server/hub/twins server/hub/messages server/hub/connections
server/hub -> storage server/base server/hub/jobs server/hub/configurations server/hub/registry server/hub/queries server/hub/twins server/hub/messages server/hub/methods server/hub/access server/hub/connections server/hub/limits
server/mqtt -> protocol protocol/json protocol/iothub protocol/mqtt protocol/twin storage server/net server/wire server/base server/hub server/hub/jobs server/hub/configurations server/hub/registry server/hub/queries server/hub/twins server/hub/messages server/hub/methods server/hub/access server/hub/connections server/hub/limits server/notices
server/amqp/engine -> protocol protocol/amqp
server/amqp -> protocol protocol/json protocol/iothub protocol/twin protocol/amqp protocol/x509 storage server/events server/net server/wire server/base server/amqp/engine server/hub server/hub/jobs server/hub/configurations server/hub/registry server/hub/queries server/hub/twins server/hub/messages server/hub/methods server/hub/access server/hub/connections server/hub/limits server/notices
server/rest -> protocol protocol/json protocol/iothub protocol/twin protocol/x509 protocol/query server/net server/base server/hub server/hub/jobs server/hub/configurations server/hub/registry server/hub/queries server/hub/twins server/hub/messages server/hub/methods server/hub/access server/hub/connections server/hub/limits server/notices
server/management/arm -> protocol protocol/json protocol/iothub protocol/query protocol/twin storage storage/format server/base server/hub server/hub/jobs server/hub/configurations server/hub/registry server/hub/queries server/hub/twins server/hub/messages server/hub/methods server/hub/access server/hub/connections server/hub/limits
server/management -> protocol protocol/json protocol/iothub server/net server/base server/management/arm server/hub server/hub/jobs server/hub/configurations server/hub/registry server/hub/queries server/hub/twins server/hub/messages server/hub/methods server/hub/access server/hub/connections server/hub/limits storage server/rest server/notices
server/events -> protocol protocol/json protocol/iothub protocol/mqtt protocol/query protocol/twin storage storage/format server/base server/net
server/ops -> protocol storage server/base server/net server/notices
server/console -> protocol protocol/json protocol/iothub protocol/twin protocol/query storage server/base server/net server/ops server/notices server/events server/rest server/management server/hub server/hub/jobs server/hub/configurations server/hub/registry server/hub/queries server/hub/twins server/hub/messages server/hub/methods server/hub/access server/hub/connections server/hub/limits
server/control -> protocol protocol/json protocol/iothub protocol/query storage storage/format storage/backup server/base server/net server/ops server/events server/hub/queries
server/cli -> protocol protocol/json protocol/iothub config storage storage/rocksdb storage/backup server/net
server -> protocol protocol/json protocol/iothub protocol/twin protocol/x509 config storage storage/rocksdb storage/backup server/net server/events server/mqtt server/amqp server/rest server/ops server/console server/control server/cli server/base server/management server/management/arm server/hub server/hub/jobs server/hub/configurations server/hub/registry server/hub/queries server/hub/twins server/hub/messages server/hub/methods server/hub/access server/hub/connections server/hub/limits server/notices
'

# library header prefix -> the rooms that are its door. Tests and benches are free.
doors='
simdjson         -> protocol/json
rocksdb/         -> storage/rocksdb
boost/beast      -> server/net server/wire server/rest server/ops server/console server/control
toml++/          -> config
mqtt/            -> server/events server/cli
CLI/             -> server server/cli
prometheus/      -> server/ops
proton/          -> server/amqp/engine
openssl/x509     -> protocol/x509 server/net
openssl/pem      -> protocol/x509 server/net
'

awk -v rooms="$rooms" -v doors="$doors" '
  function room_of(path) {  # the folder, if it is a room
    sub(/\/[^\/]*$/, "", path)
    return path in allowed ? path : ""
  }
  function complain(why) { printf "%s:%d: %s\n", FILENAME, FNR, why; wrong++ }
  BEGIN {
    n = split(rooms, lines, "\n")
    for (i = 1; i <= n; i++) if (split(lines[i], part, " *-> *") == 2) allowed[part[1]] = " " part[2] " "
    n = split(doors, lines, "\n")
    for (i = 1; i <= n; i++) if (split(lines[i], part, " *-> *") == 2) door[part[1]] = " " part[2] " "
  }
  FNR == 1 { from = room_of(FILENAME); files++ }
  from == "" { if (!strange[FILENAME]++) complain("this folder is in no room: name it in tests/checks/check_include_arrows.sh"); next }
  match($0, /^[ \t]*#[ \t]*include[ \t]*["<][^">]+/) {
    target = substr($0, RSTART, RLENGTH)
    quoted = target ~ /"/
    sub(/^[^"<]*["<]/, "", target)
    if (quoted) {
      to = room_of(target)
      if (to == "") complain("includes \"" target "\": not a path from the root into a room")
      else if (to != from && index(allowed[from], " " to " ") == 0) complain("arrow " from " -> " to " is not allowed (\"" target "\")")
    } else {
      for (prefix in door)
        if (index(target, prefix) == 1 && index(door[prefix], " " from " ") == 0)
          complain("<" target "> has its door in:" door[prefix] "- not in " from)
    }
  }
  END {
    if (files == 0) { print "no C++ file found"; exit 1 }
    if (wrong) { printf "%d include(s) go the wrong way\n", wrong; exit 1 }
    printf "%d files, all arrows point the right way\n", files
  }
' $(find protocol config storage server -type f \( -name '*.hpp' -o -name '*.cpp' \) | sort)
