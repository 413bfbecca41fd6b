#!/bin/sh
# The gntsim command as its users meet it: exit statuses, messages, leaks, a served machine.
# usage: cli-test.sh GNTSIM BROKEN_MACHINE USE_DEVICES
set -u
gntsim=$(realpath "$1") broken=$(realpath "$2") use=$(realpath "$3")
dir=$(mktemp -d)
trap 'kill $(cat "$dir"/*.pid 2>/dev/null) 2>/dev/null; rm -rf "$dir"' EXIT
failed=0

# expect STATUS WHAT COMMAND...; stdout and stderr go to $dir/out and $dir/err.
expect() {
	want=$1 what=$2
	shift 2
	timeout 30 "$@" >"$dir/out" 2>"$dir/err"
	got=$?
	[ $got = "$want" ] && return
	failed=$((failed + 1))
	echo "$what: expected status $want, got $got"
	sed 's/^/    /' "$dir/out" "$dir/err"
}
# says FILE TEXT: the last command's out or err holds the text.
says() {
	grep -qF -e "$2" "$dir/$1" && return
	failed=$((failed + 1))
	echo "$what: expected '$2' on std$1, got:"
	sed 's/^/    /' "$dir/$1"
}
quiet() {
	[ ! -s "$dir/err" ] && return
	failed=$((failed + 1))
	echo "$what: expected nothing on stderr, got:"
	sed 's/^/    /' "$dir/err"
}

expect 0 "the program's own 0" "$gntsim" run -- true
quiet
expect 7 "the program's own status" "$gntsim" run -- sh -c 'exit 7'
expect 137 "killed by SIGKILL" "$gntsim" run -- sh -c 'kill -9 $$'
expect 143 "killed by SIGTERM" "$gntsim" run -- sh -c 'kill -15 $$'
expect 127 "no such program" "$gntsim" run -- /nonexistent/program
says err "gntsim: cannot run /nonexistent/program"
expect 126 "not executable" "$gntsim" run -- /etc/passwd
expect 125 "no program" "$gntsim" run
says err "no program to run"
expect 125 "bad option" "$gntsim" run --nonsense -- true
says err "gntsim run: no option --nonsense"
expect 125 "bad domain" "$gntsim" run --domain 32752 -- true
says err "expected a number from 0 to 32751, found '32752'"
expect 125 "bad guest" "$gntsim" run --guest hvm -- true
says err "expected pv or pvh, found 'hvm'"
expect 125 "bad command" "$gntsim" frobnicate
expect 125 "no machine" "$gntsim" run --socket "$dir/none" -- true
says err "no machine at $dir/none"
expect 0 "version" "$gntsim" --version
says out "gntsim "
for command in run serve status control timeline; do
	expect 0 "$command --help" "$gntsim" $command --help
	says out "usage: gntsim $command"
done

# shellcheck disable=SC2016
expect 0 "the descriptor limit is the caller's" sh -c 'ulimit -Sn 512; "$1" run -- sh -c "test \$(ulimit -Sn) = 512"' sh "$gntsim"
expect 0 "options after -- are the program's" "$gntsim" run -- sh -c 'test "$1" = --domain' sh --domain
expect 0 "devices in a shell's child" "$gntsim" run -- sh -c '"$1" clean; :' sh "$use"
expect 0 "no leak" "$gntsim" run --leaks=error -- "$use" clean
quiet
expect 0 "leaks are reported" "$gntsim" run --leaks -- "$use" forget
says err "leak: domain 0, use-devices (process "
says err "grant still allocated: reference 8 to domain 1 (read-write)"
says err "memory still mapped: gntalloc, 1 page(s)"
expect 1 "leaks are an error" "$gntsim" run --leaks=error -- "$use" forget
expect 3 "the program's failure goes before leaks" "$gntsim" run --leaks=error -- "$use" forget 3
expect 0 "the limit" "$gntsim" run --limit 4 -- "$use" limit 4
expect 0 "PV by default" "$gntsim" run -- "$use" guest pv
expect 0 "PVH when asked" "$gntsim" run --guest pvh -- "$use" guest pvh
expect 0 "domain 3 is PVH by default" "$gntsim" run --domain 3 -- "$use" guest pvh

