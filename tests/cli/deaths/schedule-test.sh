#!/bin/sh
# schedule-test.sh GNTSIM TAKES-TURNS: gntsim run --schedule: the same seed gives the same order, others
# give others; a mistake that needs one order is found, and not without that order; nobody is waited for
# for ever.
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../script.sh"
gntsim=$(realpath "$1") turns=$(realpath "$2")
cd "$dir" || exit
limit=120
mkfifo a b

# order FILE: of the device calls in a JSON trace, by whom they were: their domains.
order() {
	sed -n 's/.*"type":"call".*"domain":\([0-9]*\).*/\1/p' "$1" | tr -d '\n'
}

# The same seed, the same order.
race() {
	expect 0 "a race by seed $1" "$gntsim" run --schedule "$1" --trace calls --trace-format json -- "$turns" race 6 ::: --domain 1 -- "$turns" race 6
	quiet
	order calls >"order.$2"
	[ "$(tr -cd 0 <"order.$2" | wc -c)" = 7 ] && [ "$(tr -cd 1 <"order.$2" | wc -c)" = 7 ] && return
	complain "a race by seed $1: not all calls are there: $(cat "order.$2")"
}
race 5:3:14 first
for _ in 1 2 3 4 5 6 7 8 9; do
	race 5:3:14 next
	cmp -s order.first order.next && continue
	complain "seed 5 gave another order: $(cat order.first), then $(cat order.next)"
done
: >orders
for seed in $(seq 20); do
	race "$seed:3:14" next
	{ cat order.next; echo; } >>orders
done
[ "$(sort -u orders | wc -l)" -ge 5 ] || complain "20 seeds gave $(sort -u orders | wc -l) orders: $(sort -u orders)"
grep -q '^1' orders || complain "no seed let the second program go first: $(cat orders)"
# Without change points one goes after the other.
for seed in 1 2 3 4 5 6; do
	race "$seed:1" next
	grep -qx -e 00000001111111 -e 11111110000000 order.next || complain "depth 1 changed in the middle: $(cat order.next)"
done

# An event is lost if it comes between two calls: depth 2 finds it. Seeds that find it wait for a time-out:
# one is enough.
loses() {
	expect "$1" "$2" "$gntsim" run --schedule "$3" --points points --wait-for port -- "$turns" waiter flag ::: --domain 1 -- "$turns" waker flag
}
found=
for seed in $(seq 100); do
	timeout $limit "$gntsim" run --schedule "$seed:2:9" --points points --wait-for port -- "$turns" waiter flag ::: --domain 1 -- "$turns" waker flag >out 2>err
	got=$?
	grep -qE '"kind":"schedule","seed":'"$seed"',"depth":2,"steps":[0-9]+,"processes":2}' points ||
		complain "what is said of the schedule: $(cat points)"
	[ $got = 0 ] && continue
	found=$seed
	break
done
grep -qx lost out || complain "100 seeds of depth 2 did not find a lost event"
loses 1 "what was found is found again" "$found:2:9"
for seed in $(seq 8); do
	loses 0 "depth 1 has no such order" "$seed:1"
done

# Who wakes another goes on alone until his turn ends.
for seed in 1 2 3 4 5 6; do
	expect 0 "an event is held, seed $seed" "$gntsim" run --schedule "$seed:1" --wait-for port -- "$turns" woken flag ::: --domain 1 -- "$turns" wakes flag
done

# Who waits for the other elsewhere is not waited for.
for seed in 1 2 3; do
	expect 0 "programs that wait for each other at pipes" "$gntsim" run --schedule "$seed:2:12" --trace calls --trace-format json -- "$turns" talk a b 5 ::: --domain 1 -- "$turns" answer b a 5
	order calls | grep -qE '^[01]{12}$' || complain "at pipes: not all calls are there: $(order calls)"
done

# Who is killed while his call waits has not made it.
killed=0
for seed in $(seq 12); do
	rm -f number
	timeout $limit "$gntsim" run --schedule "$seed:2:20" --trace calls --trace-format json -- "$turns" victim number ::: --domain 1 -- "$turns" killer number >out 2>err
	got=$?
	case $got in
	0) continue ;; # it was not there yet, or not any more
	137) killed=$((killed + 1)) ;;
	*) complain "a killed process: seed $seed: status $got: $(cat err)" ;;
	esac
	order calls | grep -qE '^0+111$|^110+1$' || complain "a killed process: seed $seed: the calls were $(order calls)"
done
[ $killed -gt 0 ] || complain "no seed had the victim killed while its call waited"

# Children have turns of their own, and what a shell starts.
expect 0 "children" "$gntsim" run --schedule 3:3:20 --points points --trace calls --trace-format json -- "$turns" fork ::: --domain 1 -- sh -c "$turns race 2 & $turns race 2; wait"
grep -q '"processes":5}' points || complain "children: $(cat points)"
order calls >order.first
for _ in 1 2 3; do
	expect 0 "children again" "$gntsim" run --schedule 3:3:20 --trace calls --trace-format json -- "$turns" fork ::: --domain 1 -- sh -c "$turns race 2 & $turns race 2; wait"
	order calls >order.next
	cmp -s order.first order.next || complain "children: another order: $(cat order.first), then $(cat order.next)"
done

# Who computes for ever, because the other is to go on, is not waited for for ever.
computed=0
for seed in 1 2 3 4 5 6; do
	rm -f flag
	expect 0 "one who computes" "$gntsim" run --schedule "$seed:1" -- "$turns" spin flag ::: --domain 1 -- "$turns" waves flag
	grep -qE '^gntsim: --schedule: takes-turns \(process [0-9]+\) computes for a second' err && computed=$((computed + 1))
done
[ $computed -gt 0 ] || complain "nobody was said to compute"

# What is wrong is named.
for bad in '' x 1: 1:0 1:17 1:2:0 1:2:3:4 -1 99999999999999999999; do
	expect 125 "seed '$bad'" "$gntsim" run --schedule "$bad" -- true
	says err "--schedule: expected SEED, SEED:DEPTH or SEED:DEPTH:STEPS"
done
expect 125 "of a program" "$gntsim" run -- true ::: --schedule 1 -- true
says err "--schedule after :::: it is the machine's"
expect 125 "another front" "$gntsim" run --front fuse --schedule 1 -- true
says err "--schedule works on the socket front alone"
expect 125 "another's machine" "$gntsim" run --socket nowhere --schedule 1 -- true
says err "--schedule need a machine of the run's own"
exit $((failed > 0))
