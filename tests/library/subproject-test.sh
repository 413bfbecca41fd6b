#!/bin/sh
# subproject-test.sh SOURCE-ROOT: a project that has gntsim in subprojects/ and tests itself on it.
set -eu
root=$1
here=$root/tests/library
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# Nothing installed may be found instead.
export PKG_CONFIG_PATH=
cp "$here/subproject/meson.build" "$here/plain-assert.c" "$here/pair.h" \
	"$root/binding/examples/hello.c" "$dir"
mkdir "$dir/subprojects"
ln -s "$root" "$dir/subprojects/gntsim"
meson setup --wrap-mode=forcefallback "$dir/build" "$dir" >"$dir/log" 2>&1 ||
	{ cat "$dir/log" && exit 1; }
# The two tests and what they need; the subproject has its own.
ninja -C "$dir/build" model hello subprojects/gntsim/gntsim \
	subprojects/gntsim/fakedev/preload/libgntsim-preload.so >"$dir/log" 2>&1 || { cat "$dir/log" && exit 1; }
meson test -C "$dir/build" --no-rebuild --print-errorlogs --suite user
