#!/bin/sh
# SPDX-License-Identifier: MIT
# How long nothing must come where nothing is expected: a read that blocks, and no signal. $1: gntsim.
set -eu
gntsim=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/quiet.scn" <<'END'
domain dom0
process A in dom0
A: e = open("/dev/xen/evtchn", O_RDWR)
A: read(e, 4) = blocks
A: sigio() = 0
END
start=$(date +%s%3N)
"$gntsim" play --on socket --guest pv --no-tap --quiet 300 "$dir/quiet.scn" || exit
took=$(($(date +%s%3N) - start))
[ $took -ge 600 ] || { echo "two waits of 300 ms took $took ms" && exit 1; }
status=0
"$gntsim" play --quiet 0 "$dir/quiet.scn" 2>"$dir/err" || status=$?
cat "$dir/err"
[ $status = 125 ] && grep -q "^gntsim play: --quiet" "$dir/err"
