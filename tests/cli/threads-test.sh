#!/bin/sh
# threads-test.sh GNTSIM THREADS TOOL: Valgrind's TOOL says nothing of a clean program, on whichever
# front, and still sees the races of one that has them.
set -u
gntsim=$1 threads=$2 tool=$3
log=$(mktemp)
trap 'rm -f "$log"' EXIT
fronts=socket
"$gntsim" run --front fuse -- true 2>/dev/null && fronts="socket fuse"
failed=0
fail() {
	failed=1
	echo "$*"
	sed 's/^/    /' "$log"
}
for front in $fronts; do
	"$gntsim" run --front "$front" -- valgrind --tool="$tool" --error-exitcode=9 "$threads" clean >"$log" 2>&1 ||
		fail "$tool on $front, a clean program: status $?"
	grep -q 'ERROR SUMMARY: 0 errors' "$log" || fail "$tool on $front, a clean program: not without errors"
	for race in private granted; do
		"$gntsim" run --front "$front" -- valgrind --tool="$tool" --error-exitcode=9 "$threads" $race >"$log" 2>&1
		status=$?
		[ $status = 9 ] || fail "$tool on $front, a race in $race memory: status $status, not 9"
		grep -q 'store (threads.c:' "$log" || fail "$tool on $front, a race in $race memory: not named"
	done
done
exit $failed
