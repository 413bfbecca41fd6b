#!/bin/sh
# deaths-test.sh GNTSIM POINTS FRONT [OPTION]: a program ends at the point that it is told to end at, in the
# way that it is told to, on this front, and nowhere else.
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../script.sh"
gntsim=$(realpath "$1") points=$(realpath "$2") front=$3 option=${4---tag}
cd "$dir" || exit
command -v python3 >/dev/null || {
	echo "SKIP: no python3"
	exit 77
}

# run STATUS WHAT OPTION... -- PROGRAM...: with --points.
run() {
	status=$1 what=$2
	shift 2
	expect "$status" "$what" "$gntsim" run --front "$front" "$option" --points points "$@"
}
# point TEXT: some line of the points has it.
point() {
	grep -qF -- "$1" points || complain "$what: no $1 in $(cat points err)"
}
printed() {
	grep -qF -- "$1" out || complain "$what: not printed: $1, but $(cat out err)"
}
silent_of() {
	! grep -qF -- "$1" out || complain "$what: printed: $1"
}

"$gntsim" run --front "$front" "$option" -- true 2>err || {
	echo "SKIP: no $front here: $(cat err)"
	exit 77
}

# Undisturbed, all is counted.
run 0 "counted" -- "$points" calls
point '"kind":"program","index":1,"program":"points","domain":0,"calls":7,"waits":0'
point '"status":0,"signal":null'
point '"kind":"machine","leaks":null,"empty":true,"left":"","hazards":0'
# A file that somebody outside of the run has keeps the machine from being empty, and is named.
mkfifo listens sent
cat >keep.py <<'P'
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind('keeper')
listener.listen()
open('listens', 'w').close()
taken = socket.recv_fds(listener.accept()[0], 1, 1)
open('sent').read()
P
python3 keep.py &
keeper=$!
cat listens
run 0 "a file is kept outside" -- python3 -c "
import os, socket
there = socket.socket(socket.AF_UNIX)
there.connect('keeper')
socket.send_fds(there, [b'x'], [os.open('/dev/xen/evtchn', os.O_RDWR)])"
point '"empty":false,"left":"1 file"'
: >sent
wait $keeper
run 0 "a child's calls are its program's" -- "$points" child
point '"calls":7'
run 0 "each its own" --domain 1 -- "$points" calls ::: --domain 2 -- "$points" bind
point '"index":1,"program":"points","domain":1,"calls":7'
point '"index":2,"program":"points","domain":2,"calls":2'

# Before each call, and after. What the call did shows in what the trace has of it.
n=1
while read -r call; do
	run 0 "before call $n" --trace calls --kill-at call:$n -- "$points" calls
	point '"status":null,"signal":9'
	point "\"kind\":\"death\",\"index\":1,\"point\":\"call:$n\",\"end\":\"kill\",\"call\":\"$call"
	says err "is killed at call:$n: "
	made=$(grep -cE '^[^#]*: (evtchn[0-9]* = )?(open|ioctl|read|write)\(' calls)
	[ "$made" = $((n - 1)) ] || complain "killed before call $n: $made were made: $(cat calls)"
	run 0 "after call $n" --trace calls --kill-at call:$n+ -- "$points" calls
	point "\"point\":\"call:$n+\",\"end\":\"kill\",\"call\":\"$call"
	made=$(grep -cE '^[^#]*: (evtchn[0-9]* = )?(open|ioctl|read|write)\(' calls)
	[ "$made" = $n ] || complain "killed after call $n: $made were made: $(cat calls)"
	silent_of 'done'
	n=$((n + 1))
