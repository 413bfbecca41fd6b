#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2015 # wrong() is no alternative to a check that holds
# ci/suite.sh on a small project: what fails is counted and said; what fails beside others and passes twice by itself passes,
# and that is said too.
set -eu
cd "$(dirname "$0")/../.."
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
. ci/skips.sh
. ci/suite.sh
wrong() {
	echo "FAILED: $*"
	cat "$place/out"
	exit 1
}

mkdir "$place/project" "$place/logs"
cat >"$place/project/once" <<'END'
#!/bin/sh
[ -e "$1" ] && exit
echo "this was the first time"
touch "$1"
exit 1
END
cat >"$place/project/never" <<'END'
#!/bin/sh
echo "as always"
exit 1
END
chmod +x "$place/project/once" "$place/project/never"
cat >"$place/project/meson.build" <<END
project('small')
test('a fine one', find_program('true'))
test('once, in a crowd', find_program('once'), args: '$place/mark', suite: 'a')
END
meson setup "$place/build" "$place/project" >/dev/null
logs=$place/logs passed=0 failed=0 skipped=0
suite "some tests" "$place/build" >"$place/out"
[ "$passed $failed $skipped" = "2 0 0" ] || wrong "$passed passed, $failed failed, $skipped skipped"
grep -q '^ok .*: 2 passed' "$place/out" && grep -q 'passed twice by themselves' "$place/out" &&
	grep -q 'FAIL small:a / once, in a crowd' "$place/out" && grep -q 'this was the first time' "$place/out" || wrong "what is said"

rm "$place/mark"
echo "test('no good', find_program('never'))" >>"$place/project/meson.build"
passed=0 failed=0 skipped=0
suite "some tests" "$place/build" >"$place/out"
[ "$passed $failed $skipped" = "1 2 0" ] || wrong "$passed passed, $failed failed, $skipped skipped"
grep -q '^FAILED .*: 2 of 3' "$place/out" && grep -q 'as always' "$place/out" || wrong "what is said of failures"
suite "nothing" "$place/nowhere" >"$place/out"
[ "$failed" = 3 ] || wrong "no tests at all are no failure"
