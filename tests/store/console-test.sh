#!/bin/sh
# Debian's xenconsoled attaches to a domain's console, by the nodes, the page and the port that it has; what the
# domain says there (gntsim control console) is read from its terminal, what is typed at it the domain hears.
# usage: console-test.sh GNTSIM
# Who leads a session makes the first terminal that it opens its own, and hears of its end.
if [ -z "$CHILD" ]; then
	CHILD=1 sh "$0" "$@"
	exit $?
fi
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
tty=$(cat "$dir/out")
expect 0 "its page" "$gntsim" show --socket "$s" grants
grep -Eq '^ +3 +0 +0 .*mapped' "$dir/out" || complain "reference 0 is not mapped: $(cat "$dir/out")"

# line FILE-DESCRIPTOR WANTED WHAT
line() {
	got=$(timeout 20 head -n 1 <&"$1")
	[ "$got" = "$2" ] || complain "$3: expected $(printf %.40s "$2"), got $(printf %.40s "$got")"
}
mkfifo "$dir/says" "$dir/hears"
"$gntsim" control --socket "$s" console 3 <"$dir/says" >"$dir/hears" 2>"$dir/console.err" &
echo $! >"$dir/console.pid"
exec 8>"$dir/says" 7<"$dir/hears" 9<>"$tty"
printf 'from within\n' >&8
line 9 'from within' "said by the domain"
printf 'typed\n' >&9
line 7 'typed' "typed at the terminal"
# More than the page holds.
long=$(head -c 5000 /dev/zero | tr '\0' x)
printf '%s\n' "$long" >&8
line 9 "$long" "a long line of the domain's"
printf '%s\n' "$long" >&9
line 7 "$long" "a long line that was typed"
expect 125 "a second one" "$gntsim" control --socket "$s" console 3
says err 'somebody has it already'
expect 125 "domain 0" "$gntsim" control --socket "$s" console 0
says err 'no such domain, or it has no console'
# Who has said all goes when it was heard.
printf 'the last\n' >&8
exec 8>&-
line 9 'the last' "the last line"
wait "$(cat "$dir/console.pid")" || complain "console ended with $?: $(cat "$dir/console.err")"
expect 0 "another, now" "$gntsim" control --socket "$s" console 3 </dev/null
# The end of the domain is its console's.
"$gntsim" control --socket "$s" console 3 <"$dir/says" &
console=$!
exec 8>"$dir/says"
printf 'here\n' >&8
line 9 'here' "it is there"
exec 9>&- 7>&-
expect 0 destroy "$gntsim" control --socket "$s" destroy 3
timeout 20 tail --pid=$console -f /dev/null
kill -9 $console 2>/dev/null && complain "it lives on without its domain"
wait $console
exec 8>&-
stop serve TERM
exit $failed
