#!/bin/sh
# gntsim timeline: a trace becomes a page, a picture, trace events; what is no trace is refused by file and
# line, and of a trace that is cut the rest is drawn.
# usage: timeline-test.sh GNTSIM TRACED CRASH
gntsim=$(realpath "$1") traced=$(realpath "$2") crash=$(realpath "$3") here=$(realpath "$(dirname "$0")")
# shellcheck source=tests/cli/script.sh
. "$here/../cli/script.sh"

python() {
	PYTHONDONTWRITEBYTECODE=1 python3 "$@"
}
is_xml() {
	python -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$1" ||
		complain "$what: $1 is no XML"
}
# refused MESSAGE: the trace $dir/t, and nothing is written.
refused() {
	expect 125 "$1" "$gntsim" timeline "$dir/t" -o "$dir/none.svg"
	says err "gntsim: timeline: $dir/t$1"
	[ ! -e "$dir/none.svg" ] || complain "$what: a picture was written"
}

# ---- what is drawn ----

expect 0 "a page" "$gntsim" timeline "$crash" -o "$dir/crash.html" --title "A <crash> & 'more'"
quiet
grep -q "<title>A &lt;crash&gt; &amp; 'more'</title>" "$dir/crash.html" || complain "$what: its title"
! grep -oE '(src|href)="[^"]*"|url\([^)]*\)|https?://[^" ]*' "$dir/crash.html" |
	grep -vxE 'href="data:,"|url\(#wait\)|http://www.w3.org/2000/svg' ||
	complain "$what: it needs something else"
expect 0 "a picture" "$gntsim" timeline "$crash" -o "$dir/crash.svg"
is_xml "$dir/crash.svg"
for sign in granted mapped deferred map event notice armed cleared death; do
	grep -q "class=\"$sign\"" "$dir/crash.svg" || complain "$what: no $sign in it"
done
expect 0 "a picture that is true to time" "$gntsim" timeline --scale time -o "$dir/time.svg" "$crash"
is_xml "$dir/time.svg"
! cmp -s "$dir/crash.svg" "$dir/time.svg" || complain "$what: it is the same"
expect 0 "trace events" "$gntsim" timeline "$crash" -o "$dir/crash.json"
python "$here/trace-events.py" "$dir/crash.json" "grant 8 of dom0 for dom1" "map of grant 8 of dom0" deferred \
	"notification: byte cleared" "process ends: killed, or its exit" >"$dir/out" 2>&1 ||
	{ complain "$what:" && cat "$dir/out"; }

# The chain of the crash: the death, its notification, the grant, the client's map.
python - "$here" "$dir/crash.html" <<'END' || complain "the chain is not as it should be"
import sys
sys.path.insert(0, sys.argv[1])
from page import data
held = data(sys.argv[2])
GRANT, MAP, EVENT, MARK, ENDED, CLEARED = 0, 1, 2, 3, 0, 5
items = held["items"]
name = lambda i: held["texts"][i[9]]
grant, = [n for n, i in enumerate(items) if i[0] == GRANT]
mapped, = [n for n, i in enumerate(items) if i[0] == MAP]
assert name(items[grant]) == "grant 8 of dom0 for dom1", name(items[grant])
assert mapped in items[grant][12] and grant in items[mapped][12]
assert [state for state in items[grant][13][1::2]] == [0, 1, 2], items[grant][13]
fired, = [n for n, i in enumerate(items) if i[0] == EVENT and i[7] == grant]
cleared, = [n for n, i in enumerate(items) if i[0] == MARK and i[1] == CLEARED and i[7] == grant]
death = held["lanes"][items[grant][2]]["ending"]
assert {fired, cleared} <= set(items[death][12]), items[death]
assert held["lanes"][items[fired][6]]["domain"] == 1
history = [held["texts"][held["text"][call]] for call in items[grant][11]]
for part in ("ALLOC_GREF", "mmap(", "GNTALLOC_SET_UNMAP_NOTIFY", "DEALLOC_GREF", "MAP_GRANT_REF", "kill -9"):
    assert any(part in call for call in history), (part, history)
END

expect 137 "a trace" "$gntsim" run --trace "$dir/t" --trace-format json -- "$traced" killed
expect 137 "the text of the same" "$gntsim" run --trace "$dir/t.txt" -- "$traced" killed
expect 0 "from standard input" sh -c '"$1" timeline - -o "$2" <"$3"' sh "$gntsim" "$dir/t.html" "$dir/t"
python "$here/same-words.py" "$dir/t.html" "$dir/t.txt" >"$dir/out" 2>&1 ||
	{ complain "$what: other words:" && cat "$dir/out"; }
expect 0 "trace events of it" "$gntsim" timeline "$dir/t" -o "$dir/t.json"
python "$here/trace-events.py" "$dir/t.json" "map refused: grant 4711 of dom0" >"$dir/out" 2>&1 ||
	{ complain "$what:" && cat "$dir/out"; }

# ---- what is cut ----

