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
[ "$front" = ptrace ] || ! ls /usr/lib/xen-*/bin/xenstored >/dev/null 2>&1 || store=--xenstore
# shellcheck disable=SC2086
start serve "$gntsim" serve --socket "$s" $store
# The kernel's own files give no word to slow anybody down, and its epoll not to who traces.
case $front in
socket) slow=all ;;
ptrace) slow=poll ;;
*) slow= ;;
esac
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
start plain "$gntsim" run --socket "$s" "$@" --domain 5 -- sh -c 'echo ready; exec sleep 300'
start parent "$gntsim" run --socket "$s" "$@" -- sh -c 'setsid sleep 300 & echo $!; wait'
orphan=$line
echo "$orphan" >"$dir/orphan.pid"
start left "$gntsim" run --socket "$s" "$@" -- sh -c 'exec env GNTSIM_SOCKET= sh -c "echo ready; exec sleep 300"'
stop serve TERM
[ $got = 0 ] || complain "the end of all: status $got: $(cat "$dir/serve.err")"
[ ! -s "$dir/serve.err" ] || complain "the end of all: $(cat "$dir/serve.err")"
for who in events plain parent; do
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
