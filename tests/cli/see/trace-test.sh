#!/bin/sh
# run --trace and serve --trace: every call in the notation of scenarios, below it what it did; the program
# under test does not feel it, whatever becomes of the trace.
# usage: trace-test.sh GNTSIM TRACED READS
gntsim=$(realpath "$1") traced=$(realpath "$2") reads=$(realpath "$3")
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../script.sh"

# What changes from run to run has a letter.
plain() {
	sed -E 's/traced_[0-9]+/traced_P/g; s/pid [0-9]+/pid P/; s/    # [0-9]+\.[0-9]{6}( tid [0-9]+)?$//; s/0x7[0-9a-f]{11}/ADDR/g' "$1"
}

# holds FILE: the lines on standard input stand in it, in this order.
holds() {
	plain "$1" >"$dir/plain"
	while IFS= read -r line; do
		at=$(grep -nxF -e "$line" "$dir/plain" | head -n 1 | cut -d: -f1)
		if [ -z "$at" ]; then
			complain "$what: missing, or before another: $line"
			sed 's/^/    /' "$dir/plain"
			return
		fi
		sed -i "1,${at}d" "$dir/plain"
	done
}

for front in socket fuse; do
	if [ $front = fuse ]; then
		"$gntsim" run --front fuse -- true 2>/dev/null || continue
	fi
	expect 0 "a trace, $front" "$gntsim" run --front $front --trace "$dir/trace" -- "$traced"
	holds "$dir/trace" <<'END'
traced_P: gntalloc1 = open("/dev/xen/gntalloc", O_RDWR)
traced_P: gntdev1 = open("/dev/xen/gntdev", O_RDWR)
traced_P: ioctl(gntalloc1, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom0, flags=GNTALLOC_FLAG_WRITABLE, count=1}) = 0 {index=0, gref_ids=[8]}
#     grant 8 of dom0 for dom0: read-write, frame 0
traced_P: ioctl(gntdev1, IOCTL_GNTDEV_MAP_GRANT_REF, {count=1, refs=[{domid=dom0, ref=8}]}) = 0 {index=0}
traced_P: mmap(ADDR, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, gntdev1, 0) = ADDR
#     grant 8 of dom0 for dom0: read-write, frame 0, reading writing, 1 pin of dom0
#     handle 0 of dom0 maps: grant 8 of dom0
#     grant 8 of dom0 for dom0: read-write, frame 0, reading writing, 2 pins of dom0
#     handle 1 of dom0 maps: grant 8 of dom0
traced_P: ioctl(evtchn1, IOCTL_EVTCHN_BIND_UNBOUND_PORT, {remote_domain=dom0}) = 1
#     port 1 of dom0: unbound, for dom0
traced_P: ioctl(gntdev1, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, {index=21, action=UNMAP_NOTIFY_CLEAR_BYTE|UNMAP_NOTIFY_SEND_EVENT, event_channel_port=1}) = 0
#     notification of the map at index 0x0 of dom0 is armed: byte 21, event through port 1
traced_P: mmap(ADDR, 4096, PROT_READ, MAP_SHARED, gntdev1, 4096) = -1 EINVAL
#     Xen refuses dom0 the map of grant 4711 of dom0: GNTST_bad_gntref
traced_P: munmap(ADDR, 4096) = 0
#     notification of the map at index 0x0 of dom0 fires: byte 21 cleared, in frame 0
#     handle 0 of dom0 is free: grant 8 of dom0
#     grant 8 of dom0 for dom0: read-write, frame 0, reading writing, 1 pin of dom0
#     handle 1 of dom0 is free: grant 8 of dom0
#     grant 8 of dom0 for dom0: read-write, frame 0
traced_P: read(evtchn1, 4) = -1 EAGAIN
END
	# The kernel tells a FUSE server of the end of a file when it likes.
	[ $front = fuse ] || grep -q '^traced_[0-9]*: close(evtchn1) = 0' "$dir/trace" ||
		complain "$what: no close of evtchn1"
	expect 137 "killed, $front" "$gntsim" run --front $front --trace "$dir/trace" -- "$traced" killed
	holds "$dir/trace" <<'END'
kill -9 traced_P    # or its exit: its memory is gone
#     notification of the map at index 0x0 of dom0 fires: byte 21 cleared, in frame 0
# gntdev1 has no descriptor any more: traced_P has ended
#     notification of the map at index 0x0 of dom0 fires: event through port 1
END
	[ -z "$(tail -c 1 "$dir/trace")" ] || complain "$what: the last line is not whole"
done

expect 0 "to stderr" "$gntsim" run --trace - -- "$traced"
says err "IOCTL_GNTALLOC_ALLOC_GREF"

expect 0 "json" "$gntsim" run --trace "$dir/json" --trace-format json -- "$traced"
if ! python3 - "$dir/json" <<'END'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert lines[0] == {"type": "gntsim-trace", "version": 1}, lines[0]
calls = [l for l in lines if l["type"] == "call" and l["call"] == "ioctl"]
alloc = calls[0]
assert alloc["request"] == "IOCTL_GNTALLOC_ALLOC_GREF" and alloc["result"] == 0, alloc
assert alloc["in"] == {"domid": 0, "flags": 1, "count": 1}, alloc
assert alloc["out"] == {"index": 0, "gref_ids": [8]}, alloc
assert alloc["seen"][0] == {"what": "grant", "domain": 0, "ref": 8, "live": True, "to": 0, "frame": 0,
                            "readonly": False, "reading": False, "writing": False, "pins": 0}, alloc
