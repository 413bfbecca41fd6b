#!/bin/sh
# What a play's exit status and report say: nothing that was not judged has passed, and no name and no
# text of a file can say it instead.
# usage: verdicts-test.sh GNTSIM
set -u
gntsim=$(realpath "$1")
dir=$(mktemp -d)
chmod 755 "$dir"
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit
failed=0 cases=0

# plays STATUS OPTION…: the play ends so.
plays() {
	want=$1
	shift
	what="gntsim play $*"
	cases=$((cases + 1))
	rm -f junit.xml
	timeout 30 "$gntsim" play --junit junit.xml "$@" >out 2>err
	got=$?
	[ $got = "$want" ] || bad "expected status $want, got $got"
}
bad() {
	failed=$((failed + 1))
	echo "$what: $1:"
	sed 's/^/    /' out err
}
says() {
	grep -qF -e "$2" "$1" || bad "expected '$2' in $1"
}
silent() {
	! grep -qF -e "$2" "$1" || bad "expected no '$2' in $1"
}
# What readers of TAP and XML are given is whole, and nothing in it acts upon a terminal.
fit() {
	python3 - "$1" <<'END' || bad "expected TAP and XML that are fit for their readers"
import re, sys, xml.dom.minidom as dom
out = open("out", "rb").read().decode("utf-8")
assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202e]", out), out
results = [line for line in out.splitlines() if re.match("(not )?ok", line)]
assert len(results) == int(sys.argv[1]), results
assert all(re.fullmatch(r"(not )?ok \d+ - [^#]*( # SKIP [^#]+)?", line) for line in results), results
cases = dom.parse("junit.xml").getElementsByTagName("testcase")
assert len(cases) == int(sys.argv[1]), cases
END
}
good='domain dom0\nprocess A in dom0\nA: close(9) = -1 EBADF\n'
# shellcheck disable=SC2059
file() {
	printf "$2" >"$1"
}

# Kernels that nobody knows.
mkdir kernel
file kernel/a.scn "$good"
file kernel/b.scn "kernel >= 6.20\n$good"
file kernel/c.scn "domain dom0\nprocess A in dom0\nA: close(9) = -1 EINVAL if kernel >= 6.20, -1 EBADF\n"
file kernel/d.scn "kernel >= 6.12\n$good"
plays 0 --kernel 6.21 kernel
says err '--kernel: model knows no kernel 6.21; it is played as 6.18'
says out '3 passed, 0 failed, 1 skipped, 0 errors'
says out 'does not hold for kernel 6.18'
plays 0 --kernel 6.7 kernel
says err 'it is played as 6.1,'
says out '2 passed, 0 failed, 2 skipped, 0 errors'
plays 0 --kernel 7.0 kernel/c.scn
plays 125 --kernel 5.9 kernel
says err '--kernel: model knows no kernel as old as 5.9'
silent out ok
plays 125 --kernel 5.4 --on socket kernel
says err '--kernel: socket knows no kernel as old as 5.4'
plays 0 --kernel 6.12 kernel
silent err kernel
plays 77 --kernel 6.1 kernel/b.scn kernel/d.scn
says out '0 passed, 0 failed, 2 skipped, 0 errors'
timeout 30 "$gntsim" fuzz --kernel 6.21 --ops 100 >out 2>err || bad "fuzz --kernel 6.21"
says err '--kernel: model knows no kernel 6.21; it is played as 6.18'
timeout 30 "$gntsim" fuzz --kernel 5.4 --ops 100 >out 2>err
[ $? = 125 ] || bad "fuzz --kernel 5.4"

# Nothing is judged.
for empty in '' '# nothing\n' 'domain dom0\n' 'domain dom0\nprocess A in dom0\n' \
	'domain dom0\nprocess A in dom0\nadvance 1s\n' 'domain dom0\nprocess A in dom0\nkill -9 A\n'; do
	file empty.scn "$empty"
	plays 125 empty.scn
	says out 'nothing is judged'
	plays 125 --tap empty.scn
	says out 'not ok 1 - empty.scn'
	says junit.xml '<error '
