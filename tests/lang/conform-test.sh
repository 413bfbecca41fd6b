#!/bin/sh
# SPDX-License-Identifier: MIT
# gntsim conform with a lab that only says it was one: the verdict, and the three reports of it.
# usage: conform-test.sh GNTSIM SCENARIOS FAKE-LAB
set -eu
gntsim=$1 scenarios=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export GNTSIM_XEN_LAB="$3" GNTSIM_PLAY_STATIC=/bin/true LAB_LOG="$dir/log"
export FAULT_CRASH=none FAULT_DIFFERENCE=none FAULT_HANG=none
failed=0
fail() {
	failed=1
	echo "FAILED: $1"
	cat "$dir/out" "$dir/err"
}

# judge STATUS OPTION...: on a few of the corpus.
judge() {
	expected=$1 status=0
	shift
	rm -rf "$dir/report"
	: >"$LAB_LOG"
	timeout 100 "$gntsim" conform -o "$dir/report" --scenarios "$scenarios/conformance/gntdev/notify" "$@" \
		>"$dir/out" 2>"$dir/err" || status=$?
	[ $status = "$expected" ] || fail "status $status, expected $expected"
}
has() { # FILE WORDS...
	file=$1
	shift
	for words; do
		grep -qF -e "$words" "$dir/report/$file" || fail "$file has no '$words'"
	done
}

judge 0 --ops 300 --xen 4.20 pv pv+pvh
has report.html 'It conforms' 'Booted: --xen 4.20' '<td id="GD-NOTIFY' 'class="passed"' '0 differences' '>Skipped, and why<'
has report.ktap 'KTAP version 1' '1..2' '# Subtest: pv+pvh' ' random calls' 'ok 2 pv+pvh'
has report.xml 'classname="xen.pv+pvh"' 'failures="0"'
! grep -q '^ *not ok' "$dir/report/report.ktap" || fail "a success is none"
python3 - "$dir/report" <<'END' || fail "not well-formed"
import html.parser, sys, xml.dom.minidom
xml.dom.minidom.parse(sys.argv[1] + "/report.xml")
class Page(html.parser.HTMLParser):
    open_tags = []
    def handle_starttag(self, tag, attributes):
        if tag != "meta":
            self.open_tags.append(tag)
    def handle_endtag(self, tag):
        assert self.open_tags.pop() == tag, tag
page = Page()
page.feed(open(sys.argv[1] + "/report.html").read())
assert not page.open_tags
END

# A driver that is wrong: by its rule, with what it did.
FAULT_DIFFERENCE='UNMAP_NOTIFY_CLEAR_BYTE' judge 1 --ops 0
has report.html 'It differs' 'class="failed"' 'expected 0, got 1'
has report.ktap '# ' 'expected 0, got 1' 'not ok 1 pv'
# A crash: the kernel's words; in random calls too, with the scenario that does it.
FAULT_CRASH='UNMAP_NOTIFY_SEND_EVENT' judge 1 --ops 0
has report.html 'kernel crashed: BUG: a fault'
FAULT_CRASH='B: exec' judge 1 --ops 1000
has report.html 'Random calls on pv' 'kernel crashed: BUG: a fault' 'B: exec'
has report.xml 'name="random calls"' 'failures="1"'
ls "$dir"/report/fuzz-1-*.scn >/dev/null || fail "no scenario of the crash"

# Where nothing can be tried there is no verdict.
GNTSIM_XEN_LAB=/nowhere judge 125
has report.html 'No verdict' 'no lab at /nowhere'
has report.xml 'name="the corpus"' 'errors="1"' 'no lab at /nowhere'
# What the lab says of a kernel that it cannot boot is the reason, once.
cat >"$dir/lab" <<'END'
#!/bin/sh
echo "xen-lab: downloading busybox-static" >&2
echo "xen-lab: bzImage (6.1.192) is built without Xen" >&2
exit 125
END
chmod 755 "$dir/lab"
GNTSIM_XEN_LAB=$dir/lab judge 125 --kernel-image bzImage
has report.html 'pv was not played: bzImage (6.1.192) is built without Xen'
has report.ktap '# bzImage (6.1.192) is built without Xen' 'not ok 1 pv'
has report.xml 'bzImage (6.1.192) is built without Xen' 'errors="1"'
[ "$(grep -c Xen "$dir/err")" = 1 ] || fail "not said once"
# What is wrong with the words is said before anything is booted.
refuses() { # WORDS OPTION...
	words=$1
	shift
	judge 125 "$@"
	grep -qF -e "$words" "$dir/err" || fail "$*: not '$words'"
	[ ! -s "$LAB_LOG" ] || fail "$*: something was booted"
}
refuses '/nowhere: No such file or directory' --scenarios /nowhere
refuses "--ops: expected a number from 0 to 100000000, found 'many'" --ops many
refuses "--seed: expected a number from 0 to 4294967295, found '-1'" --seed -1
refuses "--time-limit: expected a number from 1 to 864000, found '0'" --time-limit 0
refuses "--patience: expected a number from 1 to 86400, found 'x'" --patience x
refuses '--xsm needs a value' --xsm
refuses "--kernel: expected a version X.Y or X.Y.Z, or newest, found '6'" --kernel 6
refuses "expected the leg pv" pvh
refuses "expected no more legs, found 'arm64'" pv pv pv pv pv pv pv pv arm64
# says STATUS WORDS OPTION...: of a whole command line.
says() {
	expected=$1 words=$2 status=0
	shift 2
	: >"$LAB_LOG"
	timeout 100 "$gntsim" conform "$@" >"$dir/out" 2>"$dir/err" || status=$?
	[ $status = "$expected" ] || fail "$*: status $status, expected $expected"
	cat "$dir/out" "$dir/err" | grep -qF -e "$words" || fail "$*: not '$words'"
}
says 125 'where to? (-o DIR)' pv
says 0 'Usage: gntsim conform' --help
mkdir "$dir/own"
own="--scenarios $dir/own --ops 0"
# shellcheck disable=SC2086
says 125 'no scenario (*.scn) in what --scenarios names' -o "$dir/report" $own

