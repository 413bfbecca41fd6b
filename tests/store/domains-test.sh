#!/bin/sh
# Each domain has its own part of the xenstore, by Debian's xenstored: paths, permissions, watches, its
# birth and its end; and what is wrong in one is no other's trouble.
# usage: domains-test.sh GNTSIM SCRIBBLE [LIVES]
gntsim=$(realpath "$1") scribble=$(realpath "$2") lives=${3:-10}
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../cli/script.sh"
needs_xenstored
s=$dir/s
# in DOMAIN COMMAND...
cat >"$dir/in" <<END
#!/bin/sh
domain=\$1
shift
exec "$gntsim" run --socket "$s" --domain "\$domain" -- "\$@"
END
chmod +x "$dir/in"
in=$dir/in
# A destroy looks at each process of the host.
cat >"$dir/control" <<END
#!/bin/sh
exec "$gntsim" control --socket "$s" --patience 100 "\$@"
END
chmod +x "$dir/control"
control() {
	"$dir/control" "$@"
}
start serve "$gntsim" serve --xenstore --socket "$s"
# What a line shows is that something is there; a first event comes at once.
start introduced "$gntsim" run --socket "$s" -- stdbuf -oL xenstore-watch -n 2 @introduceDomain
start released "$gntsim" run --socket "$s" -- stdbuf -oL xenstore-watch -n 2 @releaseDomain
expect 0 "the store at first" "$in" 0 xenstore-ls -f
sort "$dir/out" >"$dir/first"

expect 0 "a relative path" "$in" 3 xenstore-read name
says out domain-3
expect 0 "introduced" timeout 20 tail -s 0.05 --pid="$(cat "$dir/introduced.pid")" -f /dev/null
expect 0 "its own" "$in" 3 sh -c 'xenstore-write data/secret 1 && xenstore-read /local/domain/3/data/secret'
expect 0 "by the node" "$in" 3 env XENSTORED_PATH=/dev/xen/xenbus xenstore-read data/secret
expect 1 "what is domain 0's" "$in" 3 xenstore-write name other
expect 1 "what is nobody's" "$in" 3 xenstore-write /top 1
expect 1 "another domain's" "$in" 4 xenstore-read /local/domain/3/data/secret
expect 1 "another domain's" "$in" 4 xenstore-write /local/domain/3/data/secret 2
expect 0 "allowed to read" "$in" 3 xenstore-chmod data/secret n3 r4
expect 0 "another domain's" "$in" 4 xenstore-read /local/domain/3/data/secret
expect 1 "not allowed to write" "$in" 4 xenstore-write /local/domain/3/data/secret 2
expect 0 "owners" "$in" 0 xenstore-ls -f -p
says out '/local/domain/3/data/secret = "1"   (n3,r4)'
says out '/local/domain/4/name = "domain-4"   (n0,r4)'

# A watch across domains, of one that is destroyed while it has another.
start watch "$gntsim" run --socket "$s" --domain 4 -- stdbuf -oL xenstore-watch -n 2 /local/domain/3/data/secret
start doomed "$gntsim" run --socket "$s" --domain 3 -- stdbuf -oL xenstore-watch -n 2 data
expect 0 "a change" "$in" 0 xenstore-write /local/domain/3/data/secret 2
expect 0 "seen" timeout 20 tail -s 0.05 --pid="$(cat "$dir/watch.pid")" -f /dev/null
# (That it is gone xenstored finds out by itself too: only its log tells that it was told.)
expect 0 "a log" "$in" 0 sh -c "xenstore-control logfile '$dir/log' && xenstore-control log on"
limit=120 expect 0 "destroy" "$dir/control" destroy 3
grep -q ' RELEASE (3 )' "$dir/log" || complain "xenstored is not told: $(cat "$dir/log")"
expect 0 "no log" "$in" 0 xenstore-control log off
expect 0 "released" timeout 20 tail -s 0.05 --pid="$(cat "$dir/released.pid")" -f /dev/null
expect 1 "what it had" "$in" 0 xenstore-exists /local/domain/3
expect 0 "another domain's goes on" "$in" 4 xenstore-read name

