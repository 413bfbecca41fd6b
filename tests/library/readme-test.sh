#!/bin/sh
# readme-test.sh SOURCE-ROOT: a new user: does what docs/ci.md says, word for word, as an
# unprivileged user for whom there is no /dev/fuse: installs, then tries all its examples and mistakes.
set -eu

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# block N LANGUAGE PAGE: the Nth code block in a language.
block() {
	awk -v n="$1" -v start="\`\`\`$2" '
		$0 == start { inside = ++count == n; next }
		/^```/ { inside = 0 }
		inside' "$3"
}

job() {
	if [ -r /dev/fuse ] || [ "$(id -u)" = 0 ]; then
		fail "this is no unprivileged user without /dev/fuse"
	fi
	block 1 c docs/libraries.md >your-test.c
	export GNTSIM_URL="file://$root"
	# The checkout is not this user's.
	git config --global safe.directory '*'
	# Only the packages that the page names, as far as meson asks for any.
	mkdir pc
	for name in fuse3 fuse json-c libdw libseccomp libelf zlib liblzma; do
		found=$(find /usr/lib /usr/share -name "$name.pc" 2>/dev/null | head -n 1)
		[ -z "$found" ] || cp "$found" pc
	done
	export PKG_CONFIG_LIBDIR="$PWD/pc"
	block 1 sh docs/ci.md >job.sh
	# shellcheck disable=SC1091
	set -x && . ./job.sh && set +x
	[ "$(gntsim run --leaks=error -- ./your-test)" = "hello, other side" ] || fail "what it said"
	# And the rest of the pages, with what has been installed.
	mkdir hello
	cd hello
	ln -s ../gntsim/build build
	../gntsim/tests/library/examples.py readme ../gntsim ..
	echo "the first job works"
}

if [ "$1" = --inside ]; then
	root=$2
	cd "$HOME"
	job
	exit 0
fi

root=$(realpath "$1") self=$(realpath "$0")
jobs=$root/docs/ci.md
[ -n "$(block 1 sh "$jobs")" ] || fail "$jobs has no job"
git -C "$root" rev-parse HEAD >/dev/null 2>&1 || { echo "skipped: no git checkout to clone" && exit 77; }
# The packages exist.
packages=$(sed -n 's/.*apt-get install -y \([a-z0-9 .-]*\).*/\1/p' "$jobs" | tr ' ' '\n' | sort -u)
# shellcheck disable=SC2086
apt-get install --simulate -qq $packages >/dev/null || fail "packages: $packages"
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cp -r "$root/README.md" "$root/docs" "$home"
cp "$self" "$home/readme-test.sh"
# Nothing there to mount with, and nobody to be.
# shellcheck disable=SC2016
hide='[ ! -e /dev/fuse ] || { : >"$1/none" && chmod 000 "$1/none" && mount --bind "$1/none" /dev/fuse; } || exit 77; shift; exec "$@"'
# shellcheck disable=SC2086
inside="env -i $(env | grep '^CCACHE_' | tr '\n' ' ')HOME=$home PATH=$PATH LANG=C.UTF-8 sh $home/readme-test.sh --inside $root"
if [ "$(id -u)" = 0 ]; then
	chmod 755 "$home"
	chown -R nobody "$home"
	unshare -m true 2>/dev/null || {
		echo "skipped: this host grants no mount namespace, or is a chroot"
		exit 77
	}
	# shellcheck disable=SC2086
	unshare -m sh -c "$hide" sh "$home" setpriv --reuid "$(id -u nobody)" --regid "$(id -g nobody)" \
		--clear-groups --no-new-privs $inside
elif [ ! -e /dev/fuse ]; then
	# shellcheck disable=SC2086
	$inside
else
	echo "skipped: hiding /dev/fuse needs root"
	exit 77
fi
