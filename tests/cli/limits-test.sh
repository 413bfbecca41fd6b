#!/bin/sh
# What gntsim run does where the host's limits (ulimit) leave little room, or standard descriptors are
# closed: it works, or says what is missing and ends with 125; it never hangs.
# usage: limits-test.sh GNTSIM USE_DEVICES
set -u
gntsim=$(realpath "$1") use=$(realpath "$2")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

# under LIMITS COMMAND...: its status in $got, what it said in $dir/said. (A pipe: a limit on files would
# be one of the test's own.)
under() {
	limits=$1
	shift
	{ sh -c "$limits"' && exec timeout -k 5 20 "$@"' sh "$@" 2>&1; echo "status $?"; } | cat >"$dir/said"
	got=$(sed -n 's/^status //p' "$dir/said")
}
# expect STATUS [TEXT]
expect() {
	if [ "$got" != "$1" ]; then
		echo "$limits: expected status $1, got $got"
	elif [ $# -gt 1 ] && ! grep -qF -e "$2" "$dir/said"; then
		echo "$limits: expected to read '$2'"
	else
		return
	fi
	sed 's/^/    /' "$dir/said"
	failed=$((failed + 1))
}

under 'ulimit -n 8' "$gntsim" run -- "$use" clean
expect 125 'only 8 open files are allowed'
under 'ulimit -n 8' "$gntsim" serve --socket "$dir/s"
expect 125 'only 8 open files are allowed'
# The machine runs out of descriptors before the program does, which was given more.
under 'ulimit -n 40' "$gntsim" run -- "$use" many
expect 0
# Who traces has no more than the machine has.
for limit in 32 100; do
	under "ulimit -n $limit" "$gntsim" run --front ptrace -- "$use" clean
	expect 0
done
# xenstored is the machine's, not the program's.
if [ -n "$(ls /usr/lib/xen-*/bin/xenstored 2>/dev/null)" ]; then
	under 'ulimit -Sn 8' "$gntsim" run --xenstore -- sh -c 'ulimit -n'
	expect 0 8
fi
for limit in 'ulimit -v 20000' 'ulimit -v 50000'; do
	under "$limit" "$gntsim" run -- "$use" clean
	expect 125 'address space'
done
under 'ulimit -v 200000' "$gntsim" run -- "$use" clean
expect 0
under 'ulimit -f 300000' "$gntsim" run -- sh -c "ulimit -f; $use clean"
expect 0 300000
under 'ulimit -f 0' "$gntsim" run -- "$use" clean
expect 125 'a file of 64 MiB is not allowed'
# A program that lowers its own is not ended by a large call of ours.
under : "$gntsim" run -- "$use" large
expect 0
# (What a coverage tree's programs write at their end is over the limit: nowhere, then.)
GCOV_PREFIX=/dev/null/none under 'ulimit -Sf 0' "$gntsim" run -- sh -c "ulimit -f; $use large"
expect 0 0
under 'ulimit -l 0' "$gntsim" run -- "$use" clean
expect 0
# What of us has a small stack has no large frames.
for how in 'run' 'run --front ptrace' 'run --leaks' 'run --tag' "record --stores all -o $dir/scn"; do
	case $how in
	*--tag*) set -- "$use" clean ::: -- "$use" clean ;;
	*) set -- -- "$use" clean ;;
	esac
	# shellcheck disable=SC2086
	under 'ulimit -s 64' "$gntsim" $how "$@"
	expect 0
done
TMPDIR=/nonexistent under : "$gntsim" run -- "$use" clean
expect 125 'cannot listen at /nonexistent/gntsim-'

# Without standard descriptors: the program finds them closed, and what gntsim says goes to none of its
# own descriptors.
closed='exec <&- >&- 2>&-'
there='test -e /proc/self/fd'
for check in "! $there/0 && ! $there/1 && ! $there/2 && $use clean" "$use forget"; do
	under "$closed" "$gntsim" run --leaks -- sh -c "$check"
	expect 0
done
under "$closed" "$gntsim" run -- /nonexistent
expect 127
[ $failed = 0 ] || exit 1