# A ring that makes no sense is its own domain's trouble.
expect 0 "a domain" "$in" 5 xenstore-read name
# (Its kernel mends what it writes itself.)
expect 0 "scribble" "$in" 0 "$scribble" 5 requests
expect 0 "as before" "$in" 5 xenstore-read name
says out domain-5
expect 0 "scribble" "$in" 0 "$scribble" 5
"$gntsim" run --socket "$s" --domain 5 -- xenstore-read name >"$dir/stuck.out" 2>&1 &
echo $! >"$dir/stuck.pid"
expect 0 "others go on" "$in" 4 xenstore-read name
expect 0 "domain 0 too" "$in" 0 xenstore-read /local/domain/4/name
limit=120 expect 0 "destroy" "$dir/control" destroy 5
limit=120 expect 0 "destroy" "$dir/control" destroy 4

# Many lives, and the store as at first.
# Nobody runs in these: who can't be looked at is another's (as on purpose in tests/cli/destroy-test.sh).
destroy() {
	control destroy "$1" 2>"$dir/why" && return
	! grep -v -e 'may live on: it cannot be looked at' -e 'is destroyed, but not all of its' "$dir/why" ||
		complain "destroy $1"
}
i=0
while [ $i -lt "$lives" ]; do
	i=$((i + 1))
	control create $i || complain "create $i"
	control attach vbd $i params=/dev/null >"$dir/out" || complain "attach $i"
	[ $i = 1 ] || control attach vif $i 1 >"$dir/out" || complain "attach $i to 1"
done
expect 0 "a backend in domain 1" "$in" 0 xenstore-exists /local/domain/1/backend/vif/2/0
expect 0 "they are there" "$in" 0 xenstore-list /local/domain
[ "$(wc -l <"$dir/out")" = $((lives + 1)) ] || complain "not all: $(cat "$dir/out")"
i=$lives
while [ "$i" -gt 0 ]; do
	destroy "$i"
	i=$((i - 1))
	[ "$i" != 1 ] || expect 1 "no backend in domain 1" "$in" 0 xenstore-exists /local/domain/1/backend
done
expect 0 "the store at last" "$in" 0 xenstore-ls -f
grep -v '^/vm = ""' "$dir/out" | sort >"$dir/last"
diff "$dir/first" "$dir/last" || complain "the store has changed"
expect 0 "status" "$gntsim" status --socket "$s"
says out "domains 1"
says out "zombies 0"
says out "gntdev_maps 0"

serve=$(cat "$dir/serve.pid")
read -r xenstored _ <"/proc/$serve/task/$serve/children"
[ "$(cat "/proc/$xenstored/comm")" = xenstored ] || complain "no xenstored: $xenstored"
# Who is told that a domain is made finds it in the store: as long as xenstored has not heard of it, nobody is told.
kill -STOP "$xenstored"
expect 125 "made, and not in the store" "$gntsim" control --socket "$s" --patience 1 create 5
says err "create: domain 5 is made, but not in xenstore: xenstored does not answer"
kill -CONT "$xenstored"
expect 0 "made, and in the store" "$gntsim" control --socket "$s" create 5
expect 0 "who reads at once" "$in" 0 xenstore-read /local/domain/5/console/ring-ref

# Whoever waits for a xenstored that was killed gets an error, and so does who comes later.
start late "$gntsim" run --socket "$s" --domain 6 -- env XENSTORED_PATH=/dev/xen/xenbus \
	stdbuf -oL xenstore-watch -n 2 data
kill -9 "$xenstored"
expect 0 "who waits" timeout 20 tail -s 0.05 --pid="$(cat "$dir/late.pid")" -f /dev/null
limit=20 expect 1 "who comes later" "$in" 6 xenstore-read name
expect 0 "the machine goes on" "$in" 7 true
# Who makes a domain is told that it is in no store; its programs are told that there is none.
expect 125 "made without a xenstored" "$gntsim" control --socket "$s" create 8
says err "create: domain 8 is made, but not in xenstore: xenstored has ended"
limit=20 expect 1 "who is new" "$in" 8 xenstore-read name
stop serve TERM
[ $got = 0 ] || complain "serve ended with $got"
exit $failed
