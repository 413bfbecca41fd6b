#!/bin/sh
# several-test.sh GNTSIM USE-DEVICES TERMINAL: programs beside each other on one machine: order, status,
# what one waits for, what they print, and that nothing of them stays.
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/script.sh"
gntsim=$(realpath "$1") use=$(realpath "$2") terminal=$(realpath "$3")
cd "$dir" || exit

# all_gone WHAT: nobody has the FIFO "held" open for writing any more, which every process of a run had
# as its descriptor 9. (Opened before anybody could have gone.)
hold() {
	rm -f held
	mkfifo held
	sh -c 'cat <held >seen; echo closed >>seen' &
	holder=$!
	exec 8>held
}
all_gone() {
	exec 8>&-
	for _ in $(seq 400); do
		grep -q closed seen 2>/dev/null && return
		sleep 0.05
	done
	kill $holder
	complain "$1: a process is left"
}

mkfifo go up
go='read -r x <go'

# Status: of the first, in order, whose own is not 0.
expect 0 "both 0" "$gntsim" run -- true ::: -- true
quiet
expect 3 "the second's" "$gntsim" run -- true ::: -- sh -c 'exit 3'
expect 3 "the first's, though it ends last" "$gntsim" run -- sh -c "$go; exit 3" ::: -- sh -c 'echo x >go; exit 4'
expect 139 "a signal's" "$gntsim" run -- true ::: sh -c 'kill -SEGV $$' ::: sh -c 'exit 2'
expect 0 "arguments are the programs' own" "$gntsim" run -- sh -c 'test "$*" = "--domain 9 --"' sh --domain 9 -- ::: --domain 1 -- sh -c 'test $GNTSIM_DOMAIN = 1'
expect 0 "another separator" "$gntsim" run --separator @ -- sh -c 'test "$1" = :::' sh ::: @ -- sh -c 'test "$1" = :::' sh :::
expect 0 "each in its domain, of its kind" "$gntsim" run --domain 1 --guest pv -- "$use" guest pv ::: --domain 2 -- "$use" guest pvh
expect 0 "two of one domain" "$gntsim" run --domain 1 --guest pv -- "$use" guest pv ::: --domain 1 -- "$use" guest pv
expect 0 "one trace of all" "$gntsim" run --trace calls --domain 1 -- "$use" clean ::: --domain 2 -- "$use" clean
for one in 1 2; do
	grep -q "^process .* in dom$one .*use-devices" calls || complain "one trace of all: nothing of domain $one: $(cat calls)"
done
expect 1 "leaks of any" "$gntsim" run --leaks=error --domain 1 -- "$use" clean ::: --domain 2 -- "$use" forget
says err "domain 2, use-devices"
says err "grant still allocated"
expect 1 "hazards" "$gntsim" run --hazards=error -- "$use" harm 1
says err "gntalloc-vma-close-walks-global-list"
expect 0 "hazards that are no error" "$gntsim" run -- "$use" harm 1
expect 0 "no hazard" "$gntsim" run --hazards=error -- "$use" clean
expect 1 "hazards of any" "$gntsim" run --hazards=error -- true ::: --domain 2 -- "$use" harm 1

# A program that can't be started ends the others.
hold
expect 127 "not found" "$gntsim" run -- sh -c 'exec sleep 1000 9>held' ::: -- ./nowhere
says err "gntsim: cannot run ./nowhere"
all_gone "not found"

# What is wrong is named.
expect 125 "nothing after" "$gntsim" run -- true :::
says err "gntsim run: expected a program after :::, found none"
expect 125 "nothing between" "$gntsim" run -- true ::: --domain 1 ::: true
says err "gntsim run: expected a program after :::, found :::"
expect 125 "nothing before" "$gntsim" run -- ::: true
says err "gntsim run: expected a program after the options, found :::"
for option in --trace=- --xenstore --kernel=6.1 --frames=9 --leaks --hazards=error --front=fuse --assist=no --socket=x --tag --separator=x --verbose --patience=3; do
	expect 125 "$option after :::" "$gntsim" run -- true ::: $option -- true
	says err "gntsim run: ${option%=*} after :::: it is the machine's, and stands before the first program"
