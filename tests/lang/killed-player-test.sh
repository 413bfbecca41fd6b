#!/bin/sh
# A player that is killed takes its machine along, and leaves no process, mount or file.
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
for signal in TERM KILL; do
	"$gntsim" play --on "$front" "$scratch/blocks.scn" >/dev/null 2>&1 &
	await machine_runs || fail "no machine"
	kill -$signal $! 2>/dev/null || true
	wait $! 2>/dev/null || true
	await left_nothing || fail "left something after SIG$signal"
done
