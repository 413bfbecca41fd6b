#!/bin/busybox sh
# shellcheck shell=dash
# lab-examples.sh: the examples on real Xen, in the two domains of ci/xen-lab, where they lie in /lab.
# Domain 1 shares, domain 0 maps; each side of the mutex dies once.
channel=$GNTSIM_LAB_CHANNEL
peer=$GNTSIM_LAB_PEER

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# Domain 1: runs a command, whose "REF PORT" goes to domain 0; then says how it ended.
share() {
	"$@" 1>&"$channel" 2>/tmp/said
	echo "$? $(grep side /tmp/said)" >&"$channel"
}

# Domain 0: the other side's command ended so.
ended() {
	read -r how <&"$channel"
	[ "$how" = "$1" ] || fail "domain 1: '$how', expected '$1'"
	echo "domain 1: $how"
}

# mutex STATUS SAYS [die|repair]: domain 0's side of the mutex.
mutex() {
	read -r ref port <&"$channel"
	status=0
	/lab/robust-mutex map "$peer" "$ref" "$port" 50 ${3:+"$3"} 2>/tmp/said || status=$?
	[ "$status $(grep side /tmp/said)" = "$1 $2" ] || fail "$status $(cat /tmp/said), expected $1 $2"
	echo "domain 0: $1 $2"
}

if [ "$GNTSIM_LAB_ROLE" = domU ]; then
	seq 20000 | share /lab/producer "$peer"
	share /lab/robust-mutex share "$peer" 50
	share /lab/robust-mutex share "$peer" 50 die
	share /lab/robust-mutex share "$peer" 50 repair
	exit 0
fi
read -r ref port <&"$channel"
/lab/consumer "$peer" "$ref" "$port" >/tmp/received || fail "consumer"
seq 20000 | cmp - /tmp/received || fail "the consumer got something else"
echo "domain 0: the consumer got what was sent"
ended 0
mutex 0 "side 1: done, repaired 0"
ended "0 side 0: done, repaired 0"
mutex 0 "side 1: done, repaired 1" repair
ended 137
mutex 137 "" die
ended "0 side 0: done, repaired 1"