lines=$(wc -l <"$dir/t")
cp "$dir/t" "$dir/whole"
size=$(wc -c <"$dir/whole")
last=$(tail -n 1 "$dir/whole" | wc -c)
for left in 1 10 $((last - 1)); do
	head -c $((size - last + left)) "$dir/whole" >"$dir/t"
	expect 0 "a last line of $left bytes" "$gntsim" timeline "$dir/t" -o "$dir/cut.svg"
	if [ "$left" -lt $((last - 1)) ]; then
		says err "$dir/t:$lines: the last line is cut; the picture ends before it"
		grep -q "the trace is cut" "$dir/cut.svg" || complain "$what: the picture does not say so"
	else
		quiet # only the end of the line is missing
	fi
	is_xml "$dir/cut.svg"
	rm "$dir/cut.svg"
done

# ---- what is refused ----

: >"$dir/t"
refused ": an empty file is no trace"
cp "$dir/t.txt" "$dir/t"
refused ":1: this trace is text: a picture is made of one with --trace-format json"
for foreign in hello '{}' '[1]' '{"type":7}' '{"type":"strace"}' '{"traceEvents":[]}'; do
	printf '%s\n' "$foreign" >"$dir/t"
	refused ":1: no trace of gntsim: its first line is {\"type\":\"gntsim-trace\",\"version\":1}"
done
head -c 4096 "$gntsim" >"$dir/t"
refused ":1: no trace of gntsim"
for version in 2 '"1"' 1.5 null; do
	printf '{"type":"gntsim-trace","version":%s}\n' $version >"$dir/t"
	refused ":1: a trace of version $(echo $version | tr -d '"' | sed s/null/none/); this gntsim reads version 1"
done
head -n 1 "$dir/whole" >"$dir/t"
refused ": a trace without a call"
broken() {
	sed "$1" "$dir/whole" >"$dir/t"
	! cmp -s "$dir/t" "$dir/whole" || complain "sed '$1' changes nothing"
	refused ":$2"
}
broken '5s/,"file"/"file"/' "5: no JSON: "
broken '5s/$/ too much/' "5: no JSON: something follows"
broken '5s/.*/[]/' "5: expected an object"
broken '5s/"time":[0-9.]*/"time":"soon"/' '5: member "time": expected seconds'
broken '5s/"type":"call"/"type":"cell"/' "5: member \"type\": no such as 'cell'"
broken '5s/"call":"open"/"call":"opened"/' "5: member \"call\": no such as 'opened'"
broken '5s/"pid":[0-9]*/"pid":-3/' '5: member "pid": expected a number from 0 to 2147483647'
broken '5s/"flags":"O_RDWR"/"flags":"O_READ"/' "5: member \"flags\": 'O_READ' is no flag"
broken '0,/"what":"grant"/s//"what":"gift"/' "7: member \"what\": no such as 'gift'"
broken '0,/"live":true,/s///' '7: member "live": expected true or false'
broken '0,/"ref":8,"live"/s//"ref":99999999999,"live"/' '7: member "ref": expected a number from 0 to 4294967295'
broken 's/"errno":"EINVAL"/"errno":"EODD"/' "$(grep -n EINVAL "$dir/whole" | cut -d: -f1): member \"errno\": no such error"
broken 's/,"exiting":true//' "$(grep -n '"type":"end"' "$dir/whole" | cut -d: -f1): member \"exiting\": expected true or false"

rm "$dir/t"
expect 125 "no such trace" "$gntsim" timeline "$dir/t" -o "$dir/x.svg"
says err "cannot read $dir/t: No such file or directory"
expect 125 "a directory" "$gntsim" timeline "$dir" -o "$dir/x.svg"
says err "$dir: Is a directory"
expect 125 "no trace" "$gntsim" timeline -o "$dir/x.svg"
says err "no trace is named"
expect 125 "no output" "$gntsim" timeline "$crash"
says err "-o FILE is missing"
expect 125 "another kind" "$gntsim" timeline "$crash" -o "$dir/x.png"
says err "expected .html, .svg or .json at the end of '$dir/x.png'"
expect 125 "another scale" "$gntsim" timeline "$crash" -o "$dir/x.svg" --scale log
says err "--scale: expected steps or time, found 'log'"
expect 125 "nowhere to write" "$gntsim" timeline "$crash" -o "$dir/no/x.svg"
says err "cannot write $dir/no/x.svg: No such file or directory"
cp "$crash" "$dir/same.json"
expect 125 "onto itself" "$gntsim" timeline "$dir/same.json" -o "$dir/same.json"
says err "$dir/same.json is the trace itself"
cmp -s "$crash" "$dir/same.json" || complain "$what: it is lost"
if [ -c /dev/full ]; then
	ln -s /dev/full "$dir/full.svg"
	expect 125 "a full disk" "$gntsim" timeline "$crash" -o "$dir/full.svg"
	says err "cannot write $dir/full.svg: No space left on device"
fi

[ $failed = 0 ]