bad = [l for l in lines if l.get("errno")]
assert len(bad) == 2 and bad[1]["call"] == "read" and bad[1]["errno"] == "EAGAIN", bad
assert bad[0]["call"] == "mmap" and bad[0]["errno"] == "EINVAL", bad
assert {"what": "refused", "domain": 0, "granter": 0, "ref": 4711, "status": -3} in bad[0]["seen"], bad
times = [l["time"] for l in lines[1:]]
assert times == sorted(times), times
END
then
	complain "json: not as it should be"
	sed 's/^/    /' "$dir/json"
fi

# A program's name may hold anything; a line is a line, and no command to a terminal.
odd=$dir/$(printf 'a\nb\033[3m\302\233c')
ln -s "$traced" "$odd"
expect 0 "an odd name" "$gntsim" run --tag --trace "$dir/trace" -- "$odd"
grep -q '# a?b?\[3m??c, pid' "$dir/trace" || complain "$what: $(cat -v "$dir/trace")"
[ -z "$(tr -d '\n -~' <"$dir/trace")" ] || complain "$what: $(cat -v "$dir/trace")"
printf '#!/bin/sh\necho "$1"\n' >"$odd-2"
chmod +x "$odd-2"
expect 0 "an odd name's tag" "$gntsim" run --tag -- "$odd-2" hello
[ "$(cat "$dir/out")" = 'dom0 a?b?[3m??c-2| hello' ] || complain "$what: $(cat -v "$dir/out")"

expect 125 "no such directory" "$gntsim" run --trace "$dir/no/trace" -- touch "$dir/ran"
says err "--trace: cannot write $dir/no/trace: No such file or directory"
[ ! -e "$dir/ran" ] || complain "$what: the program was run"
expect 125 "no such format" "$gntsim" run --trace "$dir/trace" --trace-format xml -- true
says err "--trace-format: expected text or json, found 'xml'"
if [ -c /dev/full ]; then
	expect 125 "a full disk" "$gntsim" run --trace /dev/full -- "$traced"
	says err "--trace: /dev/full is not whole: No space left on device"
	expect 137 "a full disk, and the program is killed" "$gntsim" run --trace /dev/full -- "$traced" killed
fi
mkfifo "$dir/fifo"
: <"$dir/fifo" &
reader=$!
expect 125 "a reader that leaves" "$gntsim" run --trace "$dir/fifo" -- sh -c "$traced; $traced"
wait $reader
says err "--trace: $dir/fifo is not whole: Broken pipe"
expect 0 "a file over the limit" sh -c "(ulimit -f 0; exec $gntsim run --trace $dir/trace -- true 2>&1) | cat >&2"
says err "is not whole: File too large"
expect 125 "a format without a trace" "$gntsim" run --trace-format xml -- true

expect 125 "of a machine that is another's" "$gntsim" run --socket "$dir/s" --trace "$dir/trace" -- true
says err "give it to gntsim serve"

# Each read stands behind the event that it took and before what came of it, be it one that the program's
# library told of by a message or by memory; of a forked child, and of one that was killed then, too.
expect 0 "reads" "$gntsim" run --trace "$dir/trace" -- "$reads"
problem=$(awk '
	/^[a-z]+_[0-9]+: / { who = $1 }
	/: ioctl\(evtchn[0-9]+, IOCTL_EVTCHN_NOTIFY/ { notified[who] = 1; n[who]++; next }
	/: read\(evtchn[0-9]+, 4\) = 4 / { if (notified[who] != 1 && n[who]) print "early: " $0; notified[who] = 2; next }
	/: write\(evtchn/ { if (notified[who] != 2 && n[who]) print "late: " $0; notified[who] = 0; next }
	/: read\(evtchn[0-9]+, 4\) = -1 EAGAIN/ { nothing[who]++ }
	END { for (w in n) { some++; if (n[w] != 20 || nothing[w] != 301) print w, n[w], nothing[w] } if (some != 2) print some, "processes" }
' "$dir/trace")
[ -z "$problem" ] || complain "$what: $problem"

# Who does not read the trace keeps no program waiting. (A pipe holds 64 KiB.)
mkfifo "$dir/slow"
{
	for _ in $(seq 1200); do
		[ -e "$dir/done" ] && break
		sleep 0.05
	done
	[ -e "$dir/done" ] || echo "the program waits for the reader"
	cat
} <"$dir/slow" >"$dir/read" &
reader=$!
expect 0 "a slow reader" "$gntsim" run --trace "$dir/slow" -- sh -c "for i in 1 2 3 4 5; do $reads || exit; done; touch $dir/done"
wait $reader
[ "$(wc -c <"$dir/read")" -gt 100000 ] || complain "$what: too little to show anything"
[ "$(head -c 7 "$dir/read")" = "# gntsi" ] || complain "$what: $(head -n 1 "$dir/read")"
[ "$(grep -c '^# gntsim trace' "$dir/read")$(grep -c '^process reads_' "$dir/read")" = 110 ] || complain "$what: not whole"

start serve "$gntsim" serve --socket "$dir/s" --trace "$dir/served"
# Who was answered by the machine finds all that was before in the trace.
expect 0 "a served machine's trace" "$gntsim" run --socket "$dir/s" -- "$traced"
expect 0 "status" "$gntsim" status --socket "$dir/s"
grep -q "has ended$\|has ended  \|^kill -9" "$dir/served" || complain "$what: the end is not written"
expect 0 "a served machine" "$gntsim" run --socket "$dir/s" --domain 3 -- true
expect 0 "time passes" "$gntsim" control --socket "$dir/s" destroy 3
stop serve TERM
holds "$dir/served" <<'END'
#     dom3 is made
destroy dom3
#     dom3 is destroyed: no byte is cleared, no event sent
#     dom3 is gone: nobody maps a page of it
END

[ $failed = 0 ]
