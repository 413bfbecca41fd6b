#!/bin/sh
# large-pages-test.sh GNTSIM LIBRARY SCENARIO: on a host whose pages are larger than Xen's each front is refused, with the
# reason, and what maps nothing works.
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/script.sh"
gntsim=$(realpath "$1") library=$(realpath "$2") scenario=$(realpath "$3")
why="gntsim: this host's pages are of 65536 bytes and Xen's of 4096"

expect 0 "pages of 4 KiB" "$gntsim" run -- true
for front in auto socket ptrace fuse cuse; do
	expect 125 "run on $front" env LD_PRELOAD="$library" "$gntsim" run --front $front -- true
	says err "$why"
done
expect 125 "serve" env LD_PRELOAD="$library" "$gntsim" serve --socket "$dir/s"
says err "$why"
[ ! -e "$dir/s" ] || complain "serve left its socket"
expect 1 "doctor" env LD_PRELOAD="$library" "$gntsim" doctor
says out "this host's pages are of 65536 bytes"
says out "to have it: boot a kernel with pages of 4096 bytes"
expect 0 "the model" env LD_PRELOAD="$library" "$gntsim" play --on model "$scenario"
[ $failed = 0 ]
