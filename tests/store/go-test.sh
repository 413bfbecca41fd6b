#!/bin/sh
# A static Go program whose one device is /dev/xen/xenbus, in two domains that may not read each other's part: on the
# front that "auto" finds for it, and where the kernel serves it without help.
# usage: go-test.sh GNTSIM XENBUS-GO FRONT...
gntsim=$(realpath "$1") xenbus=$(realpath "$2")
shift 2
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../cli/script.sh"
needs_xenstored
if ! "$gntsim" run "$@" -- "$xenbus" 2>"$dir/why" && grep -q '^gntsim' "$dir/why"; then
	echo "skipped: $(cat "$dir/why")"
	exit 77
fi
s=$dir/s mount=
[ "$2" != fuse ] || { mkdir "$dir/tree" && mount="--mount $dir/tree"; }
# shellcheck disable=SC2086
start serve "$gntsim" serve --xenstore --socket "$s" $mount
expect 0 "another domain" "$gntsim" run --socket "$s" --domain 4 -- xenstore-write data/secret theirs
limit=60 expect 0 "one" "$gntsim" run --socket "$s" "$@" --domain 3 -- "$xenbus" 3 4
says out "all of 3"
limit=60 expect 0 "the other" "$gntsim" run --socket "$s" "$@" --domain 4 -- "$xenbus" 4 3
says out "all of 4"
expect 0 "still its own" "$gntsim" run --socket "$s" --domain 3 -- xenstore-read data/secret
says out "of 3"
stop serve TERM
exit $failed
