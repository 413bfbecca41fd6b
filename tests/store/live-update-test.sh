#!/bin/sh
# A live update of xenstored: it executes itself, and nobody notices. Watches and their owners stay, of domain 0's
# sockets and of another domain's page; domains come and go after it.
# usage: live-update-test.sh GNTSIM xenstored|oxenstored
gntsim=$(realpath "$1") kind=$2
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
expect 0 "live update" timeout 60 "$gntsim" run --socket "$s" -- xenstore-control live-update -s -t 20 "$program"
tr '\0' '\n' <"/proc/$pid/cmdline" | grep -qx -e -U -e --live || complain "$kind has not executed itself"
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
stop serve TERM
[ $got = 0 ] || complain "serve ended with $got: $(cat "$dir/serve.out")"
exit $failed
