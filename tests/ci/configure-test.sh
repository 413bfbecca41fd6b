#!/bin/sh
# ci/setup.sh's configure(): a tree is configured for what is installed now and with the options that
# it is to have, whatever was there before.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=ci/setup.sh
. ci/setup.sh
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/bin" "$dir/project"
cd "$dir/project"
PATH=$dir/bin:$PATH
cat >meson.build <<'END'
project('p', 'c')
tool = find_program('tool-of-tests', required: false)
if tool.found() and get_option('tests') and get_option('b_sanitize') == 'none'
  test('with the tool', tool)
endif
END
echo "option('tests', type: 'boolean', value: true)" >meson_options.txt
state=without
installed() {
	echo "$state"
}
install_tool() {
	ln -s /bin/true "$dir/bin/tool-of-tests"
	state=with
}
fresh() {
	rm -rf build "$dir/bin/tool-of-tests"
	state=without
}
fail() {
	echo "FAILED: $*" >&2
	exit 1
}
has_test() {
	meson test -C build --list 2>/dev/null | grep -qx 'with the tool'
}

fresh
configure build
has_test && fail "a test without its tool"
install_tool
configure build
has_test || fail "configured by us before the tool was there: it stays unused"
rm build/setup.log
configure build
[ ! -e build/setup.log ] || fail "configured again for nothing"
meson configure -Dtests=false build >/dev/null
configure build
has_test || fail "an option that somebody changed since stays"

fresh
meson setup -Dtests=false -Db_sanitize=address build >/dev/null
install_tool
configure build
has_test || fail "configured by hand: it stays so"

mkdir build/other
: >build/other/file
echo nonsense >build/meson-private/coredata.dat
rm build/.configured
configure build
has_test || fail "a broken tree stays broken"
[ -e build/other/file ] || fail "what is below a broken tree is lost"

CC=clang configure build/clang
CC=clang configure build/clang -Db_sanitize=address
has_test || fail "another tree changes this one"

echo "error('no')" >>meson.build
configure build/bad 2>"$dir/err" && fail "a configuration that failed is said to be good"
grep -q 'ERROR' "$dir/err" || fail "why it failed is not said"
