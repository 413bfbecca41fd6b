#!/bin/sh
# The end of a machine: with --end-programs its programs end with it, and nobody else; without, who waits is
# told, and does not spin.
# usage: end-test.sh GNTSIM END FRONT...
gntsim=$(realpath "$1") end=$(realpath "$2") front=$4
shift 2
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../cli/script.sh"
s=$dir/s
if ! "$gntsim" run "$@" -- true 2>"$dir/why"; then
	echo "skipped: $(cat "$dir/why")"
	exit 77
fi
store=
! ls /usr/lib/xen-*/bin/xenstored >/dev/null 2>&1 || store=--xenstore
# shellcheck disable=SC2086
start serve "$gntsim" serve --socket "$s" $store
# (The kernel's epoll says nothing to who traces.)
slow=all
[ "$front" != ptrace ] || slow=poll
expect 0 "others' ends" "$gntsim" run --socket "$s" "$@" -- "$end" others
# shellcheck disable=SC2086
start events "$gntsim" run --socket "$s" "$@" --domain 3 -- "$end" evtchn $slow
if [ -n "$store" ]; then
	# shellcheck disable=SC2086
	start xenbus "$gntsim" run --socket "$s" "$@" --domain 3 -- "$end" xenbus $slow
fi
stop serve TERM
[ $got = 0 ] || complain "the machine's end: status $got: $(cat "$dir/serve.err")"
for who in events ${store:+xenbus}; do
	wait "$(cat "$dir/$who.pid")"
	status=$?
	rm "$dir/$who.pid"
	[ $status = 0 ] || complain "$who: status $status: $(cat "$dir/$who.err")"
done

# shellcheck disable=SC2086
start serve "$gntsim" serve --socket "$s" --end-programs $store
start events "$gntsim" run --socket "$s" "$@" --domain 3 -- "$end" evtchn
start hidden "$gntsim" run --socket "$s" "$@" --domain 4 -- "$end" hidden
start plain "$gntsim" run --socket "$s" "$@" --domain 5 -- sh -c 'echo ready; exec sleep 300'
start parent "$gntsim" run --socket "$s" "$@" -- sh -c 'setsid sleep 300 & echo $!; wait'
orphan=$line
echo "$orphan" >"$dir/orphan.pid"
start left "$gntsim" run --socket "$s" "$@" -- sh -c 'exec env GNTSIM_SOCKET= sh -c "echo ready; exec sleep 300"'
stop serve TERM
# (Another test's process that can't be looked at may be there: tests/cli/destroy-test.sh.)
grep -v 'may live on: it cannot be looked at' "$dir/serve.err" >"$dir/why" &&
	complain "the end of all: $(cat "$dir/why")"
[ $got = 0 ] || [ -s "$dir/serve.err" ] || complain "the end of all: status $got"
for who in events hidden plain parent; do
	timeout 20 tail -s 0.05 --pid="$(cat "$dir/$who.pid")" -f /dev/null || complain "$who lives on"
	kill -KILL "$(cat "$dir/$who.pid")" 2>/dev/null
	wait "$(cat "$dir/$who.pid")"
	status=$?
	rm "$dir/$who.pid"
	[ $status = 137 ] || complain "$who: status $status: $(cat "$dir/$who.err")"
done
if ! timeout 10 tail -s 0.05 --pid="$orphan" -f /dev/null; then
	complain "an orphan lives on"
	kill -9 "$orphan"
fi
kill -0 "$(cat "$dir/left.pid")" 2>/dev/null || complain "who had left the machine was killed"
exit $failed
