#!/bin/sh
# A client program is recorded: the script must play on the model and on real processes.
# usage: record.sh STAGE DOMAINS GNTSIM PROGRAM [OPTION OF STAGE...]
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0
stage=$1 domains=$2 gntsim=$3 program=$4
shift 4
"$stage" "$@" --domains "$domains" --record "$dir/it.scn" "$gntsim" "$program" || status=$?
[ $status = 0 ] || exit $status
grep -q '^process' "$dir/it.scn" || { echo "the script has no process"; exit 1; }
for on in model socket; do
	"$gntsim" play --on $on "$dir/it.scn" >"$dir/said" || status=1
	grep -q "^passed  $dir/it.scn" "$dir/said" || status=1
	[ $status = 0 ] || { echo "on $on:"; cat "$dir/said" "$dir/it.scn"; exit 1; }
done
