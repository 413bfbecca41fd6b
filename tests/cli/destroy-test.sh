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

# Who has to look at many processes needs no thread for each: on a busy machine each would wait for its turn.
if strace -f -o /dev/null true 2>/dev/null; then
	# shellcheck disable=SC2016
	start counted strace -f -qq -e trace=clone,clone3 -o "$dir/threads" \
		sh -c 'echo $$ >"$1"; exec "$2" serve --socket "$3"' sh "$dir/traced.pid" "$gntsim" "$dir/counted"
	expect 0 "create" "$gntsim" control --socket "$dir/counted" create 3
	expect 0 "destroy, with $(find /proc -maxdepth 1 -name '[0-9]*' | wc -l) processes" \
		"$gntsim" control --socket "$dir/counted" destroy 3
	threads=$(grep -c clone "$dir/threads")
	[ "$threads" -ge 1 ] && [ "$threads" -le 4 ] || complain "destroy: $threads threads were started"
	kill -TERM "$(cat "$dir/traced.pid")"
	wait "$(cat "$dir/counted.pid")"
	rm "$dir/traced.pid" "$dir/counted.pid"
else
	echo "(strace can trace nothing here: threads are not counted)"
fi

# A process that waits in its exec, for a machine that is stopped, lets nobody look at it: it is told of,
# nobody waits for it, and it is killed when it can be looked at.
if mkdir "$dir/tree" && "$gntsim" run --front fuse -- true 2>/dev/null; then
	start deaf "$gntsim" serve --socket "$dir/deaf" --leaks --mount "$dir/tree"
	mkfifo "$dir/go"
	exec 7<>"$dir/go"
	start stuck "$gntsim" run --socket "$s" --domain 7 -- perl -e '
		open(F, "<", $ARGV[0]) or die "$ARGV[0]: $!";
		open(E, "<", "/dev/xen/evtchn") or die "evtchn: $!";
		open(G, "<", $ARGV[1]) or die "$ARGV[1]: $!";
		$| = 1; print "ready\n"; <G>; exec "sleep", "300"' "$dir/tree/0/evtchn" "$dir/go"
	stuck=$(cat "$dir/stuck.pid")
	kill -STOP "$(cat "$dir/deaf.pid")"
	echo >"$dir/go"
	shown() {
		timeout -s KILL 2 cat "/proc/$stuck/environ" >/dev/null 2>&1
	}
	tries=0
	while [ $tries -lt 200 ] && { shown || shown; }; do
		tries=$((tries + 1))
		sleep 0.05
	done
	if [ $tries = 200 ]; then
		echo "(this kernel shows a process that executes: not tried)"
		kill -CONT "$(cat "$dir/deaf.pid")"
		expect 0 "destroy" "$gntsim" control --socket "$s" destroy 7
	else
		expect 0 "show, while one executes" "$gntsim" show --socket "$s" --patience 15
		says out "$stuck  perl "
		domains() {
			"$gntsim" status --socket "$s" | grep '^domains'
		}
		before=$(domains)
		"$gntsim" control --socket "$s" destroy 7 2>"$dir/destroy.err" &
		echo $! >"$dir/destroy.pid"
		tries=0
		while [ $tries -lt 200 ] && [ "$(domains)" = "$before" ]; do
			tries=$((tries + 1))
			sleep 0.05
		done
		expect 0 "the machine goes on meanwhile" "$gntsim" status --socket "$s"
		# A process of the domain that joins now, before it is killed, would make it again.
		expect 125 "run, while the domain's processes are killed" "$gntsim" run --socket "$s" --domain 7 -- true
		says err "a domain of that number was destroyed and is not gone yet"
		expect 125 "create, while they are" "$gntsim" control --socket "$s" create 7
		says err "a domain of that number was destroyed and is not gone yet"
		wait "$(cat "$dir/destroy.pid")"
		got=$?
		rm "$dir/destroy.pid"
		[ $got = 125 ] || complain "destroy, while one executes: expected status 125, got $got"
		grep -q "(process $stuck) may live on: it cannot be looked at" "$dir/destroy.err" ||
			complain "destroy, while one executes: $(cat "$dir/destroy.err")"
		kill -CONT "$(cat "$dir/deaf.pid")"
	fi
	ended "a process that executed a program" "$stuck"
	rm "$dir/stuck.pid"
	stop deaf TERM
fi
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
