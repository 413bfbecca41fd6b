#!/bin/sh
# record-test.sh GNTSIM STORES TURNS WRITERS: a recording that has each store, by who made it, in the order in which
# they were made.
gntsim=$1 stores=$2 turns=$3 writers=$4
. "$(dirname "$0")/stops.sh"
may_be_traced

# in_turns FIRST SECOND FILE: each of the twenty, by whose turn it was.
in_turns() {
	i=0
	while [ $i -lt 20 ]; do
		by=$1
		[ $((i % 2)) = 0 ] || by=$2
		i=$((i + 1))
		echo "$by $i"
	done >"$dir/wanted"
	sed -n 's/^\([a-z_0-9]*\): store([a-z_]*, u32(\([0-9]*\)))$/\1 \2/p; s/^\([a-z_0-9]*\): store([a-z_]*, \([0-9]*\))$/\1 \2/p' "$3" >"$dir/had"
	cmp -s "$dir/wanted" "$dir/had" && return
	complain "$what: not in turns:"
	diff "$dir/wanted" "$dir/had"
}
plays() {
	expect 0 "$what, played" "$gntsim" play "$1"
}

expect 0 "a process and its child" "$gntsim" record -o "$dir/t.scn" --stores exact -- "$turns"
in_turns turns turns_2 "$dir/t.scn"
plays "$dir/t.scn"
expect 0 "two domains" "$gntsim" record -o "$dir/d.scn" --stores exact --wait-for ready -- "$turns" granter ::: \
	--domain 1 -- "$turns" mapper
in_turns turns_dom0 turns_dom1 "$dir/d.scn"
plays "$dir/d.scn"
# Who stored is not guessed.
for _ in 1 2 3; do
	expect 0 "two that store" "$gntsim" record -o "$dir/w.scn" --stores exact -- "$writers"
	grep -q 'or by' "$dir/w.scn" && complain "$what: somebody else may have stored"
	printf '%s\n' 'writers: store(page+100, 1)' 'writers_2: store(page+200, 2)' 'writers: store(page+300, 3)' >"$dir/wanted"
	grep 'store(' "$dir/w.scn" | cmp -s - "$dir/wanted" || complain "$what: $(grep 'store(' "$dir/w.scn")"
done
plays "$dir/w.scn"
# What instructions, system calls, threads, children and handlers store comes back.
for name in $("$stores" list); do
	expect 0 "$name" "$gntsim" record -o "$dir/s.scn" --stores exact -- "$stores" "$name"
	plays "$dir/s.scn"
done

expect 125 "a machine that is served" "$gntsim" serve --socket "$dir/s" --record "$dir/x.scn" --stores exact
says err "of programs that 'gntsim run' starts"
expect 125 "unassisted" "$gntsim" record -o "$dir/x.scn" --stores exact --front fuse --assist=no -- "$stores" plain
says err "can't be stopped at its stores"
# Who traces itself is refused, not counted wrong.
if command -v strace >/dev/null; then
	expect 125 "traced by another" "$gntsim" record -o "$dir/x.scn" --stores exact -- strace -o "$dir/strace" true
	says err "it traces another process, or asks to be traced"
fi
[ $failed = 0 ]
