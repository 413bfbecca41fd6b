#!/bin/sh
# A player that is killed takes its machine along, and leaves no process, mount or file.
# Nor does a broker that dies take a later scenario along.
# usage: killed-player-test.sh GNTSIM FRONT
set -eu
gntsim=$1 front=$2
scratch=$(mktemp -d)
export TMPDIR="$scratch/tmp"
mkdir "$TMPDIR"
trap 'rm -rf "$scratch"' EXIT
cat >"$scratch/blocks.scn" <<END
domain dom0
process A in dom0
A: ev = open("/dev/xen/evtchn", O_RDWR)
A: read(ev, 4) = 4
END

fail() {
	echo "$front: $1" >&2
	pgrep -af "$TMPDIR" >&2 || true
	ls -lR "$TMPDIR" >&2
	exit 1
}

machine_runs() {
	pgrep -f "serve --socket $TMPDIR/" >/dev/null
}

# The agent is the launcher's child, or the launcher itself by now.
has_agent() {
	agent=$(pgrep -f -P "$player" -- "--agent") && return
	for launcher in $(pgrep -P "$player"); do
		agent=$(pgrep -f -P "$launcher" -- "--agent") && return
	done
	return 1
}

agent_ended() {
	for pid in $agent; do
		! kill -0 "$pid" 2>/dev/null || return 1
	done
}

left_nothing() {
	[ -z "$(ls -A "$TMPDIR")" ] && ! machine_runs && ! grep -q "$TMPDIR" /proc/mounts
}

# Ten seconds for something to become true.
await() {
	for _ in $(seq 200); do
		! "$@" || return 0
		sleep 0.05
	done
	return 1
}

"$gntsim" play --on "$front" "$scratch/blocks.scn" >"$scratch/out" 2>&1 && status=0 || status=$?
[ "$status" != 77 ] || exit 77
left_nothing || fail "left something after its end"
# Kills a player as soon as something is true.
kill_when() { # CONDITION SIGNAL
	"$gntsim" play --on "$front" "$scratch/blocks.scn" >/dev/null 2>&1 &
	player=$!
	await "$1" || fail "waited for $1"
	kill "-$2" $player 2>/dev/null || true
	wait $player 2>/dev/null || true
	await left_nothing || fail "left something after SIG$2, $1"
}

# There is a broker; and the scenario's process waits for an event.
for signal in TERM KILL; do
	kill_when machine_runs $signal
	kill_when has_agent $signal
	await agent_ended || fail "process $agent is still there after SIG$signal"
done

head -n 3 "$scratch/blocks.scn" >"$scratch/passes.scn"
"$gntsim" play --tap --on "$front" "$scratch/blocks.scn" "$scratch/passes.scn" "$scratch/passes.scn" \
	>"$scratch/out" 2>&1 &
player=$!
await has_agent || fail "no process of the scenario's"
await pkill -SEGV -f "serve --socket $TMPDIR/" || fail "no broker"
wait $player 2>/dev/null || true
[ "$(grep -c '^ok' "$scratch/out")" = 2 ] || { cat "$scratch/out" >&2 && fail "a dead broker spoilt others"; }
await left_nothing || fail "left something after a broker's death"
