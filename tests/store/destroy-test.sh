#!/bin/sh
# The end of a domain leaves the xenstore to the others: xenstored asks Xen who lives.
# usage: destroy-test.sh GNTSIM
gntsim=$(realpath "$1")
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../cli/script.sh"
needs_xenstored
s=$dir/s
start serve "$gntsim" serve --xenstore --socket "$s"
expect 0 "write" "$gntsim" run --socket "$s" -- xenstore-write /a 1
expect 0 "a domain" "$gntsim" run --socket "$s" --domain 1 -- true
expect 0 "its end" "$gntsim" control --socket "$s" destroy 1
expect 0 "write again" "$gntsim" run --socket "$s" -- xenstore-write /a 2
expect 0 "another domain" "$gntsim" run --socket "$s" --domain 3 -- xenstore-read name
says out domain-3
expect 0 "the first again" "$gntsim" run --socket "$s" --domain 1 -- xenstore-read name
says out domain-1
expect 0 "what was written" "$gntsim" run --socket "$s" -- xenstore-read /a
says out 2
xl=$(ls /usr/lib/xen-*/bin/xl 2>/dev/null) || xl=
if [ -n "$xl" ] && [ -r /etc/xen/xl.conf ]; then
	expect 0 "xl" "$gntsim" run --socket "$s" -- "$xl" list
	says out "domain-3 "
	says out "Domain-0 "
	quiet
fi
stop serve TERM
exit $failed
