#!/bin/sh
# schedule-test.sh GNTSIM IN-TURNS: of programs that are stopped at their stores each store is a turn under --schedule:
# the same seed gives the same order of stores, others give others.
gntsim=$1 inturns=$2
. "$(dirname "$0")/stops.sh"
may_be_traced
mkfifo "$dir/both"

# list OPTION... : what both printed. Extra words for the programs in $how.
how=
list() {
	# shellcheck disable=SC2086
	expect 0 "in turns by $*" "$gntsim" run "$@" --points "$dir/points" --count-stores --wait-for ready -- \
		"$inturns" granter "$dir/both" $how ::: --domain 1 -- "$inturns" mapper "$dir/both" $how
	tr '\n' ' ' <"$dir/out" >"$dir/list"
}
counted() {
	[ "$(grep -c '"stores":8,' "$dir/points")" = 2 ] || complain "$what: not eight stores each: $(cat "$dir/points")"
}

# The same seed, the same order.
list --schedule 1:3:24
counted
# Each store is a step: they, six calls and no waking.
grep -q '"kind":"schedule".*"steps":22,' "$dir/points" || complain "$what: $(grep schedule "$dir/points")"
cp "$dir/list" "$dir/first"
for _ in 1 2 3 4; do
	list --schedule 1:3:24
	cmp -s "$dir/first" "$dir/list" || complain "another order: $(cat "$dir/first"), then $(cat "$dir/list")"
done
# Another seed, another order.
: >"$dir/lists"
for seed in $(seq 6); do
	list --schedule "$seed:3:24"
	{ cat "$dir/list" && echo; } >>"$dir/lists"
done
[ "$(sort -u "$dir/lists" | wc -l)" -ge 3 ] || complain "six seeds gave $(sort -u "$dir/lists")"
# Without change points one stores after the other.
for seed in 1 2 3; do
	list --schedule "$seed:1"
	grep -qvE ' (gggg|mmmm|ggggmmmm|mmmmgggg)$|^ready$' "$dir/out" && complain "$what: changed in the middle: $(cat "$dir/out")"
done
# What read(2) stores is a turn too.
how=read
list --schedule 2:4:24
counted
grep -q '"kind":"schedule".*"steps":22,' "$dir/points" || complain "$what: $(grep schedule "$dir/points")"
cp "$dir/list" "$dir/first"
list --schedule 2:4:24
cmp -s "$dir/first" "$dir/list" || complain "another order: $(cat "$dir/first"), then $(cat "$dir/list")"
# Who is ended at a store has made it, and the other goes on; who is killed before his has not.
how=
for n in 1 5; do
	expect 0 "ended at store $n" "$gntsim" run --schedule 3:2:24 --points "$dir/points" --wait-for ready -- \
		"$inturns" granter "$dir/both" ::: --domain 1 --kill-at store:$n -- "$inturns" mapper "$dir/both"
	grep -q "\"domain\":1,.*\"stores\":$n,.*\"signal\":9" "$dir/points" || complain "$what: $(cat "$dir/points")"
	grep -q '^granter ' "$dir/out" || complain "$what: the other did not end: $(cat "$dir/out")"
done
[ $failed = 0 ]
