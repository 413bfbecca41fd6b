#!/bin/sh
# record, serve --record: the script does again what the programs did, on the model and on real processes,
# and says it as somebody would have written it; whatever becomes of it, the program does not feel it.
# usage: record-test.sh GNTSIM TRACED PRODUCER CONSUMER WRITERS
gntsim=$(realpath "$1") traced=$(realpath "$2") producer=$(realpath "$3") consumer=$(realpath "$4")
writers=$(realpath "$5")
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../script.sh"

# plays FILE: on the model and on real processes, each as it was recorded.
plays() {
	for on in model socket; do
		expect 0 "$what, played on $on" "$gntsim" play --on $on "$1"
		says out "passed  $1"
	done
}
# has FILE: the lines on standard input are lines of it, in this order. (Whether a process was killed can
# only be told while it is not yet gone.)
has() {
	sed 's/    # or its exit$//' "$1" >"$dir/left"
	while IFS= read -r line; do
		at=$(grep -nxF -e "$line" "$dir/left" | head -n 1 | cut -d: -f1)
		if [ -z "$at" ]; then
			complain "$what: missing, or before another: $line"
			sed 's/^/    /' "$1"
			return
		fi
		sed -i "1,${at}d" "$dir/left"
	done
}

expect 0 "one process" "$gntsim" record -o "$dir/a.scn" -- "$traced"
quiet
sed '1,/^$/d' "$dir/a.scn" >"$dir/body"
cat >"$dir/wanted" <<'END'
needs munmap
domain dom0 pv
process traced in dom0

traced: gntalloc = open("/dev/xen/gntalloc", O_RDWR)
traced: gntdev = open("/dev/xen/gntdev", O_RDWR)
traced: evtchn = open("/dev/xen/evtchn", O_RDWR|O_NONBLOCK)
traced: ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom0, flags=GNTALLOC_FLAG_WRITABLE,
        count=1}) = 0 {gref_ids=[ring_ref]}
traced: ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, {count=1, refs=[{domid=dom0, ref=ring_ref}]})
        = 0 {index=ring_map}
traced: mapped_ring = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, gntdev, ring_map)
traced: event_port = ioctl(evtchn, IOCTL_EVTCHN_BIND_UNBOUND_PORT, {remote_domain=dom0})
traced: ioctl(gntdev, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, {index=ring_map+21,
        action=UNMAP_NOTIFY_CLEAR_BYTE|UNMAP_NOTIFY_SEND_EVENT, event_channel_port=event_port})
traced: ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, {count=1, refs=[{domid=dom0, ref=4711}]})
        = 0 {index=map}
traced: mmap(NULL, 4096, PROT_READ, MAP_SHARED, gntdev, map) = -1 EINVAL
traced: munmap(mapped_ring, 4096)
traced: read(evtchn, 4) = -1 EAGAIN
traced: close(evtchn)
traced: exit(0)
END
cmp -s "$dir/wanted" "$dir/body" || {
	complain "$what: not the script that it should be:"
	diff "$dir/wanted" "$dir/body"
}
plays "$dir/a.scn"
# What came back is expected: with another number it fails.
sed 's/= -1 EAGAIN/= 4 [event_port]/' "$dir/a.scn" >"$dir/wrong.scn"
expect 1 "another result" "$gntsim" play "$dir/wrong.scn"

expect 137 "killed" "$gntsim" record -o "$dir/k.scn" -- "$traced" killed
echo "kill -9 traced" | has "$dir/k.scn"
plays "$dir/k.scn"
expect 3 "an exit status, and nothing of devices" "$gntsim" record -o "$dir/n.scn" -- sh -c 'exit 3'
grep -q '^process' "$dir/n.scn" && complain "$what: it has a process"
expect 0 "a shell before it" "$gntsim" record -o "$dir/sh.scn" -- sh -c "'$traced'; '$traced'"
grep -q fork "$dir/sh.scn" && complain "$what: a fork that nothing depends on"
printf 'process traced in dom0\nprocess traced_2 in dom0\n' | has "$dir/sh.scn"
plays "$dir/sh.scn"

# Of two that can store, it was the one that ran; if both did, that is said. Who runs when is the host's: never
# is another one named without a word, and in some of the runs it is known, in some it is not.
known=0 unknown=0 tries=0
while [ $tries -lt 10 ] || { [ $tries -lt 60 ] && { [ $known = 0 ] || [ $unknown = 0 ]; }; }; do
	tries=$((tries + 1))
	expect 0 "two that store" "$gntsim" record -o "$dir/w.scn" -- "$writers"
	for wrong in 'writers_2: store(page+100, 1)' 'writers: store(page+200, 2)' 'writers_2: store(page+300, 3)'; do
		grep -qx "$wrong" "$dir/w.scn" && complain "$what: $wrong"
	done
	[ "$(grep -c 'store(page+[123]00, [123])' "$dir/w.scn")" = 3 ] || complain "$what: $(grep store "$dir/w.scn")"
	grep -qx 'writers: store(page+100, 1)' "$dir/w.scn" && known=$((known + 1))
	grep -q '    # or by writers.*: both ran$' "$dir/w.scn" || continue
	unknown=$((unknown + 1))
	says err "in $dir/w.scn may be of another process"