done
file pv.scn 'domain dom0 pv|pvh\nprocess A in dom0\nif pv: A: close(9) = -1 EBADF\n'
plays 0 pv.scn
says out '1 passed, 0 failed, 1 skipped, 0 errors'
plays 77 --guest pvh pv.scn
says out 'skipped pv.scn [dom0 pvh]: no call'
file loop.scn 'domain dom0\nprocess A in dom0\nfor i in 0..-1: A: close(9) = 0\n'
plays 77 loop.scn
plays 77 --tap --jobs 2 loop.scn loop.scn
fit 2
mkdir none
plays 125 none
says err 'no scenario (*.scn) there'
[ -s out ] && bad "expected no report"

# Names and texts that mean something to whoever reads a report.
mkdir names
newline='
'
esc=$(printf '\033')
for name in 'a # SKIP b' 'a # TODO b' 'a#skip' 'a\# SKIP b' "a${newline}ok 9 - b" "a${newline}Bail out!" \
	"a$(printf '\r')b" "a${esc}[31mb" "$(printf 'a\302\205b')" "$(printf 'a\377b')" "$(printf 'a\355\240\200b')" \
	"$(printf 'a\342\200\256b')" "$(printf 'a\357\277\277b')" 'a<b>&"c' "$(printf 'a\303\244b')"; do
	file "names/$name.scn" "$good"
	file "names/$name failed.scn" 'domain dom0\nprocess A in dom0\nA: close(9) = 0\n'
	file "names/$name broken.scn" 'domain dom0\nprocess A in dom0\nA: close(9 \033[31m \377 # SKIP\n'
	file "names/$name skipped.scn" "kernel >= 7.0\n$good"
done
plays 1 names
fit 60
says out '15 passed, 15 failed, 15 skipped, 15 errors'
says out "$(printf 'a\303\244b.scn')"
says out 'a \x23 SKIP b.scn'
says out 'a\\\x23 SKIP b.scn'
says out 'a\x0aok 9 - b.scn'
plays 1 --jobs 3 names
fit 60
plays 1 --no-tap -v names
python3 -c 'import re; t = open("out", "rb").read().decode(); assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", t)' ||
	bad "expected plain lines that are fit for a terminal"

# What is no scenario does not end a directory's play.
mkdir -p tree/deep tree/dir.scn tree/locked
for name in tree/a.scn tree/deep/b.scn tree/dir.scn/c.scn tree/locked/d.scn; do file $name "$good"; done
ln -s . tree/loop
ln -s self tree/self
ln -s ../deep tree/deep/again
ln -s self.scn tree/self.scn
ln -s nowhere tree/dangling
ln -s nowhere tree/dangling.scn
ln -s deep tree/other
ln -s a.scn tree/linked.scn
mkfifo tree/pipe.scn
ln -s /dev/zero tree/zero.scn
chmod 0 tree/locked
if [ "$(id -u)" = 0 ] && setpriv --reuid 65534 --clear-groups cat "$gntsim" >/dev/null 2>&1; then
	chmod 777 .
	locked=1
	timeout 30 setpriv --reuid 65534 --clear-groups "$gntsim" play --junit junit.xml tree >out 2>err
	got=$?
	what="gntsim play tree, as nobody"
	[ $got = 125 ] || bad "expected status 125, got $got"
elif [ "$(id -u)" != 0 ]; then
	locked=1
	plays 125 tree
else
	locked=0
	plays 125 tree
fi
chmod 755 tree/locked
for name in a deep/b linked; do
	grep -q "^ok [0-9]* - tree/$name.scn$" out || bad "expected $name.scn to pass"
done
for name in loop self deep/again self.scn dangling.scn dir.scn pipe.scn zero.scn; do
	grep -q "^not ok [0-9]* - tree/$name$" out || bad "expected $name to be an error"
done
[ $locked = 0 ] || grep -q "^not ok [0-9]* - tree/locked$" out || bad "expected locked to be an error"
silent out tree/dangling:
says out 'tree/loop: a loop of links'
says out 'tree/dir.scn: a directory with a scenario'
says out 'tree/pipe.scn: no regular file'
says out 'tree/dangling.scn: No such file or directory'
[ "$(grep -c '/b.scn$' out)" = 1 ] || bad "expected b.scn once"
plays 125 missing.scn tree/a.scn
says out 'passed  tree/a.scn'
says out 'missing.scn: No such file or directory'
# A pipe that somebody writes to can be named.
printf '%b' "$good" | timeout 30 "$gntsim" play /dev/stdin >out 2>err || bad "expected a pipe to be played"

echo "$cases cases, $failed failed"
[ $failed = 0 ]
