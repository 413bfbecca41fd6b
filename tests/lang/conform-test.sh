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
judge 125 --scenarios /nowhere
judge 125 --ops many
judge 125 --xsm
judge 125 pvh
exit $failed