done
[ $known -gt 0 ] || complain "$what: it is never known who"
[ $unknown -gt 0 ] || complain "$what: it is never said that it is not known"
echo "writers: writers_2 = fork()" | has "$dir/w.scn"
plays "$dir/w.scn"

# Two domains, one of which stores and is killed; the other sees the byte that this clears.
two_domains() {
	start serve "$gntsim" serve --socket "$dir/s" --record "$1" --stores "$2"
	mkfifo "$dir/said" "$dir/input"
	"$gntsim" run --socket "$dir/s" --domain 0 -- "$producer" 1 <"$dir/input" >"$dir/said" &
	pid=$!
	echo $pid >"$dir/producer.pid"
	exec 4>"$dir/input" 3<"$dir/said"
	read -r ref port <&3
	"$gntsim" run --socket "$dir/s" --domain 1 -- "$consumer" 0 "$ref" "$port" >"$dir/got" &
	echo $! >"$dir/consumer.pid"
	yes "a line of text" | head -n 200 >&4
	# It has got all of it when it says so.
	for _ in $(seq 300); do
		[ "$(wc -l <"$dir/got")" = 200 ] && break
		sleep 0.1
	done
	kill -9 $pid
	wait "$(cat "$dir/consumer.pid")" || complain "$what: the consumer failed"
	exec 4>&- 3<&-
	rm "$dir/said" "$dir/input" "$dir/producer.pid" "$dir/consumer.pid"
	stop serve TERM
	[ "$got" = 0 ] || complain "$what: serve ended with $got"
}
what="two domains"
two_domains "$dir/two.scn" changed
has "$dir/two.scn" <<'END'
needs distinct_domains
domain dom0
domain dom1 pvh
process producer in dom0
process consumer in dom1
producer: ring = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, gntalloc, ring_index)
producer: event_port = ioctl(producer_evtchn, IOCTL_EVTCHN_BIND_UNBOUND_PORT, {remote_domain=dom1})
producer: store(ring+8, 1)
kill -9 producer
consumer: load(mapped_ring+8, 1) = 0
END
grep -q 'producer: store(ring+11, "a line of text' "$dir/two.scn" ||
	complain "$what: the data is not stored"
plays "$dir/two.scn"
grep -q '# 32 of [0-9]* bytes' "$dir/two.scn" || complain "$what: long stores are not shortened"
what="no stores"
two_domains "$dir/none.scn" none
grep -q store "$dir/none.scn" && complain "$what: there are some"
plays "$dir/none.scn"
what="all stores"
two_domains "$dir/all.scn" all
grep -q "of .* bytes" "$dir/all.scn" && complain "$what: they are shortened"
plays "$dir/all.scn"

# A program that goes to another domain is another one there.
what="another domain"
start serve "$gntsim" serve --socket "$dir/s" --record "$dir/other.scn"
"$gntsim" run --socket "$dir/s" --domain 1 -- python3 -c '
import os, sys
command = sys.argv[1:]
if os.fork() == 0:
    os.execv(command[0], command)
os.wait()
os.close(os.open("/dev/xen/evtchn", os.O_RDWR))
os.execv(command[0], command)' "$gntsim" run --socket "$dir/s" --domain 0 -- "$traced" || complain "$what: it failed"
stop serve TERM
[ "$(grep -c '^process traced.* in dom0$' "$dir/other.scn")" = 2 ] || complain "$what: $(grep '^process' "$dir/other.scn")"
grep -q '^process python3 in dom1$' "$dir/other.scn" || complain "$what: $(grep '^process' "$dir/other.scn")"
plays "$dir/other.scn"

# In one line.
mkfifo "$dir/said" "$dir/seen"
# shellcheck disable=SC2016
timeout 60 "$gntsim" record -o "$dir/pair.scn" -- sh -c '
	(yes "a line of text" | head -n 20; read -r line <"$1/seen") | "$2" 1 >"$1/said"' - "$dir" "$producer" \
	::: --domain 1 -- sh -c '
	read -r ref port <"$1/said"
	"$2" 0 "$ref" "$port" | { head -n 20 >"$1/got"; echo >"$1/seen"; cat; }' - "$dir" "$consumer" 2>"$dir/err"
