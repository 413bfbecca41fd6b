#!/bin/sh
# A client program is recorded: the script must play on the model and on real processes.
# usage: record.sh STAGE DOMAINS GNTSIM PROGRAM
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0
"$1" --domains "$2" --record "$dir/it.scn" "$3" "$4" || status=$?
[ $status = 0 ] || exit $status
grep -q '^process' "$dir/it.scn" || { echo "the script has no process"; exit 1; }
for on in model socket; do
	"$3" play --on $on "$dir/it.scn" >"$dir/said" || status=1
	grep -q "^passed  $dir/it.scn" "$dir/said" || status=1
	[ $status = 0 ] || { echo "on $on:"; cat "$dir/said" "$dir/it.scn"; exit 1; }
done
