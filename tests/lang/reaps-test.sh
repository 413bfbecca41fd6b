#!/bin/sh
# reaps-test.sh GNTSIM SCENARIOS: who traces a scenario's processes becomes a child of the player, which does not keep
# it when it has ended: each machine that looks at all processes would take longer than the one before.
gntsim=$1 scenarios=$2
"$gntsim" run --front ptrace -- true 2>/dev/null || {
	echo "skipped: no ptrace front here: $("$gntsim" run --front ptrace -- true 2>&1)"
	exit 77
}
dir=$(mktemp -d)
player=
finish() {
	[ -z "$player" ] || kill "$player" 2>/dev/null
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

# A scenario that does not come: the player waits for it when those before have been played.
mkfifo "$dir/z.scn"
"$gntsim" play --no-tap "$scenarios/examples" "$dir/z.scn" --on ptrace >"$dir/out" 2>&1 &
player=$!
exec 3>"$dir/z.scn"
played=$(grep -c '^passed' "$dir/out")
ended=$(cat /proc/[0-9]*/status 2>/dev/null | awk -v player="$player" '
	/^State:/ { ended = $2 == "Z" }
	/^PPid:/ && $2 == player { n += ended }
	END { print n + 0 }')
echo "$played played, $ended ended children kept"
[ "$played" -ge 5 ] && [ "$ended" -lt 3 ]