done
for option in limit gntalloc-limit gntdev-limit free-per-iteration grant-frames maptrack-frames ports; do
	expect 125 "--$option of no domain" "$gntsim" run -- true ::: --$option 3 -- true
	says err "gntsim run: --$option after ::: is a domain's: it stands after --domain, or before the first program for all domains"
done
expect 125 "two guests" "$gntsim" run --domain 1 --guest pv -- true ::: --domain 1 --guest pvh -- true
says err "gntsim run: --guest: domain 1 is pv and pvh"
expect 125 "two limits" "$gntsim" run --domain 1 --ports 5 -- true ::: --domain 1 --ports 6 -- true
says err "gntsim run: --ports: domain 1 has 5 and 6"
expect 125 "no separator" "$gntsim" run --separator '' -- true
says err "gntsim run: --separator: expected a word"
expect 125 "no regular expression" "$gntsim" run --wait-for 'a(' -- true ::: true
says err "gntsim run: --wait-for: 'a(' is no regular expression:"
expect 125 "nobody waits" "$gntsim" run --wait-for a -- true ::: --wait-for b -- true
says err "gntsim run: --wait-for 'b': no program comes after true"
expect 125 "patience for nothing" "$gntsim" run --wait-patience 3 -- true ::: true
says err "gntsim run: --wait-patience needs --wait-for"
expect 125 "--hazards=x" "$gntsim" run --hazards=x -- true
says err "--hazards: expected error, found 'x'"

# --wait-for: the next starts when the line is there. (The first can only end when the second is there.)
expect 0 "a line" "$gntsim" run --wait-for '^re+ady$' -- sh -c "echo not ready; echo ready; $go" ::: sh -c 'echo x >go'
printf 'not ready\nready\n' | cmp - out || complain "a line: it is passed on"
expect 0 "a line on stderr" "$gntsim" run --wait-for ready -- sh -c "echo ready >&2; $go" ::: sh -c 'echo x >go'
says err ready
expect 0 "a line in pieces" "$gntsim" run --wait-for '^ready$' -- sh -c "printf rea; printf 'dy\n'; $go" ::: sh -c 'echo x >go'
expect 0 "a line without an end, then the end" "$gntsim" run --wait-for '^ready$' -- printf ready ::: true
expect 0 "the same, and who may print yet" "$gntsim" run --wait-for '^ready$' -- sh -c 'printf ready; sleep 1000 &' ::: true
expect 0 "the same with --tag" "$gntsim" run --tag --wait-for '^ready$' -- printf ready ::: true
[ "$(cat out)" = "dom0 printf| ready" ] || complain "with --tag: $(cat out)"
expect 0 "each waits for the one before" "$gntsim" run --wait-for one -- sh -c "echo one; $go" ::: --wait-for two -- echo two ::: sh -c 'echo x >go'
# Bytes that are no text, and no line: as they come.
head -c 300000 /dev/urandom >random
expect 0 "any bytes" "$gntsim" run --wait-for '^the end$' -- sh -c "cat random; echo; echo the end; $go" ::: sh -c 'echo x >go'
{
	cat random
	echo
	echo the end
} | cmp - out || complain "any bytes: they are not passed on as they are"
# A prompt is seen before it is answered, and both streams have one order where they are one file.
# shellcheck disable=SC2016
expect 0 "a prompt" sh -c 'mkfifo answer; "$1" run --wait-for none -- sh -c "printf \"name? \"; read -r n <answer; echo \$n none" ::: true |
	{ printf "%s" "$(head -c 6)" >asked; echo you >answer; cat; }' sh "$gntsim"
[ "$(cat asked)" = "name? " ] || complain "a prompt: $(cat asked)"
says out "you none"
# shellcheck disable=SC2016
expect 0 "one order" sh -c '"$1" run --wait-for 9 -- sh -c "for i in 1 2 3 4 5 6 7 8 9; do echo \$i; echo e\$i >&2; done" ::: true 2>&1' sh "$gntsim"
[ "$(tr -d '\n' <out)" = 1e12e23e34e45e56e67e78e89e9 ] || complain "one order: $(cat out)"

