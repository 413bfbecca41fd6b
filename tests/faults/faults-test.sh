#!/bin/sh
# What ci/faults has found, by name; and a few of its faults.
# usage: faults-test.sh CI_FAULTS BUILD
set -u
faults=$1 build=$(realpath "$2") gntsim=$(realpath "$2")/gntsim failed=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
strace -o /dev/null true 2>/dev/null || {
	echo "skipped: strace can trace nothing here"
	exit 77
}
use=$build/tests/cli/use-devices

# inject WHAT FAULT COMMAND...: its status in $got, its words in $dir/err.
inject() {
	what=$1 fault=$2
	shift 2
	# shellcheck disable=SC2086
	timeout -s KILL 60 strace -qq -o "$dir/strace" $fault "$@" >"$dir/out" 2>"$dir/err"
	got=$?
}
expect() {
	[ $got = "$1" ] && { [ -z "$2" ] || grep -q -e "$2" "$dir/err"; } && return
	failed=1
	echo "$what: status $got, expected $1, with '$2':"
	tail -n 5 "$dir/err"
}

# The program fails, or the command that has not started it yet.
expect_one_fails() {
	[ $got = 2 ] || [ $got = 125 ] || expect 2 ''
	expect "$got" "$1"
}

# A socket that was bound, and could not be recorded, stayed.
inject "a lock file on a full disk" "-e inject=pwrite64:error=ENOSPC:when=1" "$gntsim" serve --socket "$dir/s"
expect 125 "s.lock: No space left on device"
if [ -e "$dir/s" ] || [ -e "$dir/s.lock" ]; then
	failed=1
	echo "a socket or its lock is left"
fi
# Signals that can't be read were waited for, for ever.
inject "signals, one program" "-P anon_inode:[signalfd] -e inject=read:error=EIO" "$gntsim" run -- "$use" clean
expect 0 ''
inject "signals, two programs" "-P anon_inode:[signalfd] -e inject=read:error=EIO" "$gntsim" run -- "$use" clean ::: -- "$use" clean
expect 125 "cannot read signals: Input/output error"
# shellcheck disable=SC2016
inject "signals of a machine" "-P anon_inode:[signalfd] -e inject=read:error=EIO" \
	sh -c '(until [ -S "$2" ]; do sleep 0.01; done; kill -TERM $$) & exec "$1" serve --socket "$2"' sh "$gntsim" "$dir/s"
expect 125 "cannot read signals: Input/output error"
# Whoever asked for what the kernel takes no answer to hung; a pager that can't be heard was listened to for ever.
if "$gntsim" run --front fuse -- true 2>/dev/null; then
	inject "answers of a FUSE mount" "-P /dev/fuse -e inject=writev:error=ENOSPC:when=3+" "$gntsim" run --front fuse -- "$use" clean
	expect_one_fails "takes no answer to what it asked of a device file: No space left on device: its mount ends"
	# (The program may have ended before: somebody stays in the machine until it is told.)
	# shellcheck disable=SC2016
	inject "the pager's eventfd" "-P anon_inode:[eventfd] -e inject=read:error=EIO" \
		"$gntsim" run --front fuse --assist=no -- timeout 30 sh -c '"$1" clean; until grep -q eventfd "$2"; do sleep 0.01; done' \
		sh "$use" "$dir/err"
	[ $got = 0 ] || expect_one_fails ''
	expect "$got" "cannot read an eventfd: Input/output error: the mount ends"
	# What the kernel asked was forgotten when there was no memory for it, and waited for.
	at=33
	while [ $at -le 37 ]; do
		what="allocation $at of an unassisted run"
		FAULT_AT=$at FAULT_PROGRAM=gntsim LD_PRELOAD=$build/tests/faults/libfail-alloc.so \
			timeout -s KILL 60 "$gntsim" run --front fuse --assist=no -- "$use" clean >"$dir/out" 2>"$dir/err"
		got=$?
		[ $got = 0 ] || [ $got = 1 ] || [ $got = 2 ] || expect 125 .
		at=$((at + 1))
	done
