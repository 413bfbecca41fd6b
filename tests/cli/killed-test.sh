#!/bin/sh
# killed-test.sh GNTSIM: whom SIGKILL of gntsim run takes with it, on each front, and whom not.
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/script.sh"
gntsim=$(realpath "$1")
first=$dir/first.pid second=$dir/second.pid

# until_true COMMAND...: a bounded wait.
until_true() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 400 ] || return
		sleep 0.05
	done
}
# Who has ended may have nobody who waits for him.
is_gone() {
	! grep -q '^State:[^ZX]*$' "/proc/$1/status" 2>/dev/null
}
are_there() {
	[ -s "$first" ] && [ -s "$second" ]
}

# kill_run WHAT OPTION...: a program that has started another, and is killed with who runs it.
kill_run() {
	what=$1
	shift
	rm -f "$first" "$second"
	# shellcheck disable=SC2016,SC2086
	"$gntsim" run "$@" -- $as sh -c 'sleep 1000 & echo $! >"$2"; echo $$ >"$1"; wait' sh "$first" "$second" \
		>"$dir/out" 2>"$dir/err" &
	run=$!
	until_true are_there || {
		complain "$what: it did not start: $(cat "$dir/err")"
		return
	}
	kill -KILL $run
	wait $run 2>/dev/null
}

as=
for front in socket ptrace fuse cuse; do
	"$gntsim" run --front $front -- true 2>"$dir/err" || {
		echo "(not on $front: $(tail -n 1 "$dir/err"))"
		continue
	}
	kill_run "on $front" --front $front
	until_true is_gone "$(cat "$first")" || complain "$what: the program was left"
	is_gone "$(cat "$second")" && complain "$what: what the program has started went with it"
	kill -KILL "$(cat "$second")"
done
kill_run "one of several" --tag
until_true is_gone "$(cat "$first")" || complain "$what: the program was left"
kill -KILL "$(cat "$second")"

# What it leaves the next run removes, but nothing that is another's, or alive, or was made a moment ago.
mkdir "$dir/tmp" "$dir/free"
mkfifo "$dir/go"
socket_in() {
	find "$dir/$1" -name 'gntsim-*' -type s | grep .
}
TMPDIR=$dir/tmp kill_run "a socket"
kill -KILL "$(cat "$second")"
left=$(socket_in tmp) || complain "$what: a killed run leaves none: this tests nothing"
TMPDIR=$dir/free "$gntsim" run -- sh -c "echo >'$dir/alive'; read line <'$dir/go'" &
alive=$!
until_true test -e "$dir/alive"
mv "$(socket_in free)" "$dir/tmp/gntsim-0123456789abcdef"
cp -a "$left" "$left-other"
cp -a "$left" "$dir/tmp/gntsim-fedcba9876543210"
touch -hcd '2 minutes ago' "$dir"/tmp/*
touch -hc "$left"
# A program that waits for what its run removes meanwhile.
gone=$dir/tmp/gntsim-fedcba9876543210
export gone
# shellcheck disable=SC2016
run_until_gone() {
	TMPDIR=$dir/tmp "$gntsim" run -- sh -c 'n=0; while [ -e "$gone" ]; do n=$((n + 1)); [ $n -lt 400 ] || exit; sleep 0.05; done'
}
run_until_gone
[ ! -e "$gone" ] || complain "$what: an old one is there still"
[ -e "$left" ] || complain "$what: it is removed, and is not old"
touch -hcd '2 minutes ago' "$left"
gone=$left
run_until_gone
[ ! -e "$left" ] || complain "$what: it is there still"
[ -e "$left-other" ] || complain "$what: another's name is removed"
[ -e "$dir/tmp/gntsim-0123456789abcdef" ] || complain "$what: one that is alive is removed"
echo >"$dir/go"
wait $alive

# As the manual has it.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 777 "$dir"
	as="setpriv --reuid=65534 --regid=65534 --clear-groups"
	kill_run "another user"
	is_gone "$(cat "$first")" && complain "$what: it went with who ran it"
	kill -KILL "$(cat "$first")" "$(cat "$second")"
fi
rm -f "$first" "$second"
[ $failed = 0 ]
