#!/bin/sh
# Stands in for ci/xen-lab: every scenario passes, but for a word in it that is this test's fault.
# FAULT_CRASH: the guest crashes; FAULT_HANG: it hangs; FAULT_DIFFERENCE: the line's result is another.
set -eu
command=$1
while [ "$1" != -- ]; do
	case $1 in
	*=/lab/s) stage=${1%=/lab/s} ;;
	--stage) stage=$2 ;;
	esac
	shift
done
if [ "$command" = stage ]; then
	echo "$stage"
	exec sleep 600
fi
echo "$*" >>"$LAB_LOG"
echo "TAP version 13"
n=0
for path; do
	case $path in
	/lab/s/*.scn) ;;
	*) continue ;;
	esac
	file=$stage/${path#/lab/s/} n=$((n + 1))
	if grep -q "$FAULT_CRASH" "$file"; then
		echo "xen-lab: a guest crashed: BUG: a fault; the console is in /nowhere" >&2
		exit 126
	fi
	if grep -q "$FAULT_HANG" "$file"; then
		exec sleep 600
	fi
	line=$(grep -n "$FAULT_DIFFERENCE" "$file" | head -n 1 | cut -d: -f1)
	if [ "$line" ]; then
		printf 'not ok %d - %s\n  ---\n  kind: failure\n  message: |\n    %s:%d:1: expected 0, got 1\n  ...\n' \
			$n "$path" "$path" "$line"
	else
		echo "ok $n - $path"
	fi
done
echo "1..$n"
