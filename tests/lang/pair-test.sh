#!/bin/sh
# SPDX-License-Identifier: MIT
# Two players with a channel between them, each in a domain of one machine of fake devices: what
# runs in two real domains, without these. $1: gntsim, $2: two-ends, $3: scenarios.
set -eu
gntsim=$1 two_ends=$2 scenarios=$3
dir=$(mktemp -d)
trap 'kill $server; wait $server || :; rm -rf "$dir"' EXIT
mkfifo "$dir/ready"
"$gntsim" serve --socket "$dir/machine" >"$dir/ready" &
server=$!
read -r _ <"$dir/ready"

# play HOW-MANY-PASS [OPTION]...
play() {
	passed=$1
	shift
	"$two_ends" pv+pvh \
		"$gntsim" run --socket "$dir/machine" --domain 0 -- \
		"$gntsim" play --on pair --no-tap "$@" "$scenarios/examples" "$(dirname "$0")/pair.scn" :: \
		"$gntsim" run --socket "$dir/machine" --domain 1 --guest pvh -- \
		"$gntsim" play --on pair >"$dir/out" ||
		{ cat "$dir/out"; exit 1; }
	grep -q "^$passed passed, 0 failed, 0 skipped, 0 errors" "$dir/out" ||
		{ cat "$dir/out"; exit 1; }
}
play 6
play 6 --swap