# A served machine.
serve() {
	mkfifo "$dir/ready"
	"$gntsim" serve --socket "$dir/s" "$@" >"$dir/ready" 2>"$dir/serve.err" &
	echo $! >"$dir/serve.pid"
	read -r line <"$dir/ready"
	rm "$dir/ready"
	[ "$line" = "gntsim: serving $dir/s" ] || {
		echo "serve said '$line'"
		failed=$((failed + 1))
	}
}
stop() {
	kill -"$1" "$(cat "$dir/serve.pid")"
	wait "$(cat "$dir/serve.pid")"
	got=$?
	[ $got = "$2" ] || {
		echo "serve: expected status $2 after SIG$1, got $got"
		failed=$((failed + 1))
	}
}
serve
expect 0 "join" "$gntsim" run --socket "$dir/s" --domain 1 -- "$use" clean
expect 125 "a socket that the tree would hide" timeout -k 1 20 "$gntsim" serve --socket "$dir/below" --mount "$dir"
says err "would hide it"
expect 125 "somebody listens there" "$gntsim" serve --socket "$dir/s"
says err "Address already in use"
expect 125 "another guest type" "$gntsim" run --socket "$dir/s" --domain 1 --guest pv -- true
says err "the domain exists with another guest type"
expect 0 "status" "$gntsim" status --socket "$dir/s"
says out "domains 2"
says out "grants 0"
expect 0 "destroy" "$gntsim" control --socket "$dir/s" destroy 1
expect 125 "destroy nothing" "$gntsim" control --socket "$dir/s" destroy 1
says err "no such domain"
expect 0 "limit" "$gntsim" control --socket "$dir/s" limit 0 4
expect 0 "limit took effect" "$gntsim" run --socket "$dir/s" -- "$use" limit 4
expect 0 "relative path, program elsewhere" sh -c 'cd "$1" && "$2" run --socket s -- sh -c "cd / && $3 clean"' sh "$dir" "$gntsim" "$use"
expect 137 "a domain's processes die with it" "$gntsim" run --socket "$dir/s" --domain 5 -- \
	"$use" die "$gntsim" "$dir/s" 5
stop TERM 0
[ ! -e "$dir/s" ] || {
	echo "the socket is left behind"
	failed=$((failed + 1))
}
serve
kill -9 "$(cat "$dir/serve.pid")"
wait "$(cat "$dir/serve.pid")" 2>/dev/null
serve # takes the place of the dead one
expect 0 "dead broker" "$gntsim" run --socket "$dir/s" -- "$broken" "$(cat "$dir/serve.pid")"
says err "gntsim: the machine is gone"
[ "$(grep -c 'machine is gone' "$dir/err")" = 1 ] || {
	echo "dead broker: expected one line, got:"
	cat "$dir/err"
	failed=$((failed + 1))
}
rm -f "$dir/s"

# Nothing is left behind by private machines either.
mkdir "$dir/tmp"
expect 0 "TMPDIR" env TMPDIR="$dir/tmp" "$gntsim" run -- "$use" clean
[ -z "$(ls "$dir/tmp")" ] || {
	echo "left in TMPDIR: $(ls "$dir/tmp")"
	failed=$((failed + 1))
}

# What can't be played here is neither a pass nor a failure.
printf 'domain dom0\nprocess A in dom0\nA: close(9) = -1 EBADF\n' >"$dir/one.scn"
expect 0 "play" "$gntsim" play "$dir/one.scn"
if [ ! -e /dev/cuse ]; then
	expect 77 "no /dev/cuse" "$gntsim" play --on cuse "$dir/one.scn"
	says err "skipped: /dev/cuse"
	expect 77 "no /dev/cuse, TAP" "$gntsim" play --on cuse --tap "$dir/one.scn"
	says out "1..0 # SKIP /dev/cuse"
fi
# Whoever doubts that it is needed is right.
printf 'needs munmap\ndomain dom0\nprocess A in dom0\nA: close(9) = -1 EBADF\n' >"$dir/needs.scn"
if [ -w /dev/fuse ] && "$gntsim" run --front fuse -- true 2>/dev/null; then
	expect 77 "a need that fuse-unassisted lacks" "$gntsim" play --on fuse-unassisted "$dir/needs.scn"
	says out "can't do munmap"
	expect 1 "the same, doubted" "$gntsim" play --on fuse-unassisted --doubt "$dir/needs.scn"
	says out "but it passes"
fi
[ $failed = 0 ] || exit 1
