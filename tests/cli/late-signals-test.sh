#!/bin/sh
# late-signals-test.sh GNTSIM: signals that come while gntsim run looks after its machine, when its
# program has ended, change nothing.
set -u
gntsim=$(realpath "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit
mkfifo begun
failed=0

# The program ends when its child has begun to send signals, which it does until nobody is there.
# shellcheck disable=SC2016
program='(kill -CHLD $PPID; echo >begun; while kill -CHLD $PPID 2>/dev/null; do :; done) &
read -r line <begun
exit 3'

tries() {
	for i in 1 2 3 4 5; do
		status=0
		timeout -k 1 10 "$@" 2>err || status=$?
		[ $status = 3 ] && continue
		failed=1
		echo "FAILED (try $i): $*: status $status, not 3"
		cat err
	done
}

tries "$gntsim" run -- sh -c "$program"
tries "$gntsim" run --leaks -- sh -c "$program"
tries "$gntsim" run -- true ::: -- sh -c "$program"
if [ -w /dev/fuse ] && "$gntsim" run --front fuse -- true 2>why; then
	tries "$gntsim" run --front fuse -- sh -c "$program"
	tries "$gntsim" run --front fuse --assist=no -- sh -c "$program"
	tries "$gntsim" run --front fuse --assist=no -- true ::: -- sh -c "$program"
else
	echo "not on FUSE: $(cat why 2>/dev/null || echo no /dev/fuse)"
fi
exit $failed
