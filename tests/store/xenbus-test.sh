#!/bin/sh
# /dev/xen/xenbus in a domain, on a front; without a xenstore it can't be opened.
# usage: xenbus-test.sh GNTSIM XENBUS FRONT...
gntsim=$(realpath "$1") xenbus=$(realpath "$2")
shift 2
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../cli/script.sh"
needs_xenstored
if [ "$2" != socket ] && ! "$gntsim" run "$@" -- true 2>"$dir/why"; then
	echo "skipped: $(cat "$dir/why")"
	exit 77
fi
limit=90 expect 0 "the driver" "$gntsim" run --xenstore "$@" --domain 3 -- "$xenbus"
[ ! -s "$dir/out" ] || complain "$(cat "$dir/out")"
# (More of the front makes no difference to xenstored.)
[ "$2" != socket ] ||
	limit=90 expect 0 "many watches" "$gntsim" run --xenstore "$@" --domain 0 -- "$xenbus" many
[ "$2" != socket ] || expect 0 "past the library" "$gntsim" run --xenstore "$@" --domain 3 -- "$xenbus" raw
[ ! -s "$dir/out" ] || complain "$(cat "$dir/out")"
expect 1 "without a xenstore" "$gntsim" run "$@" --domain 3 -- "$xenbus" pieces
says err "/dev/xen/xenbus: No such file or directory"
exit $failed
