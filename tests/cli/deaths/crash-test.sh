#!/bin/sh
# crash-test.sh GNTSIM PROGRAMS: what gntsim crash does with what it is told, and what it leaves.
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../script.sh"
gntsim=$(realpath "$1") programs=$(realpath "$2")
limit=400
cd "$dir" || exit
mkdir tmp
TMPDIR=$dir/tmp
export TMPDIR

# crash STATUS WHAT PROGRAM OPTION...
crash() {
	want_status=$1 name=$2 program=$programs/$3
	shift 3
	expect "$want_status" "$name" "$gntsim" crash --points calls "$@" -- --wait-for ready -- "$program" server ::: \
		--domain 1 -- "$program" client
}
nothing_stays() {
	[ -z "$(ls -A tmp)" ] || complain "$1: $(ls -A tmp) stays"
}

# What is wrong is named.
expect 125 "no command" "$gntsim" crash
says err "gntsim crash: no command to search"
for wrong in "--points=x" "--budget=0" "--budget=3x" "--shard=0/2" "--shard=3/2" "--accept=1,x" "--accept=256" "--end=x" "--point=1:call:0" \
	"--point=call:1" "--point=1:call:1x" "--point=1:store:1+" "--jobs=0" "--hang=0" "--check="; do
	expect 125 "$wrong" "$gntsim" crash "$wrong" -- true
	says err "${wrong%%=*}: expected"
done
expect 125 "fails undisturbed" "$gntsim" crash -- sh -c 'echo no reason; exit 3'
says err "gntsim: crash: the command fails undisturbed: status 3; it printed:"
says err "no reason"
expect 125 "hangs undisturbed" "$gntsim" crash --hang 300 -- sleep 1000
says err "gntsim: crash: the command hangs undisturbed: sleep waits"
expect 125 "is no run" "$gntsim" crash --script -- true
says err "gntsim: crash: the command starts no gntsim run with a machine of its own"
expect 125 "no call" "$gntsim" crash -- true
says err "gntsim: crash: the programs make no call that one could die at"
expect 125 "cannot be run" "$gntsim" crash --script -- ./nowhere
says err "gntsim: cannot run ./nowhere"
crash 125 "no such victim" armed-late --victim dom7
says err "gntsim: crash: --victim: no program is called, and none is of domain, 'dom7'"
crash 125 "beyond the end" armed-late --point 1:call:999
says err "crash: 1 of 1 points were not reached, 1:call:999 first: the programs made fewer calls then"
crash 125 "no such program" armed-late --point 9:call:1
says err "there is no such program"
nothing_stays "what is wrong"

# What is found, and in which words.
crash 1 "a mistake" armed-late --victim dom0 --json report --junit report.xml --output looked-at
says out "FAILED  hang at 1:call:"
says out "    victim: armed-late (program 1, dom0)"
says out "waits for ever: "
sed -n 's/^    again:  gntsim crash //p' out >again
grep -q '"outcome":"hang"' report || complain "no hang in the report: $(cat report)"
python3 - <<'P' || complain "report.xml is wrong: $(cat report.xml)"
import json, xml.etree.ElementTree as tree
suite, report = tree.parse('report.xml').getroot(), json.load(open('report'))
assert len(suite) == len(report['points']) == int(suite.get('tests')) == report['planned'] > 10
assert len(suite.findall('*/failure')) == int(suite.get('failures')) == report['failed'] > 0
P
for file in trace-1.json timeline-1.html recorded-1.scn; do
	[ -s looked-at/1/$file ] || complain "--output: no $file"
done
expect 0 "what was recorded" "$gntsim" play looked-at/1/recorded-1.scn
# The command that it names finds it again, aloud.
expect 1 "again" sh -c "\"\$0\" crash $(cat again)" "$gntsim"
says out "FAILED  hang at $(sed -n 's/.*--point \([^ ]*\) .*/\1/p' again)"
says err "ready"
# What is judged by what gntsim run says is found again, too.
crash 1 "a leak" leak-half-open --victim dom1
sed -n '/FAILED  leak/,/again:/ s/.*again: *gntsim crash //p' out | head -n 1 >leak
expect 1 "a leak again" sh -c "\"\$0\" crash $(cat leak)" "$gntsim"
says out "FAILED  leak at $(sed -n 's/.*--point \([^ ]*\) .*/\1/p' leak)"
crash 0 "no mistake" armed-late-mended --victim dom0
says out " 0 failed"
nothing_stays "a search"

