#!/bin/sh
# finding-test.sh GNTSIM PROGRAMS: the scenario of a finding is shorter than what was recorded, states what was found, plays on
# the model and on real processes; of the mended twin, killed alike, what it states is not so.
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../cli/script.sh"
gntsim=$(realpath "$1") programs=$(realpath "$2")
limit=120
cd "$dir" || exit
mkdir mended

# finding CASE OUTCOME POINT OPTION...: searches; the first group's point is that; its scenario is $scenario.
finding() {
	case=$1 outcome=$2 point=$3 program=$programs/$1
	shift 3
	expect 1 "$case" "$gntsim" crash "$@" --output "looked-at-$case" -- --wait-for ready -- "$program" server ::: \
		--domain 1 -- "$program" client
	scenario=looked-at-$case/1/finding.scn
	says out "scenario of $outcome at $point: $dir/$scenario, "
	says out "    real Xen: gntsim play --on xen --leg pv+pvh"
	[ -s "$scenario" ] || return
	grep '# the finding' "$scenario" >stated || complain "$case: nothing is stated: $(cat "$scenario")"
	[ "$(grep -c . "$scenario")" -lt "$(grep -c . "looked-at-$case/1/recorded-1.scn")" ] || complain "$case: it is not shorter"
	for on in model socket; do
		expect 0 "$case on $on" "$gntsim" play --on $on "$scenario"
		says out "passed  $scenario"
	done
}

# A hang: the byte stays set, and no event comes.
late=1:call:IOCTL_GNTALLOC_SET_UNMAP_NOTIFY#1
finding armed-late hang $late --point $late --shard 1/1 --json report --junit report.xml
# The other reports say the same of it, and one that is put together says it, too.
python3 - "$dir/$scenario" <<'P' || complain "armed-late: its reports: $(cat report report.xml)"
import json, sys, xml.etree.ElementTree as tree
point, = json.load(open('report'))['points']
scenario = point['scenario']
assert scenario['path'] == sys.argv[1] and scenario['xen'] == 'pv+pvh', scenario
assert 0 < scenario['statements'] < scenario['recorded'], scenario
text = tree.parse('report.xml').getroot().find('*/failure').text
assert f"scenario of hang at {point['point']}: {sys.argv[1]}, " in text, text
assert '\n    real Xen: gntsim play --on xen --leg pv+pvh\n' in text, text
P
expect 1 "armed-late, merged" "$gntsim" crash --merge --json merged report
says out "    real Xen: gntsim play --on xen --leg pv+pvh"
grep -q '"xen":"pv+pvh"' merged || complain "armed-late, merged: $(cat merged)"
grep -q '^kill -9 armed_late_dom0 *# as ordered$' "$scenario" || complain "armed-late: nobody dies: $(cat "$scenario")"
grep -q 'load(mapped_ring+20, 1) = 1 ' stated && grep -q 'read(.*) = blocks ' stated ||
	complain "armed-late: another finding: $(cat stated)"
# That no event comes says something where one could: the port is enabled again after its first one.
grep -q 'write(.*, \[bound_port\]) = 4$' "$scenario" || complain "armed-late: the port stays masked: $(cat "$scenario")"
# With the notification armed, where the twin has it, neither is so.
sed '/: store(ring+20, 1)/a\
armed_late_dom0: ioctl(gntalloc, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, {index=ring_index+20, \
	action=UNMAP_NOTIFY_CLEAR_BYTE|UNMAP_NOTIFY_SEND_EVENT, event_channel_port=event_port})' "$scenario" >armed.scn
cmp -s armed.scn "$scenario" && complain "armed-late: no place to arm it at: $(cat "$scenario")"
expect 1 "armed in time" "$gntsim" play armed.scn
says out "expected 1, got 0"
# The twin itself, killed when it waits: what the finding states is looked at in what was recorded of it.
cp "$programs/armed-late-mended" mended/armed-late
timeout $limit "$gntsim" run --record twin.scn --wait-for ready --kill-at call:read#1 -- mended/armed-late server ::: \
	--domain 1 -- mended/armed-late client >out 2>err
expect 0 "the twin's own scenario" "$gntsim" play twin.scn
sed '/# as ordered$/r stated' twin.scn >asked.scn
cmp -s asked.scn twin.scn && complain "the twin: nobody died: $(cat twin.scn)"
expect 1 "the twin, asked" "$gntsim" play asked.scn
says out "expected 1, got 0"

# A signal: what the survivor took as its index.
copy=2:call:IOCTL_GNTDEV_GRANT_COPY#1
finding index-trusted signal $copy --point $copy
grep -q 'load(ring+12, 4) = 255 255 255 127 ' stated || complain "index-trusted: another finding: $(cat stated)"
grep -q '# signal 11$' "$scenario" || complain "index-trusted: no signal: $(cat "$scenario")"

# A leak: what was not given back can be.
finding leak-half-open leak 2:call:open#1 --points calls --victim dom1 --sample 4
grep -q 'IOCTL_GNTALLOC_DEALLOC_GREF, .* = 0 ' stated || complain "leak-half-open: another finding: $(cat stated)"

# What is no call has no scenario, and that is said.
program=$programs/armed-late-mended
# shellcheck disable=SC2016
expect 1 "a check" "$gntsim" crash --points calls --sample 2 --victim dom0 --output checked --json checked.json --check '! grep -q "^gntsim:.*is killed" "$TMPDIR/output"' -- \
	--wait-for ready -- "$program" server ::: --domain 1 -- "$program" client
says out "no scenario of check at 1:call:"
says out ": what --check asks is no call"
grep -q '"lacking":"what --check asks is no call"' checked.json || complain "a check's report: $(cat checked.json)"
[ -e checked/1/finding.scn ] && complain "a check has a scenario"
[ $failed = 0 ]