hold
expect 125 "it ends first" "$gntsim" run -- sh -c 'exec sleep 1000 9>held' ::: --wait-for 'rea.y' -- sh -c 'echo no; exit 6' ::: -- sh -c 'echo started'
says err "gntsim: sh ended (status 6) without having printed a line that matches 'rea.y' (--wait-for)"
! grep -q started out || complain "it ends first: the next was started"
all_gone "it ends first"
hold
expect 125 "it never comes" "$gntsim" run --wait-for ready --wait-patience 1 -- sh -c 'exec sleep 1000 9>held' ::: -- sh -c 'echo started'
says err "gntsim: sh has not printed a line that matches 'ready' within 1 second (--wait-for, --wait-patience)"
! grep -q started out || complain "it never comes: the next was started"
all_gone "it never comes"

# Output without a need for a pipe: the very same descriptors, and no others.
expect 0 "the same file" "$gntsim" run -- sh -c 'test /proc/self/fd/1 -ef out' ::: sh -c 'test /proc/self/fd/2 -ef err; test /proc/self/fd/1 -ef out'
ls /proc/self/fd >want
for options in "" --tag "--wait-for 3"; do
	# shellcheck disable=SC2086
	expect 0 "descriptors, $options" "$gntsim" run $options -- ls /proc/self/fd ::: ls /proc/self/fd
	for _ in 1 2; do cat want; done | sort >twice
	sed 's/^dom0 ls| //' out | sort | cmp - twice || complain "descriptors, $options: $(cat out)"
done

# --tag
expect 0 "tags" "$gntsim" run --tag --domain 1 -- sh -c 'echo a; echo b >&2; echo; printf part; printf ly' ::: --domain 2 -- /bin/echo hello
sort out >sorted
printf 'dom1 sh| \ndom1 sh| a\ndom1 sh| partly\ndom2 echo| hello\n' | sort | cmp - sorted || complain "tags: $(cat out)"
printf 'dom1 sh| b\n' | cmp - err || complain "tags: $(cat err)"
expect 5 "tags of one" "$gntsim" run --tag --domain 3 sh -c 'echo a; exit 5'
says out "dom3 sh| a"
# 1 MiB from each of two, in lines of all lengths and writes of any.
cat >lines.py <<'P'
import os, random, sys
random.seed(sys.argv[1])
text = b''.join(sys.argv[1].encode() * random.choice((0, 1, 7, 80, 3000)) + b'\n' for _ in range(1700))
while text:
    n = os.write(1, text[:random.randrange(1, 5000)])
    text = text[n:]
P
expect 0 "1 MiB from two" "$gntsim" run --tag --domain 1 -- python3 lines.py a ::: --domain 2 -- python3 lines.py b
for one in "1 a" "2 b"; do
	sed -n "s/^dom${one% *} python3| //p" out >got
	python3 lines.py "${one#* }" | cmp - got || complain "1 MiB from two: what domain ${one% *} printed is not whole"
done
[ "$(wc -c <out)" -gt 2000000 ] && [ "$(wc -l <out)" = 3400 ] || complain "1 MiB from two: $(wc out)"
expect 0 "a line of 3 MiB" "$gntsim" run --tag -- sh -c 'head -c 3145728 /dev/zero'
[ "$(grep -ac '^dom0 sh| ' out)" = 3 ] && [ "$(tr -dc '\0' <out | wc -c)" = 3145728 ] || complain "a line of 3 MiB: $(wc out)"
# shellcheck disable=SC2016
expect 0 "nobody reads" sh -c '"$1" run --tag -- sh -c "yes; test \$? = 141" | head -n 1' sh "$gntsim"
says out "dom0 sh| y"
if [ -w /dev/full ]; then
	expect 141 "a full disk" sh -c '"$1" run --tag -- yes >/dev/full' sh "$gntsim"
	says err "gntsim: cannot pass on what a program prints: No space left on device"
fi

