#!/bin/sh
# SPDX-License-Identifier: MIT
# Plays agent.scn with real processes, on nodes that are /dev/null. $1: the player, $2: the file.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for node in gntalloc gntdev evtchn; do
	ln -s /dev/null "$dir/$node"
done
"$1" --on device --device-dir "$dir" --domid 0 --host pv --no-tap "$2"