got=$? what="a pair in one line"
[ $got = 0 ] || complain "$what: status $got"
[ "$(wc -l <"$dir/got")" = 20 ] || complain "$what: the consumer got: $(cat "$dir/got")"
has "$dir/pair.scn" <<'END'
domain dom0
domain dom1 pvh
process producer in dom0
process consumer in dom1
producer: store(ring+8, 1)
consumer: mapped_ring = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, gntdev, ring_map)
END
plays "$dir/pair.scn"

# Shorter: what the failing step needs, and nothing else.
PATH=$(dirname "$gntsim"):$PATH
mkdir "$dir/tmp"
export TMPDIR="$dir/tmp"
sed 's/load(mapped_ring+8, 1) = 0/load(mapped_ring+8, 1) = 77/' "$dir/two.scn" >"$dir/fails.scn"
# shellcheck disable=SC2016
expect 0 "shrink" "$gntsim" record --shrink 'gntsim play $1 | grep -q "expected 77, got 0" && exit 3' \
	-o "$dir/short.scn" "$dir/fails.scn"
grep -q "statements became" "$dir/err" || complain "$what: it does not say how much shorter"
expect 1 "shrunk" gntsim play "$dir/short.scn"
says out "expected 77, got 0"
[ "$(grep -c '^[a-z]*: ' "$dir/short.scn")" -lt 10 ] || {
	complain "$what: it could be shorter:"
	cat "$dir/short.scn"
}
cp "$dir/fails.scn" "$dir/same.scn"
# shellcheck disable=SC2016
expect 0 "onto itself" gntsim record --shrink 'test $(grep -c store {}) = 0 || exit 9' -o "$dir/same.scn" "$dir/same.scn"
[ "$(grep -c store "$dir/same.scn")" = 1 ] || complain "$what: not one store"
# What means nothing without a statement goes with it, where one by one nothing could go.
cat >"$dir/pairs.scn" <<'END'
domain dom0
process a, b in dom0
a: p = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
b: q = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
a: store(p, 1)
b: store(q, 1)
a: store(p, 2)
b: store(q, 2)
END
cat >"$dir/even" <<'END'
[ $(($(grep -c "(q" "$1") % 2)) = 0 ] && [ "$(grep -c "(p" "$1")" = 2 ] && exit 5
exit 0
END
expect 0 "two at once" gntsim record --shrink "sh $dir/even {}" "$dir/pairs.scn"
grep -q "(q" "$dir/out" && complain "$what: $(cat "$dir/out")"
# Of many long stores the beginning is there.
python3 - "$dir" <<'END'
import sys
with open(sys.argv[1] + "/stream.py", "w") as f:
    f.write("""import fcntl, mmap, os, random, struct
ga, ev = os.open("/dev/xen/gntalloc", os.O_RDWR), os.open("/dev/xen/evtchn", os.O_RDWR)
alloc = fcntl.ioctl(ga, 0x184705, struct.pack("HHIQI4x", 0, 1, 1, 0, 0))
page = mmap.mmap(ga, 4096, offset=struct.unpack("8xQI4x", alloc)[0])
for i in range(1200):
    page[0:1000] = random.randbytes(1000)
    page[2000:2004] = struct.pack("I", i)
    try:
        fcntl.ioctl(ev, 0x44503, struct.pack("I", 77))
    except OSError:
        pass
""")
with open(sys.argv[1] + "/events.py", "w") as f:
    f.write("""import fcntl, mmap, os, random, struct
ga, ev = os.open("/dev/xen/gntalloc", os.O_RDWR), os.open("/dev/xen/evtchn", os.O_RDWR)
alloc = fcntl.ioctl(ga, 0x184705, struct.pack("HHIQI4x", 0, 1, 1, 0, 0))
page = mmap.mmap(ga, 4096, offset=struct.unpack("8xQI4x", alloc)[0])
here = fcntl.ioctl(ev, 0x44502, bytearray(4))
there = fcntl.ioctl(ev, 0x84501, bytearray(struct.pack("II", 0, here)))
for i in range(3000):
    page[0:1000] = random.randbytes(1000)
    page[2000:2004] = struct.pack("I", i)
    fcntl.ioctl(ev, 0x44504, struct.pack("I", here))
    os.write(ev, os.read(ev, 4))
fcntl.ioctl(ev, 0x44504, struct.pack("I", there))
""")
END
expect 0 "a stream of events" gntsim record -o "$dir/events.scn" -- python3 "$dir/events.py"
steps=$(grep -c "^python3.*: " "$dir/events.scn")
[ "$steps" -gt 500 ] && [ "$steps" -lt 1500 ] || complain "$what: $steps steps"
grep -Eqx "# [0-9]{4,5} steps of a stream are left out here; stores of what they left follow\." "$dir/events.scn" ||
	complain "$what: it is not said: $(grep '^#' "$dir/events.scn")"
sed -n 's/^python3: store(page+200\([01]\), \(.*\))$/\1 \2/p' "$dir/events.scn" >"$dir/counts"
[ "$(head -n 1 "$dir/counts")" = "0 1" ] && [ "$(tail -n 1 "$dir/counts")" = "0 $((2999 % 256))" ] ||
	complain "$what: the first and the last are not there: $(cat "$dir/counts")"
grep -Eqx "0 [0-9]+ $((2999 / 256))|1 $((2999 / 256))" "$dir/counts" ||
	complain "$what: not stored again: $(cat "$dir/counts")"
plays "$dir/events.scn"
expect 0 "all of a stream" gntsim record -o "$dir/events.scn" --stores all -- python3 "$dir/events.py"
[ "$(grep -c "^python3.*: write" "$dir/events.scn")" = 3000 ] || complain "$what: not all is there"
expect 0 "a stream" gntsim record -o "$dir/stream.scn" -- python3 "$dir/stream.py"
[ "$(grep -c "# 32 of [0-9]* bytes" "$dir/stream.scn")" = 1024 ] ||
	complain "$what: $(grep -c "# 32 of [0-9]* bytes" "$dir/stream.scn") of 1200 stores are there"
grep -qx "# From here on stores of more than 64 bytes are left out." "$dir/stream.scn" || complain "$what: it is not said"
grep -q "store(page+2000, 175)$" "$dir/stream.scn" || complain "$what: small ones are left out too"
plays "$dir/stream.scn"
expect 0 "to stdout" gntsim record --shrink 'grep -q "kill -9 producer" {} && exit 2' "$dir/fails.scn"
says out "kill -9 producer"
expect 125 "nothing fails" gntsim record --shrink true "$dir/fails.scn"
says err "the command does not fail on $dir/fails.scn"
expect 125 "no such command" gntsim record --shrink no-such-command "$dir/fails.scn"
says err "the command cannot be run"
expect 125 "no end" gntsim record --shrink 'sleep 60' --budget 1 "$dir/fails.scn"
says err "the command does not end in that time"
cat >"$dir/slow" <<'END'
grep -q "^kill" "$1" || exit 0
echo >>"$0.counts"
[ "$(wc -l <"$0.counts")" -gt 3 ] && sleep 60
exit 4
END
expect 0 "no time" gntsim record --shrink "sh $dir/slow {}" --budget 2 "$dir/fails.scn"
says err "then the time was up"
echo "domain dom0; nonsense" >"$dir/bad.scn"
expect 125 "no script" gntsim record --shrink false "$dir/bad.scn"
says err "$dir/bad.scn:1:"
expect 125 "no such file" gntsim record --shrink false "$dir/missing.scn"
says err "$dir/missing.scn: No such file or directory"
expect 125 "no place for it" gntsim record --shrink false -o "$dir/no/x.scn" "$dir/fails.scn"
says err "cannot write $dir/no/x.scn"
rmdir "$dir/tmp" || complain "$what: something is left in TMPDIR"
unset TMPDIR

expect 125 "no such directory" "$gntsim" record -o "$dir/no/x.scn" -- touch "$dir/ran"
says err "--record: cannot write $dir/no/x.scn: No such file or directory"
[ ! -e "$dir/ran" ] || complain "$what: the program was run"
expect 125 "the trace's file" "$gntsim" run --trace "$dir/x" --record "$dir/../${dir##*/}/x" -- touch "$dir/ran"
says err "--record: $dir/../${dir##*/}/x is what --trace writes"
[ ! -e "$dir/ran" ] || complain "$what: the program was run"
expect 125 "no file" "$gntsim" record -- true
says err "record needs -o FILE"
expect 125 "no such stores" "$gntsim" record -o "$dir/x.scn" --stores some -- true
says err "--stores: expected changed, all, none or exact, found 'some'"
expect 125 "stores of what" "$gntsim" run --stores all -- true
says err "--stores belongs to --record"
expect 125 "of a machine that is another's" "$gntsim" record --socket "$dir/s" -o "$dir/x.scn" -- true
says err "give it to gntsim serve"
if [ -c /dev/full ]; then
	expect 125 "a full disk" "$gntsim" record -o /dev/full -- sh -c "'$traced' && touch $dir/ran"
	says err "--record: /dev/full is not whole: No space left on device"
	[ -e "$dir/ran" ] || complain "$what: the program felt it"
	expect 137 "a full disk, and the program is killed" "$gntsim" record -o /dev/full -- "$traced" killed
fi
[ $failed = 0 ]