else
	echo "(no FUSE front here: its faults are not tried)"
fi
# shellcheck disable=SC2016
inject "a trace's clock" "-P anon_inode:[timerfd] -e trace=read -e inject=read:error=EIO" \
	"$gntsim" run --trace "$dir/trace" -- sh -c '"$1" clean; sleep 1' sh "$use"
expect 0 ''
# Twenty milliseconds apart, at most: not as often as there is time for.
[ "$(grep -c INJECTED "$dir/strace")" -le 100 ] || {
	failed=1
	echo "a clock that can't be read: $(grep -c INJECTED "$dir/strace") times"
}
# A listening socket at which nobody can be taken in stayed ready, and was looked at as often as there was time for.
inject "nobody is ever accepted" "-e trace=accept4 -e inject=accept4:error=EPERM" "$gntsim" run -- "$use" clean
expect_one_fails "cannot accept a connection: Operation not permitted: nobody else is let in"
[ "$(grep -c INJECTED "$dir/strace")" -le 30 ] || {
	failed=1
	echo "a socket at which nobody is accepted: $(grep -c INJECTED "$dir/strace") times"
}
# What others had used up ended the machine for good after 3 seconds. (Two tries each time: 3.3 s.)
inject "nobody is accepted for a while" "-e trace=accept4 -e inject=accept4:error=EMFILE:when=1..18" "$gntsim" run -- "$use" clean
expect 0 "cannot accept a connection: Too many open files: who connects has to wait"
expect 0 "connections are accepted again"
[ "$(grep -c INJECTED "$dir/strace")" = 18 ] || {
	failed=1
	echo "a socket at which nobody is accepted: $(grep -c INJECTED "$dir/strace") times"
}
# A trace or a recording for which there was no memory: status 125, and no word.
at=1
while [ $at -le 8 ]; do
	what="allocation $at of a traced run"
	FAULT_AT=$at FAULT_PROGRAM=gntsim LD_PRELOAD=$build/tests/faults/libfail-alloc.so \
		"$gntsim" run --trace "$dir/trace" --record "$dir/recorded" -- true >"$dir/out" 2>"$dir/err"
	got=$?
	[ $got = 0 ] || expect 125 .
	at=$((at + 1))
done
# Who was to be killed was not, where there was no descriptor for it.
inject "a point, and no descriptor" "-e inject=pidfd_open:error=EMFILE" "$gntsim" run --kill-at call:3 -- "$use" clean
expect 0 'is killed at call:3'
# Who is there before the programs are was not known, was taken for one of theirs, and waited for.
inject "no list of processes" "-P /proc -e inject=openat:error=EMFILE" "$gntsim" run --kill-at store:1 -- "$use" clean
expect 125 "cannot see which processes there are: Too many open files"
# Who was stopped at a store was never let go.
inject "the stopper can't be told" "-e inject=sendto:error=ENOBUFS:when=4" "$gntsim" run --kill-at store:1 -- "$use" clean
expect 0 "cannot tell who stops programs at their stores: No buffer space available"
# A process whose stderr is closed loaded a library, and could not say that it had no memory for it.
at=20
while [ $at -le 30 ]; do
	what="allocation $at of the ptrace front"
	FAULT_AT=$at FAULT_PROGRAM=gntsim LD_PRELOAD=$build/tests/faults/libfail-alloc.so \
		timeout -s KILL 60 "$gntsim" run --front ptrace -- "$use" clean >"$dir/out" 2>"$dir/err"
	got=$?
	[ $got = 0 ] || expect $got .
	at=$((at + 1))
done
# What was complained of without memory was a format.
what="no memory"
FAULT_AT=1 FAULT_EVER=1 FAULT_PROGRAM=gntsim LD_PRELOAD=$build/tests/faults/libfail-alloc.so \
	"$gntsim" status --socket "$dir/none" >"$dir/out" 2>"$dir/err"
got=$?
expect 125 "no machine at $dir/none"

"$faults" --build "$build" --sample 10 --budget 5 --jobs 2 || failed=1
exit $failed