done <<'CALLS'
open(
ioctl(evtchn1, IOCTL_EVTCHN_BIND_UNBOUND_PORT, {remote_domain=DOMID_FIRST_RESERVED})
ioctl(evtchn1, IOCTL_EVTCHN_BIND_INTERDOMAIN, {remote_domain=DOMID_FIRST_RESERVED, remote_port=1})
ioctl(evtchn1, IOCTL_EVTCHN_NOTIFY, {port=1})
read(evtchn1, 4)
write(evtchn1, [
ioctl(evtchn1, IOCTL_EVTCHN_NOTIFY, {port=1})
CALLS
[ $n = 8 ] || complain "not all calls were tried"
run 123 "beyond the end" --kill-at call:8 -- "$points" calls
says err "gntsim: --kill-at call:8 was not reached: points made 7 device calls, 0 waits"
printed 'done'
run 0 "in a child" --kill-at call:5 -- sh -c '"$0" child; [ $? = 5 ]' "$points"

# The nth of its kind: the same one, whatever else is called before.
run 0 "counted by kind" -- "$points" calls
point '"kinds":[{"call":"open","calls":1},{"call":"IOCTL_EVTCHN_BIND_UNBOUND_PORT","calls":1},{"call":"IOCTL_EVTCHN_BIND_INTERDOMAIN","calls":1},{"call":"IOCTL_EVTCHN_NOTIFY","calls":2},{"call":"read","calls":1},{"call":"write","calls":1}],"order":[0,1,2,3,4,5,3]'
while read -r kind number; do
	run 0 "before $kind" --trace calls --kill-at "call:$kind" -- "$points" calls
	point "\"point\":\"call:$kind\",\"end\":\"kill\",\"call\":\""
	point "\"number\":$number,"
	made=$(grep -cE '^[^#]*: (evtchn[0-9]* = )?(open|ioctl|read|write)\(' calls)
	[ "$made" = $((number - 1)) ] || complain "killed before $kind: $made were made: $(cat calls)"
	run 0 "after $kind" --trace calls --kill-at "call:$kind+" -- "$points" calls
	made=$(grep -cE '^[^#]*: (evtchn[0-9]* = )?(open|ioctl|read|write)\(' calls)
	[ "$made" = "$number" ] || complain "killed after $kind: $made were made: $(cat calls)"
done <<'KINDS'
open#1 1
IOCTL_EVTCHN_NOTIFY#2 7
read#1 5
write#1 6
KINDS
run 123 "beyond the last of its kind" --kill-at call:IOCTL_EVTCHN_NOTIFY#3 -- "$points" calls
says err "gntsim: --kill-at call:IOCTL_EVTCHN_NOTIFY#3 was not reached: points made 7 device calls, 0 waits"
for wrong in call:nothing#1 call:mmap#0 call:mmap# call:#1 call:mmap#1x; do
	run 125 "$wrong" --kill-at $wrong -- "$points" calls
	says err "--kill-at: expected call:N, call:KIND#N"
done

for wrong in 8:21 0:8:4096 0:8:1, x; do
	run 125 "--watch-bytes $wrong" --watch-bytes $wrong -- "$points" calls
	says err "--watch-bytes: expected DOMAIN:REFERENCE:OFFSET"
done

# Where it was: the innermost frame of the program's own.
run 0 "backtrace" --kill-at call:5 -- "$points" calls
case $(grep -o '"object":"[^"]*","offset":"0x[0-9a-f]*","function":"[^"]*","source":"[^"]*","line":[0-9]*' points |
	grep '/points' | head -n 1) in
*'"function":"calls","source":"'*'points.c","line":'*) ;;
*) complain "backtrace: not in calls() first: $(cat points)" ;;
esac
! grep -q libgntsim-preload points || complain "backtrace: with the library: $(cat points)"

# Waits.
for how in read poll select epoll; do
	[ "$front" != socket ] && [ "$front" != ptrace ] && [ $how = epoll ] && continue
	run 0 "wait by $how" --kill-at wait:1 -- "$points" wait $how
	point '"waits":1,'
	point '"point":"wait:1"'
	printed ready
	silent_of 'done'
done

# Ways to end.
run 0 "exit" --kill-at call:4 --end exit -- "$points" calls
point '"status":0,"signal":null'
silent_of "ran to its end"
says err "is made to exit at call:4"
run 0 "exit after a call" --kill-at call:5+ --end exit -- "$points" calls
silent_of "ran to its end"
run 0 "exit in a wait" --kill-at wait:1 --end exit -- "$points" wait read
point '"status":0,"signal":null'
run 0 "exit of all threads" --kill-at call:4 --end exit -- "$points" threads
point '"status":0,"signal":null'
point '"empty":true'
run 0 "abort" --kill-at call:4 --end abort -- "$points" calls
point '"status":null,"signal":6'
run 0 "abort in a wait" --kill-at wait:1 --end abort -- "$points" wait read
point '"status":null,"signal":6'
run 0 "abort though it is blocked" --kill-at call:4 --end abort -- "$points" blocked
point '"status":null,"signal":6'
run 0 "abort with a handler" --kill-at call:4 --end abort -- "$points" handled
printed handled
point '"status":6,"signal":null'
run 0 "destroy" --kill-at call:4 --domain 1 --end destroy -- "$points" calls ::: --domain 1 -- "$points" wait read
point '"index":1,"program":"points","domain":1,"calls":4,"waits":0'
[ "$(grep -c '"status":null,"signal":9' points)" = 2 ] || complain "destroy: the domain's other program lives: $(cat points)"
run 0 "stop" --kill-at call:4 --end stop -- "$points" calls ::: --domain 1 -- "$points" calls
says err "all others have ended: what is stopped is killed"
printed 'done'
point '"status":null,"signal":9'
run 0 "stop after a call" --kill-at call:5+ --end stop -- "$points" calls
silent_of 'done'

# Status: of those that were not ended.
run 3 "a survivor's" --kill-at call:1 -- "$points" calls ::: sh -c 'exit 3'
run 0 "started though the line did not come" --kill-at call:1 --wait-for never -- "$points" calls ::: --domain 1 -- "$points" calls
printed 'done'
run 0 "started though the line will not come" --kill-at call:1 --end stop --wait-for never -- "$points" calls ::: --domain 1 -- "$points" calls
printed 'done'

# Calls that fail.
run 3 "a failure" --fail call:5=EIO -- "$points" calls
printed "read: EIO"
run 3 "a failure of open" --fail call:1=ENOMEM -- "$points" calls
printed "open: ENOMEM"
run 123 "the first of two" --fail call:6=EINTR --fail call:3=ENOSPC -- "$points" calls
printed "interdomain: ENOSPC"
says err "gntsim: --fail call:6 was not reached: points made 3 device calls, 0 maps"
run 123 "one that is not reached" --fail call:9=EIO -- "$points" calls
says err "gntsim: --fail call:9 was not reached: points made 7 device calls, 0 maps"

if [ "$option" = --tag ]; then
	run 0 "maps are counted" -- "$points" map
	point '"maps":2,'
	for n in 1 2; do
		run 3 "map $n is refused" --fail gntst:$n=GNTST_no_space --trace calls -- "$points" map
		printed "mmap: EINVAL"
		grep -q "GNTST_no_space" calls || complain "map $n is refused otherwise: $(cat calls)"
	done
	# By the program's own count, and its alone.
	run 3 "another program maps before" --wait-for 'done' -- "$points" map ::: --fail gntst:1=GNTST_no_space -- "$points" map
	printed "mmap: EINVAL"
	run 123 "another program maps after" --fail gntst:3=GNTST_no_space --wait-for 'done' -- "$points" map ::: -- "$points" map
	[ "$(grep -c 'done$' out)" = 2 ] || complain "$what: another's map was refused: $(cat out err)"
	# All that are to fail do, also those of one call.
	run 3 "maps that come later" --fail gntst:4=GNTST_no_space --fail gntst:3=GNTST_bad_handle --trace calls -- "$points" map twice
	printed "second mmap: EINVAL"
	[ "$(grep -cE 'GNTST_(no_space|bad_handle)' calls)" = 2 ] || complain "$what: not both were refused: $(cat calls)"
	# A signal during PV's first: the index is dead, until it is given up.
	run 0 "an mmap that a signal interrupts" --fail call:5=EINTR --record calls.scn -- "$points" map again
	[ "$(grep -o 'mmap: .*' out | tr '\n' ' ')" = "mmap: EINTR mmap: EINVAL mmap: mapped " ] ||
		complain "$what: $(cat out)"
	# (What is mapped on FUSE is not told before the library's first mmap.)
	[ "$front" != socket ] || expect 0 "the same, played" "$gntsim" play calls.scn
	run 0 "on PVH it is nothing" --guest pvh --fail call:5=EINTR -- "$points" map again
	[ "$(grep -o 'mmap: .*' out | tr '\n' ' ')" = "mmap: EINTR mmap: mapped mmap: mapped " ] ||
		complain "$what: $(cat out)"
	run 123 "one that is not asked for" --fail gntst:3=GNTST_no_space -- "$points" map
	says err "gntsim: --fail gntst:3 was not reached: points made 5 device calls, 2 maps"
fi

# Time.
run 0 "time" --kill-at time:50ms -- "$points" wait read
point '"point":"time:50000000ns"'
run 123 "time that does not pass" --virtual-time --kill-at time:1ms -- sleep 1
# (An unassisted program is not told where its machine is.)
if [ "$option" = --tag ]; then
	run 0 "time that is let pass" --virtual-time --kill-at time:1s -- sh -c '
		"$0" control --socket "$GNTSIM_SOCKET" advance 999999999 && echo before
		"$0" control --socket "$GNTSIM_SOCKET" advance 1; echo after' "$gntsim"
	printed before
	silent_of after
fi

# Hangs: of a survivor, and of those that wait for each other; not of who only waits for a time.
run 124 "a survivor" --hang 3600s --kill-at call:2 -- "$points" calls ::: --domain 1 -- "$points" wait read
says err "gntsim: the run hangs: all that is left waits for ever"
says err "): read(evtchn)"
point '"kind":"hang","waiting":[{"index":2,"pid":'
point '"in":"read(evtchn)","backtrace":['
point '"function":"wait_by","source":"'
run 124 "by poll" --hang 3600s -- "$points" wait poll
says err "): poll"
run 124 "in the machine's own time, too" --hang 3600s --virtual-time -- "$points" wait read
run 124 "a pipe from its own program" --hang 3600s -- sh -c 'sleep 0 | "$0" wait read' "$points"
run 0 "asleep for a time" --hang 3600s -- "$points" sleep
printed 'done'
run 124 "awake, but without a call" --hang 100ms -- sh -c 'while :; do :; done'
says err "gntsim: the run hangs: no device call for 100 ms"
run 124 "a hang before the point" --hang 3600s --kill-at call:99 -- "$points" wait read
run 0 "a stopped one is no hang" --hang 3600s --kill-at call:2 --end stop -- "$points" calls ::: --domain 1 -- "$points" calls
run 124 "but who waits beside it is" --hang 3600s --kill-at call:2 --end stop -- "$points" calls ::: --domain 1 -- "$points" wait read
run 0 "virtual time comes when all wait" --virtual-time --kill-at time:1000s -- "$points" wait read

# What is wrong is named.
for wrong in 0s 999us x 5; do
	expect 125 "--hang $wrong" "$gntsim" run --hang $wrong -- true
	says err "gntsim run: --hang: expected a time from 1ms, as in 10s, found '$wrong'"
done
for wrong in call: call:0 call:x call:3x wait:3+ time:3 time:3h store 17; do
	expect 125 "--kill-at $wrong" "$gntsim" run --kill-at $wrong -- true
	says err "gntsim run: --kill-at: expected call:N, call:KIND#N, each also with + behind it, wait:N or store:N, with N from 1, or time:T, as in time:20ms, found '$wrong'"
done
for wrong in call:3 call:3=EFOO call:0=EIO wait:3=EIO gntst:1=EIO gntst:1=GNTST_okay gntst:1=PROT_READ; do
	expect 125 "--fail $wrong" "$gntsim" run --fail $wrong -- true
	says err "gntsim run: --fail: expected call:N=ERRNO, call:KIND#N=ERRNO or gntst:N=GNTST_name, with N from 1, as in call:3=EINTR, found '$wrong'"
done
expect 125 "--end" "$gntsim" run --kill-at call:1 --end badly -- true
says err "gntsim run: --end: expected kill, exit, abort, destroy or stop, found 'badly'"
expect 125 "--kill-at twice" "$gntsim" run --kill-at call:1 --kill-at call:2 -- true
says err "gntsim run: --kill-at stands twice: a program dies once"
expect 123 "but each program has its own" "$gntsim" run --kill-at call:1 -- true ::: --kill-at call:1 -- true
expect 125 "--end alone" "$gntsim" run --end kill -- true
says err "gntsim run: --end needs --kill-at"
expect 125 "another's machine" "$gntsim" run --socket nowhere --kill-at call:1 -- true
says err "gntsim: --kill-at, --fail, --hang, --points and --schedule need a machine of the run's own, without --socket"
expect 125 "no file" "$gntsim" run --points nowhere/points -- true
says err "gntsim: --points: cannot write nowhere/points"

[ $failed = 0 ]
