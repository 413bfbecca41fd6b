#!/bin/sh
# The fuzzer with real Xen as its judge, played by a lab that is none: what differs and what crashes
# is found among many, played by itself and shrunk. usage: fuzz-xen-test.sh GNTSIM FAKE-LAB
set -eu
gntsim=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export GNTSIM_XEN_LAB="$2" GNTSIM_PLAY_STATIC=/bin/true LAB_LOG="$scratch/log"

fail() {
	echo "$1" >&2
	cat "$scratch/out" >&2
	exit 1
}

# fuzz STATUS OPTION...
fuzz() {
	expected=$1 status=0
	shift
	: >"$LAB_LOG"
	"$gntsim" fuzz --against xen --write "$scratch" "$@" >"$scratch/out" 2>&1 || status=$?
	[ $status = "$expected" ] || fail "status $status, expected $expected"
}

# The sequence that was written has this line, and no more than so many.
written() {
	file=$(sed -n 's/^written to //p' "$scratch/out")
	[ "$file" ] || fail "nothing was written"
	grep -q "$1" "$file" || fail "no $1 in $file"
	[ "$(grep -c '^[A-Z]: ' "$file")" -le "$2" ] || fail "$file was not shrunk"
}

export FAULT_CRASH=none FAULT_DIFFERENCE=none FAULT_HANG=none
fuzz 0 --ops 3000
grep -q '^30[0-9]* calls in .*: 0 differences' "$scratch/out" || fail "no summary"
[ "$(wc -l <"$LAB_LOG")" = 1 ] || fail "more than one boot"
grep -q -e ' --quiet 2 ' "$LAB_LOG" || fail "the guest looks longer than it need"

# On Arm the model has the security module that Debian's Xen has there: no port towards nobody.
FAULT_DIFFERENCE='UNBOUND_PORT.*= -1 ESRCH'
fuzz 1 --against xen:arm64+arm64 --ops 2000 --max 1
fuzz 0 --against xen:arm64+arm64 --ops 2000 --xsm dummy

FAULT_DIFFERENCE='A: madvise'
fuzz 1 --ops 3000 --max 1
grep -q 'expected 0, got 1' "$scratch/out" || fail "no difference"
written madvise 12

FAULT_DIFFERENCE=none FAULT_CRASH='B: exec'
fuzz 1 --ops 1000 --max 1
grep -q "kernel crashed: BUG: a fault" "$scratch/out" || fail "no crash"
written exec 1
grep -q "^# .*kernel crashed: BUG: a fault" "$file" || fail "$file does not tell of the crash"

# Each play of it takes so long.
FAULT_CRASH=none FAULT_HANG='B: exec'
fuzz 1 --ops 300 --length 12 --max 1 --patience 1
grep -q "no result within 1 second" "$scratch/out" || fail "no hang"
written exec 1
grep -q "^# .*no result within 1 second" "$file" || fail "$file does not tell of the hang"

export GNTSIM_XEN_LAB=/nowhere
fuzz 125 --ops 100
grep -q "no lab at /nowhere" "$scratch/out" || fail "no reason"
fuzz 125 --ops 100 --guest pv
! "$gntsim" fuzz --against xen:pvh --ops 1 2>/dev/null || fail "a leg that there is not"