# A machine that is served.
start machine "$gntsim" serve --socket machine
expect 4 "joined" "$gntsim" run --socket machine --wait-for ready --domain 1 -- sh -c "echo ready; '$use' clean; $go" ::: --domain 2 sh -c "'$use' clean; echo x >go; exit 4"
expect 0 "domains are there" "$gntsim" status --socket machine
says out "domains 3"
expect 1 "leaks of a served one's" "$gntsim" run --socket machine --leaks=error --domain 1 -- "$use" clean ::: --domain 2 -- "$use" forget
says err "domain 2, use-devices"
expect 125 "not the machine's" "$gntsim" run --socket machine --hazards=error -- true ::: true
says err "belong to the machine: give them to 'gntsim serve'"
stop machine TERM
start machine "$gntsim" serve --socket machine --hazards=error
expect 0 "harm to it" "$gntsim" run --socket machine -- "$use" harm 1
stop machine TERM
[ $got = 1 ] || complain "serve --hazards=error: status $got"

# Unassisted programs share the machine's one tree.
if "$gntsim" run --front fuse --assist=no -- true 2>why; then
	expect 0 "unassisted" "$gntsim" run --verbose --front fuse --assist=no --domain 1 -- sh -c 'test -e /dev/xen/evtchn && exec 3<>/dev/xen/gntalloc' ::: \
		--domain 2 -- sh -c 'exec 3<>/dev/xen/gntdev'
	! grep 'left .* running' err || complain "unassisted: the machine's own process counts as theirs"
	mkdir tmp
	expect 0 "nothing stays" env TMPDIR="$dir/tmp" "$gntsim" run --front fuse --assist=no --tag true
	[ -z "$(ls -A tmp)" ] || complain "nothing stays: $(ls -A tmp)"
else
	echo "unassisted programs are not tried: $(cat why)"
fi

# Whatever ends it, nothing stays: not what has a session of its own, not what heeds no signal.
several() { # SIGNALS that are not heeded, OPTION...
	deaf=$1
	shift
	# shellcheck disable=SC2016
	"$gntsim" run "$@" -- sh -c 'exec 9>held; setsid sleep 1000 & exec sleep 1000' ::: \
		--domain 1 -- setsid -w sh -c "exec 9>held; trap '' $deaf; (sleep 1000 &); sleep 1000 & echo >up; wait; sleep 1000" &
	echo $! >run.pid
	read -r _ <up
}
for signal in INT TERM HUP; do
	hold
	several USR1 >/dev/null 2>&1
	stop run $signal
	all_gone "SIG$signal"
	[ $got -gt 128 ] || complain "SIG$signal: status $got"
done
hold
several "INT TERM HUP" --tag >/dev/null 2>&1
stop run TERM
all_gone "deaf to SIGTERM"
hold
# Without output in a pipe: who holds that would be waited for here.
"$gntsim" run --verbose -- sh -c 'exec 9>held; (setsid sleep 1000 &)' ::: sh -c 'exec 9>held; (sleep 1000 &)' >daemons 2>&1 || complain "daemons: status $?"
grep -q 'gntsim: the programs left . process.* running: told to end' daemons || complain "daemons: $(cat daemons)"
all_gone "daemons"
hold
"$gntsim" run -- sh -c 'exec 9>held; exec sleep 1000' ::: sh -c 'exec 9>held; echo >up; exec sleep 1000' >/dev/null 2>&1 &
echo $! >run.pid
read -r _ <up
stop run KILL
all_gone "SIGKILL"
mkdir -p left
hold
expect 143 "before the second is there" env TMPDIR="$dir/left" "$gntsim" run --wait-for never -- sh -c 'exec 9>held; kill -TERM $PPID; exec sleep 1000' ::: true
all_gone "before the second is there"
[ -z "$(ls -A left)" ] || complain "left in TMPDIR: $(ls -A left)"

# Ctrl-C at a terminal: once to those in the foreground, and to the others too.
python3 "$terminal" "$gntsim" >terminal.out 2>&1 || complain "at a terminal: $(cat terminal.out)"
[ $failed = 0 ]
