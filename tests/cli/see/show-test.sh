#!/bin/sh
# gntsim show: a granter and a mapper in two domains, stopped where it is known what lives; its tables,
# why each thing lives, and what becomes of it when the granter is killed; the same as JSON.
# usage: show-test.sh GNTSIM SHOWN OTHER_SERVER
gntsim=$(realpath "$1") shown=$(realpath "$2") other=$(realpath "$3")
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../script.sh"
s=$dir/s

# What changes from run to run has a letter; blanks are one.
plain() {
	sed -E "s/shown\($granter\)/granter/g; s/shown\($mapper\)/mapper/g; s/\<$granter\>/PG/g; s/\<$mapper\>/PM/g
		s/0x7[0-9a-f]{11}/ADDR/g; s/ +/ /g; s/^ //" "$1"
}
# shows WORD... : gntsim show WORD... says exactly what standard input has, indentation but for.
shows() {
	expect 0 "show $*" "$gntsim" show --socket "$s" "$@"
	quiet
	plain "$dir/out" >"$dir/plain"
	sed -E 's/^\t*//; s/ +/ /g' >"$dir/wanted"
	diff -u "$dir/wanted" "$dir/plain" || complain "$what: differs"
}
# start_two OPTION...: sets $granter and $mapper, process ids; descriptors 7 and 8 tell them what to do.
start_two() {
	rm -f "$dir/to-granter" "$dir/to-mapper"
	mkfifo "$dir/to-granter" "$dir/to-mapper"
	exec 7<>"$dir/to-granter" 8<>"$dir/to-mapper"
	# shellcheck disable=SC2016
	start granter "$gntsim" run --socket "$s" --domain 0 "$@" -- sh -c 'exec "$1" granter <"$2"' sh "$shown" "$dir/to-granter"
	ref=${line#ready } port=${line##* }
	ref=${ref% *}
	# shellcheck disable=SC2016
	start mapper "$gntsim" run --socket "$s" --domain 1 "$@" -- sh -c 'exec "$1" mapper "$2" "$3" <"$4"' sh "$shown" "$ref" "$port" "$dir/to-mapper"
	granter=$(cat "$dir/granter.pid") mapper=$(cat "$dir/mapper.pid")
	[ "$ref $port $line" = "8 1 ready" ] || complain "granter or mapper: '$ref' '$port' '$line'"
}
# Bounded: whether they wait is what is asked of.
let_wait() {
	echo read >&7
	echo poll >&8
	for pair in "$granter reads" "$mapper polls"; do
		for _ in $(seq 2000); do
			"$gntsim" show --socket "$s" processes 2>/dev/null | grep -q "${pair% *} .*${pair#* } evtchn" && continue 2
		done
		complain "process ${pair% *} never ${pair#* }"
	done
}

tables() {
	shows domains <<-'END'
	DOMAIN GUEST KERNEL STATE PROCESSES GRANTS DEFERRED HANDLES PORTS GNTALLOC LIMIT
	0 pv 6.1 alive 1 1 0 0 1 1 1024
	1 pvh 6.1 alive 1 0 0 1 1 0 1024
	END
	shows grants <<-'END'
	DOMAIN REF TO FRAME ACCESS MARKS PINS STATE FILE HOLDERS
	0 8 1 0 rw RW 1 mapped gntalloc1 granter
	END
	shows maps <<-'END'
	DOMAIN PROCESS ADDRESS ACCESS FILE INDEX GRANTER REF HANDLE STATE
	0 granter ADDR rw gntalloc1 0x0 0 8 - own page
	1 mapper ADDR rw gntdev1 0x0 0 8 0 mapped
	END
	shows ports <<-'END'
	DOMAIN PORT STATE REMOTE RPORT VIRQ PENDING MASKED FILE HOLDERS WAITING
	0 1 interdomain 1 1 - - - evtchn1 granter granter:read
	1 1 interdomain 0 1 - - - evtchn2 mapper mapper:poll
	END
	shows notifications <<-'END'
	DOMAIN FILE INDEX REF BYTE PORT HOLDERS
	1 gntdev1 0x0 - 100 1 mapper
	END
	shows processes <<-'END'
	DOMAIN PID PROGRAM DESCRIPTORS MAPPED WAITING
	0 PG shown 3=evtchn1 4=gntalloc1 1 reads evtchn1
	1 PM shown 3=evtchn2 4=gntdev1 1 polls evtchn2
	END
	expect 0 "all" "$gntsim" show --socket "$s"
	says out "1 page granted, 1 mapped, 0 given up and still mapped (deferred)"
	for table in domains grants maps ports notifications processes; do
		grep -qx $table "$dir/out" || complain "$what: no $table"
	done
}

made='ioctl(gntalloc1, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom1, flags=GNTALLOC_FLAG_WRITABLE, count=1}) = 0'
own='mmap(ADDR, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, gntalloc1, 0) = ADDR'
map='ioctl(gntdev1, IOCTL_GNTDEV_MAP_GRANT_REF, {count=1, refs=[{domid=dom0, ref=8}]}) = 0'
mmap='mmap(ADDR, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, gntdev1, 0) = ADDR'
mapping="handle 0 of dom1 maps it, read-write
page 0 of the map at index 0x0 of gntdev1
by mapper of dom1: $map
mapped at ADDR by mapper, read-write
by mapper of dom1: $mmap
descriptor 4 of mapper"

chains() {
	address=$("$gntsim" show --socket "$s" maps | sed -n 's/.* \(0x7[0-9a-f]*\) .*gntdev1.*/\1/p')
	for thing in dom0:8 dom0:gref:8 frame:0 dom1:handle:0 "$mapper:$address"; do
		shows --why "$thing" <<-END
		frame 0 of dom0
		grant 8 of dom0 to dom1, read-write: mapped
		by granter of dom0: $made
		gntalloc1 lists it at index 0x0
		descriptor 4 of granter
		mapped at ADDR by granter, read-write
		by granter of dom0: $own
		$mapping
		END
	done
	shows --why dom1:port:1 <<-'END'
	port 1 of dom1, bound to port 1 of dom0
	by mapper of dom1: ioctl(evtchn2, IOCTL_EVTCHN_BIND_INTERDOMAIN, {remote_domain=dom0, remote_port=1}) = 1
	bound on evtchn2
	descriptor 3 of mapper
	mapper waits in poll
	the notification of index 0x0 of gntdev1 sends through it
	by mapper of dom1: ioctl(gntdev1, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, {index=100, action=UNMAP_NOTIFY_CLEAR_BYTE|UNMAP_NOTIFY_SEND_EVENT, event_channel_port=1}) = 0
	port 1 of dom0, bound to port 1 of dom1
	by granter of dom0: ioctl(evtchn1, IOCTL_EVTCHN_BIND_UNBOUND_PORT, {remote_domain=dom1}) = 1
	bound on evtchn1
	descriptor 3 of granter
	granter waits in read
	END
}

documents() {
	expect 0 "all, json" "$gntsim" show --socket "$s" --json
	cp "$dir/out" "$dir/all.json"
	expect 0 "a table, json" "$gntsim" show --socket "$s" --json ports
	cp "$dir/out" "$dir/ports.json"
	expect 0 "why, json" "$gntsim" show --socket "$s" --json --why dom0:8
	python3 - "$granter" "$mapper" "$dir/all.json" "$dir/ports.json" "$dir/out" <<'END' || complain "json: not as it should be"
import json, sys
granter, mapper = (f'shown({pid})' for pid in sys.argv[1:3])
everything, ports, why = (json.load(open(name)) for name in sys.argv[3:])
for document in everything, ports, why:
    assert (document.pop('type'), document.pop('version')) == ('gntsim-show', 1)
assert list(everything) == ['domains', 'grants', 'maps', 'ports', 'notifications', 'processes'], everything
assert list(ports) == ['ports'] and ports['ports'] == everything['ports'], ports
assert everything['grants'] == [{'domain': 0, 'ref': 8, 'to': 1, 'frame': 0, 'access': 'rw', 'marks': 'RW', 'pins': 1,
                                 'state': 'mapped', 'file': 'gntalloc1', 'holders': [granter]}], everything
assert ports['ports'][0]['waiting'] == [granter + ':read'] and ports['ports'][0]['virq'] is None, ports
assert everything['processes'][1]['descriptors'] == ['3=evtchn2', '4=gntdev1'], everything
links = why['why']
assert [(l['depth'], l['what']) for l in links] == [
    (0, 'frame'), (1, 'grant'), (2, 'file'), (3, 'descriptor'), (2, 'mapping'), (2, 'handle'), (3, 'map'),
    (4, 'mapping'), (4, 'descriptor')], links
assert links[1]['by']['program'] == 'shown' and links[1]['by']['pid'] == int(sys.argv[1]), links
assert links[6]['by']['text'].startswith('ioctl(gntdev1, IOCTL_GNTDEV_MAP_GRANT_REF'), links
END
}

refusals() {
	expect 125 "no such domain" "$gntsim" show --socket "$s" --why dom7:8
	says err "gntsim: no domain 7 in this machine"
	expect 125 "no such grant" "$gntsim" show --socket "$s" --why dom0:4711
	says err "gntsim: domain 0 has no grant 4711"
	expect 125 "no such port" "$gntsim" show --socket "$s" --json --why dom1:port:9
	says err "gntsim: domain 1 has no port 9"
	[ ! -s "$dir/out" ] || complain "$what: something on stdout"
	expect 125 "no such handle" "$gntsim" show --socket "$s" --why dom1:handle:5
	says err "gntsim: domain 1 has no maptrack handle 5"
	expect 125 "no such frame" "$gntsim" show --socket "$s" --why frame:77
	says err "gntsim: nobody grants a frame 77 in this machine"
	expect 125 "no such process" "$gntsim" show --socket "$s" --why 1:0x1000
	says err "gntsim: no process 1 in this machine"
	expect 125 "no such address" "$gntsim" show --socket "$s" --why "$mapper:0x1000"
	says err "gntsim: process $mapper has no grant's page at 0x1000"
	for thing in dom 8 dom0 dom0: dom0:x frame: frame:-1 dom1:port: dom0:8x 12:34 ''; do
		expect 125 "--why '$thing'" "$gntsim" show --socket "$s" --why "$thing"
		says err "gntsim show: --why: expected domN:REF, "
		says err "found '$thing'; see 'gntsim show --help'"
	done
	expect 125 "no such table" "$gntsim" show --socket "$s" tables
	says err "found 'tables'"
	expect 125 "two tables" "$gntsim" show --socket "$s" ports grants
	says err "found 'grants' too"
	if [ -c /dev/full ]; then
		# shellcheck disable=SC2016
		expect 125 "a full disk" sh -c '"$1" show --socket "$2" >/dev/full' sh "$gntsim" "$s"
		says err "gntsim: show: cannot write: No space left on device"
	fi
}

for front in socket fuse; do
	if [ $front = fuse ]; then
		"$gntsim" run --front fuse -- true 2>/dev/null || continue
	fi
	start serve "$gntsim" serve --socket "$s"
	expect 0 "nothing lives" "$gntsim" show --socket "$s" grants
	plain=$(cat "$dir/out")
	[ "$plain" = "DOMAIN  REF  TO  FRAME  ACCESS  MARKS  PINS  STATE  FILE  HOLDERS" ] || complain "$what: $plain"
	start_two --front $front
	let_wait
	tables
	chains
	documents
	[ $front = fuse ] || refusals
	# Again and again, until somebody has had enough.
	mkfifo "$dir/watched"
	exec 9<>"$dir/watched"
	"$gntsim" show --socket "$s" --watch=1 grants >"$dir/watched" &
	echo $! >"$dir/watch.pid"
	for expected in DOMAIN 0 "" DOMAIN 0; do
		read -r line _ <&9
		[ "$line" = "$expected" ] || complain "--watch: expected '$expected', got '$line'"
	done
	stop watch TERM
	[ $got = 143 ] || complain "--watch: expected 143, got $got"
	exec 9>&-
	rm "$dir/watched"
	# The granter dies; its page lives on with the mapper.
	stop granter KILL
	shows grants <<-'END'
	DOMAIN REF TO FRAME ACCESS MARKS PINS STATE FILE HOLDERS
	0 8 1 0 rw RW 1 deferred - -
	END
	expect 0 "why, deferred" "$gntsim" show --socket "$s" --why dom0:8
	plain "$dir/out" | sed 's/given up by granter of dom0: its end.*/given up by the end/' >"$dir/plain"
	sed 's/^	*//' >"$dir/wanted" <<-END
	frame 0 of dom0
	grant 8 of dom0 to dom1, read-write: given up while it is mapped, waits for the timer
	by granter of dom0: $made
	given up by the end
	$mapping
	END
	diff -u "$dir/wanted" "$dir/plain" || complain "$what: differs"
	shows processes <<-'END'
	DOMAIN PID PROGRAM DESCRIPTORS MAPPED WAITING
	1 PM shown 3=evtchn2 4=gntdev1 1 polls evtchn2
	END
	stop mapper KILL
	stop serve TERM
done

# A trace's lines are named, and are these calls' lines.
start serve "$gntsim" serve --socket "$s" --trace "$dir/trace"
start_two
expect 0 "traced" "$gntsim" show --socket "$s" --why dom0:8
cp "$dir/out" "$dir/why"
# What made it is known however much was made and is gone since.
expect 0 "before" "$gntsim" show --socket "$s" --why dom0:8
cp "$dir/out" "$dir/before"
echo churn >&7
for _ in $(seq 2000); do
	[ "$(grep -c DEALLOC_GREF "$dir/trace")" -ge 1000 ] && break
	expect 0 "after" "$gntsim" show --socket "$s" --why dom0:8
done
expect 0 "after" "$gntsim" show --socket "$s" --why dom0:8
diff "$dir/before" "$dir/out" || complain "$what: a thousand calls: differs"
# Given back, but mapped by its granter and by the other.
echo drop >&7
for _ in $(seq 2000); do
	"$gntsim" show --socket "$s" maps | grep -q "given back" && break
done
shows maps <<'END'
DOMAIN PROCESS ADDRESS ACCESS FILE INDEX GRANTER REF HANDLE STATE
0 granter ADDR rw gntalloc1 0x0 0 8 - own page, given back
1 mapper ADDR rw gntdev1 0x0 0 8 0 mapped
END
expect 0 "why, given back" "$gntsim" show --socket "$s" --why dom0:8
! grep -q "gntalloc1 lists it" "$dir/out" || complain "$what: $(cat "$dir/out")"
says out ", read-write"
stop mapper KILL
stop granter KILL
stop serve TERM
n=0
while read -r at call; do
	n=$((n + 1))
	sed -n "${at}p" "$dir/trace" | grep -qF -e "$call" || complain "trace line $at is no $call"
done <<END
$(sed -n 's/.*: \([a-z]*([a-z0-9]*\).*, trace line \([0-9]*\)$/\2 \1/p' "$dir/why")
END
[ $n = 4 ] || complain "traced: expected four calls with their lines, got $n: $(cat "$dir/why")"

# A machine that may not look into its programs says so.
if [ "$(id -u)" = 0 ] && setpriv --reuid=65534 --clear-groups --bounding-set=-all true 2>/dev/null; then
	mkdir -m 777 "$dir/theirs"
	chmod 755 "$dir"
	own=$s s=$dir/theirs/s
	start serve setpriv --reuid=65534 --clear-groups --bounding-set=-all "$gntsim" serve --socket "$s"
	if [ -n "$line" ]; then
		start_two
		echo read >&7
		for _ in $(seq 2000); do
			"$gntsim" show --socket "$s" processes | grep -q "$granter .* sleeps" && break
		done
		shows processes <<-'END'
		DOMAIN PID PROGRAM DESCRIPTORS MAPPED WAITING
		0 PG shown ?=gntalloc1 ?=evtchn1 1 sleeps, the kernel does not tell in what
		1 PM shown ?=gntdev1 ?=evtchn2 1 sleeps, the kernel does not tell in what
		END
		expect 0 "who may wait" "$gntsim" show --socket "$s" ports
		says out "shown($granter):?"
		stop mapper KILL
		stop granter KILL
	fi
	stop serve TERM
	s=$own
fi

# What is no machine, or one that does not answer.
expect 125 "no machine" "$gntsim" show --socket "$dir/none"
says err "gntsim: no machine at $dir/none: No such file or directory"
for how in silent rubbish closing; do
	start other "$other" "$dir/o" packets $how
	expect 125 "a socket that is $how" "$gntsim" show --socket "$dir/o" --patience 1
	says err "$dir/o"
	stop other KILL
	rm -f "$dir/o"
done
start serve "$gntsim" serve --socket "$s"
kill -STOP "$(cat "$dir/serve.pid")"
expect 125 "a machine that is stopped" "$gntsim" show --socket "$s" --patience 1
says err "does not answer within 1 second"
kill -CONT "$(cat "$dir/serve.pid")"
# status goes on as ever.
expect 0 "status" "$gntsim" status --socket "$s"
says out "grants 0"
stop serve TERM
[ $failed = 0 ]
