#!/bin/sh
# control destroy kills the domain's processes: those that use no device too, orphans, those in a PID
# namespace of their own; nobody else's. Who cannot be killed is told of.
# usage: destroy-test.sh GNTSIM USE_DEVICES
gntsim=$(realpath "$1") use=$(realpath "$2")
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/script.sh"
s=$dir/s

# ended WHAT PID: it ends within ten seconds.
ended() {
	timeout 10 tail -s 0.05 --pid="$2" -f /dev/null && return
	complain "$1 lives on"
	kill -9 "$2"
}
lives() {
	kill -0 "$2" 2>/dev/null && ! grep -q '^State:.*Z' "/proc/$2/status" && return
	complain "$1 was killed"
}

start serve "$gntsim" serve --socket "$s"
# The first line of each says that it is in its place.
start plain "$gntsim" run --socket "$s" --domain 5 -- sh -c 'echo ready; exec sleep 300'
start parent "$gntsim" run --socket "$s" --domain 5 -- sh -c 'sleep 300 & echo $!; exec "$1" clean' sh "$use"
orphan=$line
echo "$orphan" >"$dir/orphan.pid"
start session "$gntsim" run --socket "$s" --domain 5 -- sh -c 'setsid sleep 300 & echo $!; wait'
session=$line
echo "$session" >"$dir/session2.pid"
start left "$gntsim" run --socket "$s" --domain 5 -- sh -c 'exec env GNTSIM_SOCKET= sh -c "echo ready; exec sleep 300"'
start other "$gntsim" run --socket "$s" --domain 6 -- sh -c 'echo ready; exec sleep 300'
namespace=
if [ "$(id -u)" = 0 ] && unshare -p -f true 2>/dev/null; then
	start space "$gntsim" run --socket "$s" --domain 5 -- unshare -p -f sh -c 'echo ready; exec sleep 300'
	read -r namespace <"/proc/$(cat "$dir/space.pid")/task/$(cat "$dir/space.pid")/children"
	[ -n "$namespace" ] || complain "no process in the namespace"
fi
expect 0 "destroy" "$gntsim" control --socket "$s" destroy 5
quiet
ended "a process without a device" "$(cat "$dir/plain.pid")"
ended "an orphan" "$orphan"
ended "a process in a session of its own" "$session"
[ -z "$namespace" ] || ended "a process in a PID namespace" "$namespace"
lives "a process that has left the machine" "$(cat "$dir/left.pid")"
lives "a process of another domain" "$(cat "$dir/other.pid")"
expect 0 "the machine goes on" "$gntsim" status --socket "$s"
stop serve TERM

# A broker that may not kill says whom.
if [ "$(id -u)" = 0 ] && setpriv --reuid=65534 --clear-groups test -x "$gntsim"; then
	chmod 777 "$dir"
	start serve setpriv --reuid=65534 --clear-groups "$gntsim" serve --socket "$s"
	start held "$gntsim" run --socket "$s" --domain 5 -- "$use" hold
	expect 125 "destroy, without the right" "$gntsim" control --socket "$s" destroy 5
	says err "use-devices (process $(cat "$dir/held.pid")) lives on: Operation not permitted"
	says err "the domain is destroyed, but not all of its processes"
fi
[ $failed = 0 ]
