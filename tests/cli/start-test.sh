#!/bin/sh
# How a run starts: with no library that it does without; with nothing of the program's environment in our own.
# usage: start-test.sh GNTSIM
set -u
gntsim=$(realpath "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
complain() {
	echo "$*"
	failed=1
}

unset LD_PRELOAD GNTSIM_SOCKET GNTSIM_DOMAIN
LD_DEBUG=files LD_DEBUG_OUTPUT="$dir/loaded" "$gntsim" run -- true || complain "true: status $?"
grep -q "calling init: .*/libc\.so" "$dir"/loaded.* || complain "what is loaded is not told"
grep -qE "calling init: .*/lib(dw|fuse3|json-c|seccomp)\." "$dir"/loaded.* &&
	complain "not needed: $(grep "calling init" "$dir"/loaded.*)"

# The program shares our memory until it is executed.
# shellcheck disable=SC2016
"$gntsim" run --check '[ -z "${LD_PRELOAD-}${GNTSIM_DOMAIN-}" ] && [ "${A-}" = b ]' -- true
[ $? = 1 ] || complain "--check: a variable that is not there"
# shellcheck disable=SC2016
A=b "$gntsim" run --check '[ -z "${LD_PRELOAD-}${GNTSIM_DOMAIN-}" ] && [ "${A-}" = b ]' -- \
	sh -c '[ -n "$LD_PRELOAD" ] && [ "$GNTSIM_DOMAIN" = 0 ] && [ "$A" = b ]' || complain "the environment: status $?"
"$gntsim" run -- "$dir/none" 2>"$dir/err"
status=$?
[ $status = 127 ] || complain "no program: status $status"
grep -qxF "gntsim: cannot run $dir/none: No such file or directory" "$dir/err" || complain "no program: $(cat "$dir/err")"

# One that can't be had is told of as the loader would.
: >"$dir/libjson-c.so.5"
echo '{}' >"$dir/trace.json"
LD_LIBRARY_PATH="$dir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$gntsim" timeline -o "$dir/picture.svg" "$dir/trace.json" 2>"$dir/err"
status=$?
[ $status = 127 ] || complain "no JSON: status $status"
grep -q "^gntsim: error while loading shared libraries: .*libjson-c\.so\.5: file too short" "$dir/err" ||
	complain "no JSON: $(cat "$dir/err")"

# Nothing is left of what was made before it was wanted, and it is gntsim that says so: 125.
# without LIBRARY COMMAND...: it is not to be had.
mkdir "$dir/tmp" "$dir/tree"
without() {
	rm -f "$dir"/lib*.so.*
	: >"$dir/$1"
	shift
	LD_LIBRARY_PATH="$dir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" TMPDIR="$dir/tmp" timeout 30 "$@" >"$dir/out" 2>"$dir/err"
	status=$?
	[ $status = 125 ] || complain "$*: status $status: $(cat "$dir/err")"
	grep -q "error while loading shared libraries: " "$dir/err" || complain "$*: $(cat "$dir/err")"
	[ -z "$(ls "$dir/tmp")" ] || complain "$*: left behind: $(ls "$dir/tmp")"
	rm -rf "$dir/tmp/"*
}
without libjson-c.so.5 "$gntsim" run --points "$dir/points" -- true
without libjson-c.so.5 "$gntsim" run --trace "$dir/trace" --trace-format json -- true
without libjson-c.so.5 "$gntsim" doctor --json
without libseccomp.so.2 "$gntsim" run --front ptrace -- true
if "$gntsim" run --front fuse -- true 2>/dev/null; then
	without libfuse3.so.3 "$gntsim" run --front fuse -- true
	without libfuse3.so.3 "$gntsim" run --front fuse --assist=no -- true ::: -- true
fi
if [ "$(id -u)" = 0 ] && [ -w /dev/fuse ]; then
	without libfuse3.so.3 "$gntsim" serve --socket "$dir/tmp/s" --mount "$dir/tree"
fi
exit $failed
