#!/bin/sh
# Which xenstored serves a machine: OCaml's by choice; never a second one; another one after the first's
# end. And pages of other domains through privcmd, which OCaml's needs.
# usage: xenstoreds-test.sh GNTSIM FOREIGN
gntsim=$(realpath "$1") foreign=$(realpath "$2")
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../cli/script.sh"
for name in xenstored oxenstored; do
	ls /usr/lib/xen-*/bin/$name >/dev/null 2>&1 || {
		echo "skipped: no $name (package xen-utils-4.17)"
		exit 77
	}
done
programs=$(dirname "$(ls /usr/lib/xen-*/bin/xenstored)")
s=$dir/s
run() {
	status=$1 about=$2 domain=$3
	shift 3
	expect "$status" "$about" "$gntsim" run --socket "$s" --domain "$domain" -- "$@"
}

expect 125 "no such xenstored" "$gntsim" serve --xenstore=other --socket "$s"
says err "expected xenstored or oxenstored, found 'other'"

for kind in oxenstored xenstored; do
	start serve "$gntsim" serve --xenstore=$kind --socket "$s"
	case $line in "Xen Storage Daemon"*) ;; "gntsim: serving"*) ;; *) complain "$kind: $line" ;; esac
	run 0 "$kind: a relative path" 3 xenstore-read name
	says out domain-3
	run 0 "$kind: its own" 3 xenstore-write data/secret 1
	run 1 "$kind: another's" 4 xenstore-read /local/domain/3/data/secret
	run 0 "$kind: owners" 0 xenstore-ls -f -p
	says out '/local/domain/3/name = "domain-3"   (n0,r3)'
	for second in xenstored oxenstored; do
		run 1 "$kind: and $second" 0 "$programs/$second" --no-fork
		says err "this machine has a xenstored, which lives: another one is refused"
	done
	run 0 "$kind: the first lives" 0 xenstore-read /local/domain/3/data/secret
	expect 0 "$kind: destroy" "$gntsim" control --socket "$s" destroy 3
	run 0 "$kind: who is left" 0 xenstore-list /local/domain
	[ "$(tr '\n' ' ' <"$dir/out")" = "0 4 " ] || complain "$kind: left: $(cat "$dir/out")"
	[ $kind = xenstored ] || stop serve TERM
done

# The console's page of domain 4, by its frame.
run 0 "console" 0 xenstore-read /local/domain/4/console/ring-ref
ref=$(cat "$dir/out")
cat >"$dir/want" <<END
part EINVAL
two 0 0 EINVAL
again EINVAL
nobody ESRCH
elsewhere EINVAL
none EINVAL
shared 42
END
run 0 "foreign pages" 0 "$foreign" 4 "$ref"
diff "$dir/want" "$dir/out" || complain "foreign pages"
if "$gntsim" run --socket "$s" --front fuse -- true 2>/dev/null; then
	expect 0 "foreign pages, FUSE" "$gntsim" run --socket "$s" --front fuse -- "$foreign" 4 "$ref"
	diff "$dir/want" "$dir/out" || complain "foreign pages, FUSE"
fi
run 0 "not by others" 5 "$foreign" 4 "$ref"
says out "two 0 EPERM EPERM"

# It stays while it is mapped, and its domain with it.
start mapper "$gntsim" run --socket "$s" -- env STAY=1 "$foreign" 4 "$ref" # says all at its end
expect 0 "destroy" "$gntsim" control --socket "$s" destroy 4
expect 0 "status" "$gntsim" status --socket "$s"
says out "zombies 1"
stop mapper KILL
expect 0 "status" "$gntsim" status --socket "$s"
says out "zombies 0"

# Another one after the end of the first: domains are introduced to it again.
read -r first _ <<END
$(for p in /proc/[0-9]*; do
	[ "$(cat "$p/comm" 2>/dev/null)" = xenstored ] &&
		tr '\0' '\n' <"$p/environ" 2>/dev/null | grep -qx "GNTSIM_SOCKET=$s" && echo "${p#/proc/}"
done)
END
kill -9 "$first"
limit=20 run 1 "none serves" 5 xenstore-read name
# shellcheck disable=SC2016
start again "$gntsim" run --socket "$s" -- sh -c \
	'echo ready; exec "$0" --no-fork --internal-db' "$programs/xenstored"
n=0
until timeout 20 "$gntsim" run --socket "$s" --domain 5 -- xenstore-read name >"$dir/out" 2>&1; do
	n=$((n + 1))
	[ $n = 100 ] && break
done
what="the next one"
says out domain-5
run 0 "a domain that came later" 6 xenstore-read name
# Its files may have any name.
# shellcheck disable=SC2016
run 0 "where it is" 0 sh -c 'echo $$ >"$XENSTORED_RUNDIR/a pid" && echo "$XENSTORED_RUNDIR"'
rundir=$(cat "$dir/out")
stop serve TERM
[ ! -e "$rundir" ] || complain "left: $rundir: $(ls -a "$rundir")"

# What xenstored held of a domain ends with it, whoever of the two is seen to end first.
what="the end of all"
for _ in $(seq 20); do
	"$gntsim" run --xenstore --points "$dir/points" -- true ::: --domain 1 -- xenstore-read domid >"$dir/out" 2>&1
	grep -q '"empty":true' "$dir/points" || complain "$what: the machine is not empty"
done
exit $failed