# Survivors may end as they like, unless it is said how.
crash 1 "a status" armed-late-mended --victim dom0 --accept 0
says out "ended with status 1"
crash 0 "another status" armed-late-mended --victim dom0 --accept 0,1

# A survivor may have ended before the kernel has closed all that the victim had: what counts is how the flag is left
# then, and that it was to be cleared.
crash 1 "a flag that nobody was to clear" kept-open --point 2:call:IOCTL_GNTDEV_SET_UNMAP_NOTIFY#1
says out "FAILED  live-flag at 2:call:IOCTL_GNTDEV_SET_UNMAP_NOTIFY#1"
crash 0 "a flag that is cleared later" kept-open-mended --point 2:call:write#1
# shellcheck disable=SC2016
expect 0 "a flag that is cleared later, of a child's" "$gntsim" crash --point 2:call:write#1 -- --wait-for ready -- \
	"$programs/kept-open-mended" server ::: --domain 1 -- sh -c '"$0" client; exit 0' "$programs/kept-open-mended"

# Whose the index is that the victim had set may set it right.
crash 0 "an index put right" length-cut-mended --ring 0:8:4:8:64:data=23 --point 1:call:read#1

# The user's own check, with the machine still there.
crash 0 "a check" armed-late-mended --sample 2 --check "$gntsim status --socket \$GNTSIM_SOCKET | grep -q 'domains 2'"
# shellcheck disable=SC2016
crash 1 "a check that fails after a death" armed-late-mended --sample 2 --check '! grep -q ^gntsim:.*call: "$TMPDIR/output"'
says out "FAILED  check"
crash 0 "a check that ends in a comment" armed-late-mended --sample 1 --check 'true # whatever comes'
crash 125 "a check that fails undisturbed" armed-late-mended --check false
says err "gntsim: --check: status 1 of"

# Parts: shards, merged, are the whole; a sample; a budget.
for shard in 1 2 3; do
	crash 1 "shard $shard" half-open --shard $shard/3 --json shard$shard --victim dom1
done
expect 1 "merged" "$gntsim" crash --merge --json - shard1 shard2 shard3
python3 - "$dir" <<'P' || complain "shards are not the whole"
import json, sys
whole = [json.load(open(f'shard{n}')) for n in (1, 2, 3)]
merged = json.load(open('out'))
points = [p['point'] for part in whole for p in part['points']]
assert sorted(points) == sorted(p['point'] for p in merged['points']) and len(set(points)) == len(points)
assert merged['planned'] == merged['tried'] == len(points) > 12
P
if "$gntsim" run --points p --count-stores -- true 2>err; then
	for shard in 1 2; do
		crash 0 "stores, shard $shard" half-index-mended --points stores --shard $shard/2 --json stores$shard
	done
	python3 - <<-'P' || complain "stores are not shared out"
		import json
		one, two = (len(json.load(open(f'stores{n}'))['points']) for n in (1, 2))
		assert one > 1 and two > 1 and abs(one - two) < 3, (one, two)
	P
fi
expect 1 "shards are missing" "$gntsim" crash --merge shard1 shard3
for shard in 1 2; do
	crash 0 "twin, shard $shard" half-open-mended --shard $shard/2 --json twin$shard --victim dom1
done
expect 2 "a shard is missing" "$gntsim" crash --merge twin1
says err "1 of 2 shards are missing"
expect 0 "none is missing" "$gntsim" crash --merge twin2 twin1
expect 125 "one twice" "$gntsim" crash --merge shard1 shard1
says err "shard1 is of a shard that is there already, 1/3"
expect 125 "of others" "$gntsim" crash --merge shard1 report
says err "report is"
expect 125 "no report" "$gntsim" crash --merge report.xml
says err "report.xml can't be read, or is no JSON"
expect 125 "of another" "$gntsim" crash --merge shard1 report
says err "report is of another command"
crash 0 "a sample" armed-late-mended --sample 3
says out "6 of 6 points"
crash 2 "a budget" half-open-mended --budget 1 --jobs 1
says err "points were not tried"

