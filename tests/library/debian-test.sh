#!/bin/sh
# debian-test.sh SOURCE-ROOT: the Debian packages build, have nothing that lintian calls an error,
# install, and work from where they are installed.
set -eu
root=$(realpath "$1")
for tool in dh lintian dpkg-buildpackage; do
	command -v $tool >/dev/null || { echo "skipped: no $tool" && exit 77; }
done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/gntsim" "$dir/root"
(cd "$root" && git ls-files -z | tar -c --null -T - --ignore-failed-read) | tar -x -C "$dir/gntsim"
cd "$dir/gntsim"
# The tests have been run, from the tree.
DEB_BUILD_OPTIONS=${DEB_BUILD_OPTIONS-nocheck} dpkg-buildpackage -us -uc -b >"$dir/log" 2>&1 || { tail -n 60 "$dir/log" && exit 1; }
cd "$dir"
cp ./*.deb ./*.changes "${DEBIAN_KEEP:-$dir/root}"
lintian --allow-root --fail-on error ./*.changes

# Unpacked somewhere, where nothing but the command's own place says where its library is.
for package in *.deb; do
	case $package in
	*-dbgsym_*) ;;
	*) dpkg-deb -x "$package" root ;;
	esac
done
LD_LIBRARY_PATH=$(dirname "$dir"/root/usr/lib/*/libgntsim.so.0)
export LD_LIBRARY_PATH
root/usr/bin/gntsim run -- true
cc -Iroot/usr/include "$root/binding/examples/hello.c" -o hello "$LD_LIBRARY_PATH/libgnttab-c.so"
[ "$(root/usr/bin/gntsim run --leaks=error -- ./hello)" = "hello, other side" ]
root/usr/bin/gntsim --version
[ -x root/usr/libexec/gntsim/gntsim-play-static ]
root/usr/bin/gntsim play root/usr/share/gntsim/scenarios >"$dir/played" || { tail -n 20 "$dir/played" && exit 1; }
tail -n 1 "$dir/played"

# And installed, as dpkg does it, in a root of its own with a database of its own.
[ "$(id -u)" = 0 ] || exit 0
mkdir -p installed/var/lib/dpkg/info installed/var/lib/dpkg/updates installed/var/lib/dpkg/triggers
: >installed/var/lib/dpkg/status
find . -maxdepth 1 -name '*.deb' ! -name '*-dbgsym_*' -exec dpkg --root="$dir/installed" \
	--force-depends --force-not-root --force-script-chrootless --log=/dev/null -i {} + >"$dir/log" 2>&1 ||
	{ cat "$dir/log" && exit 1; }
dpkg-query --admindir="$dir/installed/var/lib/dpkg" -W
installed/usr/bin/gntsim run -- true
