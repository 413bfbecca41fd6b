#!/bin/sh
# Debian's xenconsoled attaches to a domain's console, by the nodes, the page and the port that it has.
# usage: console-test.sh GNTSIM
gntsim=$(realpath "$1")
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../cli/script.sh"
for name in xenstored xenconsoled; do
	ls /usr/lib/xen-*/bin/$name >/dev/null 2>&1 || {
		echo "skipped: no $name (package xen-utils-4.17)"
		exit 77
	}
done
program=$(ls /usr/lib/xen-*/bin/xenconsoled)
s=$dir/s
start serve "$gntsim" serve --xenstore --socket "$s"
expect 0 create "$gntsim" control --socket "$s" create 3
expect 0 "no terminal yet" "$gntsim" run --socket "$s" -- xenstore-read /local/domain/3/console/tty
[ -z "$(cat "$dir/out")" ] || complain "there is a terminal: $(cat "$dir/out")"
# shellcheck disable=SC2016
start daemon "$gntsim" run --socket "$s" -- sh -c \
	'echo ready; exec "$0" -i --log=none --pid-file="$1"' "$program" "$dir/xenconsoled"
n=0
until timeout 20 "$gntsim" run --socket "$s" -- xenstore-read /local/domain/3/console/tty >"$dir/out" 2>&1 &&
	grep -q /dev/pts/ "$dir/out"; do
	n=$((n + 1))
	[ $n = 200 ] && break
done
what="the terminal"
says out /dev/pts/
expect 0 "its page" "$gntsim" show --socket "$s" grants
grep -Eq '^ +3 +0 +0 .*mapped' "$dir/out" || complain "reference 0 is not mapped: $(cat "$dir/out")"
stop serve TERM
exit $failed
