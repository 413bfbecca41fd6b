#!/bin/sh
# A program that asks for the store at /var/run/xenstored/socket, and reads no variable, in three domains.
# usage: socket-test.sh GNTSIM STORE-SOCKET FRONT...
# Where the kernel finds the path by itself there must be such a folder: in a mount namespace that has one.
if [ "${5-}" = --assist=no ] && [ ! "${in_own_run-}" ]; then
	export in_own_run=1
	unshare --mount true 2>/dev/null || {
		echo "skipped: this host grants no mount namespace, or is a chroot"
		exit 77
	}
	# shellcheck disable=SC2016
	exec unshare --mount sh -c 'mount -t tmpfs run /run && mkdir /run/xenstored && exec "$0" "$@"' "$0" "$@"
fi
gntsim=$(realpath "$1") program=$(realpath "$2")
shift 2
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../cli/script.sh"
needs_xenstored
if ! "$gntsim" run "$@" -- true 2>"$dir/why" && grep -q '^gntsim' "$dir/why"; then
	echo "skipped: $(cat "$dir/why")"
	exit 77
fi
s=$dir/s mount=
[ "${3-}" != --assist=no ] || { mkdir "$dir/tree" && mount="--mount $dir/tree"; }
# shellcheck disable=SC2086
start serve "$gntsim" serve --xenstore --socket "$s" $mount
expect 0 "domain 0" "$gntsim" run --socket "$s" "$@" -- "$program" Domain-0
says out "its own"
expect 0 "domain 3" "$gntsim" run --socket "$s" "$@" --domain 3 -- "$program" domain-3
says out "its own"
# shellcheck disable=SC2016
expect 0 "domain 4" "$gntsim" run --socket "$s" "$@" --domain 4 -- sh -c '"$0" domain-4' "$program"
says out "its own"
stop serve TERM
exit $failed