# Under orders of the device calls: more than shows by itself, the same each time, and again by the command that it names.
# (The points are those of an undisturbed run, in which the server waits where it has to.)
planned() {
	sed -n 's/.*"planned": *\([0-9]*\).*/\1/p' "$1"
}
for try in 1 2 3; do
	for time in once twice; do
		crash 1 "under schedules" byte-alone --victim dom0 --sample 12 --schedules 3 --seed 5 --json $time
		says out "    orders: 5:1:"
		says out " runs; "
	done
	[ "$(planned once)" != "$(planned twice)" ] || break
	echo "try $try: $(planned once) points, then $(planned twice)"
done
sed -n '0,/again:/s/^    again:  gntsim crash //p' out >again
python3 - <<'P' || complain "another order with the same seed: $(cat once twice)"
import json
once, twice = (json.load(open(name)) for name in ('once', 'twice'))
told = lambda report: [(p['point'], p['outcome'], p.get('schedules')) for p in report['points']]
assert told(once) == told(twice)
assert any(len(p.get('schedules', ())) == 3 for p in once['points'])
orders = [[tuple(map(int, s.split(':')[:2])) for s in p.get('schedules', ())] for p in once['points']]
assert {order for of in orders for order in of} == {(5, 1), (6, 2), (7, 3)}, orders
assert all(of == sorted(of) for of in orders), orders
P
expect 1 "again under that schedule" sh -c "\"\$0\" crash $(cat again)" "$gntsim"
says out "    orders: $(sed 's/.*--schedule \([^ ]*\) .*/\1/' again)"
crash 0 "no mistake in any order" byte-alone-mended --victim dom0 --sample 12 --schedules 3
crash 125 "seed alone" armed-late --seed 3
says err "--seed belongs to --schedules"
crash 125 "no schedule" armed-late --schedule 3:1
says err "--schedule: expected SEED:DEPTH:STEPS"

# A program that makes a call more from its second run on. Its points are those of the first, each found by its kind.
cat >varies <<'S'
if [ -e "$1/been" ]; then : <>/dev/xen/evtchn; else : >"$1/been"; fi
exec "$2" server
S
expect 1 "calls that vary" "$gntsim" crash --points calls --victim dom0 -- --wait-for ready -- sh varies "$dir" "$programs/armed-late" ::: \
	--domain 1 -- "$programs/armed-late" client
says err "two undisturbed runs did not make the same number of calls"
says err " runs the program that died had made another number of calls before its point"
says out "FAILED  hang at 1:call:IOCTL_GNTALLOC_SET_UNMAP_NOTIFY#1"

# A script with two runs in it, each with points of its own.
cat >script <<'S'
for i in 1 2; do
	"$1" run --wait-for ready -- "$2" server ::: --domain 1 -- "$2" client || exit
done
S
expect 1 "a script with two runs" "$gntsim" crash --script --points calls --victim dom0 --accept 0,1 --json script.json -- \
	sh script "$gntsim" "$programs/armed-late"
says out "FAILED  hang at 1:call:IOCTL_GNTALLOC_SET_UNMAP_NOTIFY#1"
says out "FAILED  hang at 2/1:call:IOCTL_GNTALLOC_SET_UNMAP_NOTIFY#1"
says out "armed-late (program 1, dom0)"
python3 - <<'P' || complain "a script's points: $(cat script.json)"
import json
points = [p['point'] for p in json.load(open('script.json'))['points']]
second = {p[2:] for p in points if p.startswith('2/')}
assert len(second) > 20 and {p for p in points if not p.startswith('2/')} & second, points
P
expect 1 "the second run's point" "$gntsim" crash --script --point 2/1:call:IOCTL_GNTALLOC_SET_UNMAP_NOTIFY#1 -- \
	sh script "$gntsim" "$programs/armed-late"
says out "1 of 1 points: 0 passed, 1 failed"
expect 125 "a third run" "$gntsim" crash --script --point 3/1:call:1 -- sh script "$gntsim" "$programs/armed-late"
says err "there is no such program"
nothing_stays "parts"

