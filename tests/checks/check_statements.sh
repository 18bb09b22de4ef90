#!/usr/bin/env bash
# Fails when a statement of tests/wire/statements.txt stands in no test of that folder, or a test names one that is not listed.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../wire"

listed=$(grep -v '^#' statements.txt | cut -d' ' -f1 | sort)
named=$(grep -oh '\[MQTT-[0-9.-]*\]' ./*_test.cpp | sed 's/^\[MQTT-//; s/\]$//' | sort -u)
missing=$(comm -23 <(printf '%s\n' "$listed") <(printf '%s\n' "$named"))
unlisted=$(comm -13 <(printf '%s\n' "$listed") <(printf '%s\n' "$named"))
[[ -z $missing ]] || printf 'in no test: [MQTT-%s]\n' $missing
[[ -z $unlisted ]] || printf 'not in statements.txt: [MQTT-%s]\n' $unlisted
[[ -z $missing && -z $unlisted ]] || exit 1
printf '%d statements, each in a test\n' "$(wc -l <<<"$listed")"