# alone STATUS OPTION...: on scenarios of one's own.
alone() {
	expected=$1
	shift
	rm -rf "$dir/report"
	# shellcheck disable=SC2086
	says "$expected" "$dir/report/report.html" -o "$dir/report" $own "$@"
}
odd='<&"#>.scn'
printf 'domain dom0\nprocess A in dom0\nA: close(9) = -1 EBADF\n' >"$dir/own/$odd"
alone 0 --seed 3 --time-limit 60 --patience 9 --xsm silo
has report.html '&lt;&amp;&quot;#&gt;.scn: passed' 'Booted: --xsm silo'
has report.xml '&lt;&amp;&quot;#&gt;.scn' 'failures="0"'
has report.ktap '<&"%>.scn'
# What no rule is about, in each way in which it can go.
printf '# Covers: GD-NOTIFY-0\n# Rule: one that is not listed.\n\ndomain dom0 pvh\nprocess A in dom0\nA: close(8) = 0\n' \
	>"$dir/own/skipped.scn"
echo domain >"$dir/own/wrong.scn"
FAULT_DIFFERENCE='close(9)' alone 1 pv pv+pv
has report.html 'It differs: 3 scenarios failed (2 could not be tried)' 'wrong.scn: error' '#&gt;.scn: failed' 'skipped.scn</td>'
has report.ktap "wrong.scn:1:7: expected a domain's name" 'skipped.scn' ' # SKIP ' 'not ok 2 pv+pv'
has report.xml 'errors="2"' 'skipped="'
rm "$dir/own/wrong.scn" "$dir/own/$odd"
# A kernel that the model does not know yet; nothing that could be judged.
cat >"$dir/lab" <<END
#!/bin/sh
[ "\$1" = describe ] || exec "$3" "\$@"
echo "kernel 99.1"
END
chmod 755 "$dir/lab"
GNTSIM_XEN_LAB=$dir/lab alone 125 --kernel-image /bzImage pv+pv
has report.html 'Linux 99.1 (random calls: ' 'No verdict'
grep -q 'to the model Linux 99.1 is ' "$dir/err" || fail "nothing is said of the model's kernel"

# A report that can't be written, or not all of it.
rm "$dir/own/skipped.scn"
for n in $(seq 60); do
	printf 'domain dom0\nprocess A in dom0\nA: close(9) = -1 EBADF\n' >"$dir/own/a-scenario-with-a-long-name-of-which-there-are-many-$n.scn"
done
: >"$dir/file"
# shellcheck disable=SC2086
says 125 "$dir/file/report: Not a directory" -o "$dir/file/report" $own
[ ! -s "$LAB_LOG" ] || fail "something was booted for a report that can't be written"
for name in ktap xml html; do
	rm -rf "$dir/report"
	mkdir -p "$dir/report/report.$name"
	# shellcheck disable=SC2086
	says 125 "report.$name: Is a directory" -o "$dir/report" $own
	rm -rf "$dir/report"
	mkdir "$dir/report"
	ln -s /dev/full "$dir/report/report.$name"
	# shellcheck disable=SC2086
	says 125 "report.$name: No space left on device" -o "$dir/report" $own
	strace -o /dev/null true 2>/dev/null || continue
	# A write in the middle that fails is not made good by the last one.
	rm -rf "$dir/report"
	status=0
	# (LeakSanitizer, if there is one, can't be traced.)
	# shellcheck disable=SC2086
	ASAN_OPTIONS=detect_leaks=0 timeout 100 strace -qq -o /dev/null -P "$dir/report/report.$name" -e trace=write -e inject=write:error=ENOSPC:when=1 \
		"$gntsim" conform -o "$dir/report" $own >"$dir/out" 2>"$dir/err" || status=$?
	if [ $status != 125 ] || ! grep -q "report.$name: " "$dir/err"; then
		fail "a part of report.$name is missing, and nobody says so"
	fi
done
exit $failed
