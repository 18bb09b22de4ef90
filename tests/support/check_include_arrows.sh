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
protocol/twin    -> protocol protocol/json protocol/iothub
protocol/query   -> protocol protocol/json protocol/iothub protocol/twin
protocol/configuration -> protocol protocol/json protocol/iothub protocol/twin protocol/query
protocol/x509    -> protocol
config           ->
storage          -> protocol protocol/iothub protocol/twin
server/net       -> protocol protocol/x509 storage
server/hub       -> protocol protocol/json protocol/iothub protocol/twin protocol/query protocol/configuration protocol/x509 storage
server/mqtt      -> protocol protocol/json protocol/iothub protocol/mqtt protocol/twin storage server/hub server/net
server/rest      -> protocol protocol/json protocol/iothub protocol/twin protocol/x509 protocol/query server/hub server/net
server/events    -> protocol protocol/json protocol/iothub protocol/query protocol/twin storage server/hub server/net
server/ops       -> protocol server/net server/hub storage
server/cli       -> protocol protocol/json protocol/iothub config storage server/net
server           -> protocol protocol/json protocol/iothub protocol/twin protocol/x509 config storage server/net server/hub server/events server/mqtt server/rest server/ops server/cli
'

# library header prefix -> the rooms that are its door. Tests and benches are free.
doors='
simdjson         -> protocol/json
rocksdb/         -> storage
boost/beast      -> server/net server/mqtt server/rest server/ops
toml++/          -> config
mqtt/            -> server/events
CLI/             -> server server/cli
prometheus/      -> server/ops
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
  from == "" { if (!strange[FILENAME]++) complain("this folder is in no room: name it in tests/support/check_include_arrows.sh"); next }
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
