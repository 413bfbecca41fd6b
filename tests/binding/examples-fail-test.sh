#!/bin/sh
# examples-fail-test.sh GNTSIM HELLO PRODUCER CONSUMER ROBUST-MUTEX: each call of an example fails in turn; the
# example says what it was about and why it failed, and ends with status 1.
set -eu
gntsim=$1 hello=$2 producer=$3 consumer=$4 mutex=$5 dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# says N MESSAGE OPTIONS...: with its Nth call failing. The other side is then alone and waits, which is found.
says() {
	n=$1 message=$2
	shift 2
	status=0
	"$gntsim" run --hang 60s "$@" >"$dir/out" 2>"$dir/err" </dev/null || status=$?
	grep -qx "$message: Cannot allocate memory" "$dir/err" || fail "call $n, $message: status $status, $(cat "$dir/err")"
	case "$status $*" in
	"1 "* | "124 "*:::*) ;;
	*) fail "call $n, $message: status $status, $(cat "$dir/err")" ;;
	esac
}

# alone EXAMPLE ARGUMENTS -- MESSAGE...: those of its first calls.
alone() {
	command=
	while [ "$1" != -- ]; do command="$command $1" && shift; done
	shift
	n=0
	for message; do
		n=$((n + 1))
		# shellcheck disable=SC2086
		says $n "$message" --fail call:$n=ENOMEM -- $command
	done
}

alone "$hello" 0 -- /dev/xen /dev/xen gntshr_share gntshr_share gnttab_map gnttab_map
alone "$producer" 1 -- "producer: open" "producer: open" "producer: share" "producer: share" "producer: share" \
	"producer: notification"
alone "$mutex" share 1 9 -- "robust-mutex: open" "robust-mutex: open" "robust-mutex: share" "robust-mutex: share" \
	"robust-mutex: share" "robust-mutex: notification"

# A producer that has nothing to send yet, for as long as this script has the other end.
mkfifo "$dir/nothing"
exec 9<>"$dir/nothing"
waiting="exec '$producer' 1 <'$dir/nothing'"
n=0
for message in open open map map bind notification wait wait notify; do
	n=$((n + 1))
	says $n "consumer: $message" --wait-for '^[0-9]+ [0-9]+$' -- sh -c "$waiting" ::: --domain 1 --fail call:$n=ENOMEM -- \
		"$consumer" 0 8 1
done

# The other side counts no round: nobody waits for the mutex, so that the calls are always the same.
n=0
for message in open open map map map notification notification unlock; do
	n=$((n + 1))
	says $n "robust-mutex: $message" --wait-for '^[0-9]+ [0-9]+$' -- "$mutex" share 1 0 ::: --domain 1 \
		--fail call:$n=ENOMEM -- "$mutex" map 0 8 1 9
done
for call in 7:wait 8:wait 9:unlock; do
	says "${call%:*}" "robust-mutex: ${call#*:}" --wait-for '^[0-9]+ [0-9]+$' --fail "call:${call%:*}=ENOMEM" -- \
		"$mutex" share 1 9 ::: --domain 1 -- "$mutex" map 0 8 1 0
done

# What is no command line.
for example in "$producer" "$consumer" "$mutex"; do
	status=0
	"$gntsim" run -- "$example" 1 2 3 4 5 6 7 2>"$dir/err" || status=$?
	[ "$status $(head -c 6 "$dir/err")" = "2 usage:" ] ||
		fail "$example: status $status, $(cat "$dir/err")"
done
for words in "give 1 9" "give 0 8 1 9"; do
	status=0
	# shellcheck disable=SC2086
	"$gntsim" run -- "$mutex" $words 2>"$dir/err" || status=$?
	[ "$status $(head -c 6 "$dir/err")" = "2 usage:" ] || fail "robust-mutex $words: status $status, $(cat "$dir/err")"
done
