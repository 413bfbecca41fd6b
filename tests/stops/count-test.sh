#!/bin/sh
# count-test.sh GNTSIM STORES PREFIX BIRTHS: stores are counted exactly, and a program that is ended at one has made those up
# to it and no other.
gntsim=$1 stores=$2 prefix=$3 births=$4
. "$(dirname "$0")/stops.sh"
may_be_traced

# counted WHAT N: what the first program of --points made.
counted() {
	n=$(sed -n '1s/.*"stores":\([0-9]*\),.*/\1/p' "$dir/points")
	[ "$n" = "$2" ] || complain "$1: counted ${n:-nothing}, not $2"
}

# Each program knows how many stores it made, those apart that glibc makes in its place (-1).
for front in socket fuse; do
	for name in $("$stores" list); do
		[ "$name" = after-exec ] && continue
		"$gntsim" run --front $front -- true 2>"$dir/err" || continue
		expect 0 "$name on $front" "$gntsim" run --front $front --points "$dir/points" --count-stores -- "$stores" "$name"
		[ "$(cat "$dir/out")" = -1 ] || counted "$name on $front" "$(cat "$dir/out")"
	done
done
expect 0 "not asked for" "$gntsim" run --points "$dir/points" -- "$stores" plain
grep -q '"stores":[0-9]' "$dir/points" && complain "$what: stores are counted"

# Who is killed, or replaced, while it makes threads or children ends, and so do those.
for kind in threads forks spaces execs; do
	expect 0 "$kind" "$gntsim" run --points "$dir/points" --count-stores -- "$births" $kind
	says out "all ended"
done

# Of who is killed while who traces has not heard yet that it has made a child, that is not told any more. (Who is
# traced stands at some call's beginning or end, at a signal, or there; or waits for a child that does.)
mkfifo "$dir/victims"
timeout 120 "$gntsim" run --points "$dir/points" --count-stores -- "$births" victims >"$dir/victims" 2>"$dir/err" &
run=$!
while read -r victim; do
	[ "$victim" != "all ended" ] || continue
	tracer=$(awk '$1 == "TracerPid:" { print $2 }' "/proc/$victim/status")
	kill -STOP "$tracer"
	while grep -q '^State:.R' "/proc/$victim/status" 2>/dev/null; do :; done
	kill -KILL "$victim"
	kill -CONT "$tracer"
done <"$dir/victims"
wait $run || complain "killed before a birth is told: status $?: $(cat "$dir/err")"

# What the other side finds when a program was ended at its Nth store.
left="010000000000000000000000000000000000000000000000
010200000000000000000000000000000000000000000000
010203000000000000000000000000000000000000000000
010203040000000000000000000000000000000000000000
010203040500000000000000000000000000000000000000
0102030405aabb0000000000000000000000000000000000
0102030405aabb0004030201000000000000000000000000
0102030405aabb0004030201000000001817161514131211"
n=0
for bytes in $left; do
	n=$((n + 1))
	expect 0 "ended at store $n" "$gntsim" run --points "$dir/points" --wait-for ready -- "$prefix" granter ::: \
		--domain 1 --kill-at store:$n -- "$prefix" mapper
	says err "is killed at store:$n"
	[ "$(tail -n 1 "$dir/out")" = "$bytes" ] || complain "$what: left $(tail -n 1 "$dir/out")"
	grep -q "\"program\":\"prefix\",\"domain\":1,.*\"stores\":$n,.*\"signal\":9" "$dir/points" ||
		complain "$what: $(cat "$dir/points")"
	[ "$(grep -c '"stores":[0-9]' "$dir/points")" = 1 ] || complain "$what: who is not to be ended is stopped too"
done
# However it ends.
for end in exit abort; do
	expect 0 "$end at store 3" "$gntsim" run --points "$dir/points" --wait-for ready -- "$prefix" granter ::: \
		--domain 1 --kill-at store:3 --end $end -- "$prefix" mapper
	[ "$(tail -n 1 "$dir/out")" = 010203000000000000000000000000000000000000000000 ] ||
		complain "$what: left $(tail -n 1 "$dir/out")"
	case $end in
	exit) how='"status":0' ;;
	abort) how='"signal":6' ;;
	esac
	grep '"kind":"program".*"domain":1,' "$dir/points" | grep -q "$how" || complain "$what: $(cat "$dir/points")"
	# Where it was is known.
	grep '"kind":"death"' "$dir/points" | grep -q '"point":"store:3".*prefix.c' || complain "$what: $(cat "$dir/points")"
done
expect 0 "destroy at store 3" "$gntsim" run --points "$dir/points" --domain 1 --kill-at store:3 --end destroy -- "$stores" plain
says err "is destroyed with its domain at store:3"
grep -q '"stores":3,.*"signal":9' "$dir/points" || complain "$what: $(cat "$dir/points")"
expect 0 "stop at store 3" "$gntsim" run --points "$dir/points" --kill-at store:3 --end stop -- "$stores" plain
says err "is stopped at store:3"
grep -q '"stores":3,' "$dir/points" || complain "$what: $(cat "$dir/points")"
expect 123 "a store that is not made" "$gntsim" run --kill-at store:6 -- "$stores" plain
says err "--kill-at store:6 was not reached: stores made 5 stores"
expect 125 "no number" "$gntsim" run --kill-at store:0 -- "$stores" plain
expect 125 "after a store it is ended in any case" "$gntsim" run --kill-at store:1+ -- "$stores" plain
expect 125 "counts without a file" "$gntsim" run --count-stores -- "$stores" plain
# A process of the program that is not its first.
expect 0 "a child" "$gntsim" run --kill-at store:4 -- "$stores" children-left
says err "is killed at store:4"
[ "$(cat "$dir/out")" = "4 9" ] || complain "$what: $(cat "$dir/out")"

# Where it can't be exact nothing is counted.
"$gntsim" run --points "$dir/points" --count-stores -- "$stores" confined >"$dir/out" 2>"$dir/err"
case $? in
0) counted "in a sandbox" 3 ;;
125) says err "sets a seccomp filter, past which it can only be stopped with the right CAP_SYS_ADMIN" ;;
*) complain "in a sandbox: $(cat "$dir/err")" ;;
esac
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	expect 125 "in a sandbox, without the right" setpriv --bounding-set=-sys_admin -- \
		"$gntsim" run --points "$dir/points" --count-stores -- "$stores" confined
	says err "sets a seccomp filter, past which it can only be stopped with the right CAP_SYS_ADMIN"
fi
if command -v strace >/dev/null; then
	expect 125 "traced already" strace -f -o "$dir/strace" "$gntsim" run --kill-at store:1 -- "$stores" plain
	says err "ptrace(2) is forbidden here, or the program is traced already"
fi
[ $failed = 0 ]
