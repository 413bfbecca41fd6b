#!/bin/sh
# stage.sh GNTSIM OWN:GUEST PEER:GUEST BINDING-TEST: the test's two sides in two domains.
# stage.sh GNTSIM examples PRODUCER CONSUMER ROBUST-MUTEX: the examples, producer in domain 0.
set -eu
gntsim=$1 dir=$(mktemp -d)
serving=
trap 'kill $serving 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
socket=$dir/machine

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

serve() {
	"$gntsim" serve --virtual-time --socket "$socket" >"$dir/serving" &
	serving=$!
	for _ in $(seq 100); do
		grep -q serving "$dir/serving" && return
		sleep 0.05
	done
	fail "gntsim serve does not"
}

in_domain() {
	domain=$1
	shift
	"$gntsim" run --socket "$socket" --domain "$domain" -- "$@"
}

# Nothing is left of the programs, but pages that were still mapped when they were given up: they are
# freed ten a second.
check_empty() {
	"$gntsim" control --socket "$socket" advance 60000000000
	"$gntsim" status --socket "$socket" >"$dir/status"
	for what in files vmas grants gntdev_maps maptrack ports; do
		grep -qx "$what 0" "$dir/status" || fail "$(cat "$dir/status")"
	done
}

# REF and PORT, once the first program has said them.
offered() {
	for _ in $(seq 100); do
		if [ -s "$1" ]; then
			cat "$1"
			return
		fi
		sleep 0.05
	done
	fail "no reference"
}

examples() {
	producer=$1 consumer=$2 mutex=$3
	# 200 kB pass through a ring of 2048 bytes; the consumer ends because the producer did.
	seq 30000 >"$dir/sent"
	in_domain 0 "$producer" 1 <"$dir/sent" >"$dir/offer" &
	# shellcheck disable=SC2046
	in_domain 1 "$consumer" 0 $(offered "$dir/offer") >"$dir/received"
	wait $!
	cmp "$dir/sent" "$dir/received" || fail "the consumer got something else"
	check_empty

	# Of a consumer that dies the producer hears, which waits for room in the ring.
	status=0
	"$gntsim" run --hang 60s --wait-for '^[0-9]+ [0-9]+$' -- "$producer" 1 ::: --domain 1 --kill-at call:read#1+ -- \
		"$consumer" 0 8 1 <"$dir/sent" >"$dir/received" 2>"$dir/said" || status=$?
	if [ $status != 1 ] || ! grep -q '^producer: send: Broken pipe' "$dir/said"; then
		fail "the producer of a dead consumer: status $status, $(cat "$dir/said")"
	fi

	# Each side in turn dies while it has the mutex.
	mutexes die repair 137 0
	mutexes repair die 0 137
	mutexes "" "" 0 0
}

# mutexes WHAT0 WHAT1 STATUS0 STATUS1
mutexes() {
	rm -f "$dir/offer"
	in_domain 0 "$mutex" share 1 200 ${1:+"$1"} >"$dir/offer" 2>"$dir/side0" &
	side0=$!
	status0=0 status1=0
	# shellcheck disable=SC2046
	in_domain 1 "$mutex" map 0 $(offered "$dir/offer") 200 ${2:+"$2"} 2>"$dir/side1" || status1=$?
	wait $side0 || status0=$?
	[ "$status0 $status1" = "$3 $4" ] ||
		fail "mutex '$1' '$2': $status0 $status1 $(cat "$dir/side0" "$dir/side1")"
	case $1$2 in
	dierepair) grep -qx "side 1: done, repaired 1" "$dir/side1" ;;
	repairdie) grep -qx "side 0: done, repaired 1" "$dir/side0" ;;
	*) cat "$dir/side0" "$dir/side1" | grep -c "repaired 0" | grep -qx 2 ;;
	esac || fail "mutex '$1' '$2': $(cat "$dir/side0" "$dir/side1")"
	check_empty
}

if [ "$2" = examples ]; then
	serve
	examples "$3" "$4" "$5"
	exit 0
fi

own=${2%:*} peer=${3%:*}
serve
"$gntsim" control --socket "$socket" create "$own" "${2#*:}" 2>/dev/null || [ "$own" = 0 ]
"$gntsim" control --socket "$socket" create "$peer" "${3#*:}" 2>/dev/null || [ "$peer" = 0 ]
in_domain "$own" "$4" --domains "$own" "$peer" --guest "${2#*:}" -- \
	"$gntsim" run --socket "$socket" --domain "$peer" -- "$4" --peer
check_empty