# Each program's leaks are its own: who leaks by living hides nobody's.
point="--point 1:call:IOCTL_EVTCHN_NOTIFY#1"
# shellcheck disable=SC2086
crash 1 "a survivor's leak beside the victim's" leaks-always $point
says out "FAILED  leak at 1:call:IOCTL_EVTCHN_NOTIFY#1"
# shellcheck disable=SC2086
crash 0 "the victim's leak alone" leaks-always-mended $point

# A test that fails undisturbed, once, is not one whose stores can't be counted.
cat >flaky <<'S'
[ -e failed-once ] || { : >failed-once; echo no database yet; exit 9; }
exec "$1" run --wait-for ready -- "$2" server ::: --domain 1 -- "$2" client
S
expect 125 "fails once" "$gntsim" crash --script --sample 1 -- sh flaky "$gntsim" "$programs/armed-late-mended"
says err "gntsim: crash: the command fails undisturbed: status 9; it printed:"
says err "no database yet"
expect 0 "no stores on ptrace" "$gntsim" crash --sample 1 --victim dom0 -- --front ptrace --wait-for ready -- \
	"$programs/armed-late-mended" server ::: --domain 1 -- "$programs/armed-late-mended" client
says err "stores cannot be counted: it dies at calls alone: --kill-at store:N, --count-stores and --stores exact do not"

# Where its report goes is tried before an hour's search; that of one can't be in another's.
for where in "--json nowhere/report" "--junit nowhere/report" "--output nowhere/reports"; do
	# shellcheck disable=SC2086
	crash 125 "$where" armed-late $where --timeout 1
	says err "nowhere/report"
	! grep -q undisturbed err || complain "$where: found out late: $(cat err)"
done
crash 125 "two reports in one file" armed-late --json - --junit -
says err "--json and --junit cannot both go to -"
[ ! -e nowhere ] || complain "a path was tried and stays"

# What a description of a ring may say.
for wrong in 0:8:4:8 0:8:4:8:0 0:8:5000:8:64 0:8:4:8:64:x 0:8:4:8:64:data= 0:8:4:8:64:data=4096 0:8:4:8:64:data=4033 0:8:4:8:64:data=9+ \
	0:8:4:8:64:data=9+0x 40000:8:4:8:64; do
	crash 125 "--ring $wrong" half-word --ring $wrong
	says err "--ring: expected DOMAIN:REFERENCE:PRODUCER:CONSUMER:SIZE"
done

# Interrupted before the first death, too, its status says so.
"$gntsim" crash --hang 100000 --timeout 1000 -- sleep 1000 >/dev/null 2>err &
searching=$!
for _ in $(seq 600); do
	grep -qs . tmp/gntsim-crash-*/1/order && break
	sleep 0.05
done
kill -TERM $searching
wait $searching
[ $? = 143 ] || complain "interrupted undisturbed: another status"
says err "interrupted before the first death"

# Killed itself, nothing stays: not what runs, not what is on disk; nor where the programs are traced.
for how in "TERM half-open calls dom1" "KILL half-open calls dom1" "KILL half-word stores dom0"; do
	mkfifo held
	# shellcheck disable=SC2086
	set -- $how
	signal=$1 program=$programs/$2
	"$gntsim" crash --points "$3" --jobs 1 --hang 100000 --timeout 1000 --victim "$4" -- --wait-for ready -- \
		"$program" server ::: --domain 1 -- "$program" client 9>held >/dev/null 2>&1 &
	searching=$!
	sh -c 'cat <held >/dev/null; echo closed >closed' &
	# Of calls the first point hangs; of stores there are many.
	for _ in $(seq 600); do
		grep -qs . tmp/gntsim-crash-*/3/order && break
		sleep 0.05
	done
	kill "-$signal" $searching
	wait $searching 2>/dev/null
	[ $? -gt 128 ] || complain "$how: it had ended before"
	for _ in $(seq 600); do
		[ -e closed ] && [ -z "$(ls -A tmp)" ] && break
		sleep 0.05
	done
	[ -e closed ] || complain "$how: a process is left"
	nothing_stays "$how"
	rm -f closed held
done
[ $failed = 0 ]
