#!/usr/bin/env bash
# How long from exec to /readyz 200: on an empty folder (first start: keys and certificates are made), on the same folder again, and
# on COUNT stored twins after a clean stop and after kill -9.
#   bench/start_to_serving.sh [COUNT] [BUILD]      COUNT 100000, BUILD build/release
set -euo pipefail
cd "$(dirname "$0")/.."
count=${1:-100000}
build=${2:-build/release}
data=$(mktemp -d)
trap 'kill -9 $pid 2>/dev/null || true; rm -rf "$data"' EXIT
pid=

ready() {  # asks /readyz once, without curl
  exec 3<>/dev/tcp/127.0.0.1/19600 || return 1
  printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
  local status
  read -r status <&3 || true
  exec 3>&-
  [[ $status == *" 200 "* ]]
}

start() {  # start LABEL: milliseconds to ready
  local begin end
  begin=$(date +%s%N)
  "$build/twinhub" serve --dev --data-dir "$data" --listen 127.0.0.1 --mqtts-port 18883 --https-port 18443 --amqps-port 15671 --ops-port 19600 \
    2>"$data.log" >/dev/null &
  pid=$!
  until ready 2>/dev/null; do
    kill -0 $pid 2>/dev/null || { cat "$data.log" >&2; exit 1; }
    sleep 0.002
  done
  end=$(date +%s%N)
  printf '%-46s %6d ms\n' "$1" $(((end - begin) / 1000000))
}

halt() {  # halt SIGNAL
  kill "-$1" $pid
  wait $pid 2>/dev/null || true
}

start "empty folder, first start"
halt TERM
start "empty folder, second start"
halt TERM
"$build/bench/seed_store" "$data/db" "$count" >/dev/null
start "$count twins, first start after seeding"
halt TERM
start "$count twins, after a clean stop"
halt KILL
start "$count twins, after kill -9"
halt TERM
