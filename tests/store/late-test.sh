#!/bin/sh
# A call through the doorbell that xenstored answers late is made once.
# usage: late-test.sh GNTSIM LATE
gntsim=$(realpath "$1") late=$(realpath "$2")
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../cli/script.sh"
needs_xenstored
limit=90 expect 0 "a late answer" "$gntsim" run --xenstore --front socket --domain 3 -- "$late"
[ ! -s "$dir/out" ] || complain "$(cat "$dir/out")"
exit $failed
