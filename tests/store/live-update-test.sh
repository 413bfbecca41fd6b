#!/bin/sh
# A live update of xenstored: it executes itself, and nobody notices. Watches and their owners stay, of domain 0's
# sockets and of another domain's page; domains come and go after it. It waits for a transaction that is open; forced,
# it ends it.
# usage: live-update-test.sh GNTSIM XENBUS xenstored|oxenstored
gntsim=$(realpath "$1") xenbus=$(realpath "$2") kind=$3
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../cli/script.sh"
for program in /usr/lib/xen-*/bin/"$kind"; do :; done
[ -x "$program" ] || {
	echo "skipped: no $kind (package xen-utils-4.17)"
	exit 77
}
s=$dir/s
within() {
	domain=$1
	shift
	timeout 60 "$gntsim" run --socket "$s" --domain "$domain" -- "$@"
}
# events N FILE: so many lines are there.
events() {
	timeout 60 tail -s 0.05 -n +1 -f "$2" | head -n "$1" >/dev/null
}
: >"$dir/serve.out" # it is there before it is looked at
# (Not by start(), which closes what OCaml's has to write to.)
"$gntsim" serve --xenstore="$kind" --socket "$s" >"$dir/serve.out" 2>&1 &
serve=$!
echo $serve >"$dir/serve.pid"
timeout 60 tail -s 0.05 -n +1 -f "$dir/serve.out" | grep -q -m 1 serving
read -r pid _ <"/proc/$serve/task/$serve/children"
within 3 xenstore-write data/a 1 || complain "no store"
watch() {
	: >"$dir/$3"
	"$gntsim" run --socket "$s" --domain "$1" -- stdbuf -oL xenstore-watch -n 3 "$2" >"$dir/$3" 2>&1 &
	echo $! >"$dir/$3.pid"
	events 1 "$dir/$3"
}
watch 3 data/a domain3
watch 0 /local/domain/3/data/a domain0
has_executed() {
	tr '\0' '\n' <"/proc/$pid/cmdline" | grep -qx -e -U -e --live
}
# hold NAME: a transaction of domain 3's, until it reads a line.
hold() {
	mkfifo "$dir/$1.in"
	"$gntsim" run --socket "$s" --domain 3 -- "$xenbus" held <"$dir/$1.in" >"$dir/$1" 2>&1 &
	echo $! >"$dir/$1.pid"
	exec 8>"$dir/$1.in"
	events 1 "$dir/$1"
}
let_go() {
	echo >&8
	exec 8>&-
	wait "$(cat "$dir/$1.pid")" || complain "a transaction, $1: $(cat "$dir/$1")"
	rm "$dir/$1.pid"
	end=$(tail -n 1 "$dir/$1")
}
hold waited
"$gntsim" run --socket "$s" -- timeout 60 xenstore-control live-update -s -t 50 "$program" >"$dir/update" 2>&1 &
update=$!
within 4 xenstore-read name >"$dir/out" || complain "a transaction stops another domain"
! has_executed || complain "$kind does not wait for a transaction"
let_go waited
[ "$end" = OK ] || complain "the transaction that was waited for: $end"
wait $update || complain "live update: $(cat "$dir/update")"
has_executed || complain "$kind has not executed itself"
[ "$(within 3 xenstore-read data/held)" = 1 ] || complain "what the transaction wrote is lost"
[ "$(within 3 timeout 20 xenstore-read data/a)" = 1 ] || complain "what was there is lost"
within 4 timeout 20 xenstore-write /local/domain/3/data/a 2 2>/dev/null && complain "another domain may write"
within 3 timeout 20 xenstore-write data/a 2 || complain "no writing"
events 2 "$dir/domain3"
events 2 "$dir/domain0"
[ "$(cat "$dir/domain3")" = "$(printf 'data/a\ndata/a')" ] || complain "domain 3 saw: $(cat "$dir/domain3")"
[ "$(wc -l <"$dir/domain0")" = 2 ] || complain "domain 0 saw: $(cat "$dir/domain0")"
[ "$(within 5 timeout 20 xenstore-read name)" = domain-5 ] || complain "no domain comes any more"
expect 0 "destroy" "$gntsim" control --socket "$s" --patience 100 destroy 3
expect 1 "what it had" timeout 60 "$gntsim" run --socket "$s" -- xenstore-exists /local/domain/3
[ "$(within 5 timeout 20 xenstore-read name)" = domain-5 ] || complain "another domain is gone too"
# (OCaml's can't be forced: it is BUSY, and ends.)
if [ "$kind" = xenstored ]; then
	hold forced
	expect 0 "forced" timeout 60 "$gntsim" run --socket "$s" -- xenstore-control live-update -s -F -t 1 "$program"
	let_go forced
	[ "$end" = ENOENT ] || complain "the transaction that was not waited for: $end"
fi
stop serve TERM
[ $got = 0 ] || complain "serve ended with $got: $(cat "$dir/serve.out")"
exit $failed
