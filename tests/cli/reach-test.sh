#!/bin/sh
# A machine that lives is reached, or it is said what is in the way: from another directory, under a
# sandbox that a program was started in.
# usage: reach-test.sh GNTSIM USE_DEVICES STATIC
set -u
gntsim=$(realpath "$1") use=$(realpath "$2") static=$(realpath "$3")
dir=$(mktemp -d)
trap 'kill "$(cat "$dir/pid" 2>/dev/null)" 2>/dev/null; rm -rf "$dir"' EXIT
failed=0

# expect STATUS WHAT COMMAND...
expect() {
	want=$1 what=$2
	shift 2
	timeout -k 5 30 "$@" >"$dir/out" 2>&1
	got=$?
	[ $got = "$want" ] && return
	failed=$((failed + 1))
	echo "$what: expected status $want, got $got"
	sed 's/^/    /' "$dir/out"
}
says() {
	grep -qF -e "$1" "$dir/out" && return
	failed=$((failed + 1))
	echo "$what: expected '$1', got:"
	sed 's/^/    /' "$dir/out"
}

cd "$dir" || exit 99
mkdir tmp
expect 0 "a relative TMPDIR" env TMPDIR=tmp "$gntsim" run -- sh -c "cd / && $use clean"
[ -z "$(ls tmp)" ] || {
	echo "left behind: $(ls tmp)"
	failed=$((failed + 1))
}
printf 'domain dom0\nprocess A in dom0\nA: ga = open("/dev/xen/gntalloc", O_RDWR)\n' >open.scn
expect 0 "play, a relative TMPDIR" env TMPDIR=tmp "$gntsim" play --on socket open.scn
# What it had there it removes itself.
expect 0 "play, no rm" env TMPDIR=tmp PATH=/nowhere "$gntsim" play --on socket open.scn
[ -z "$(ls tmp)" ] || {
	echo "$what: left behind: $(ls tmp)"
	failed=$((failed + 1))
}

# A program with rights of its own is not reached: that is said, of who executes it.
if [ "$(id -u)" = 0 ] && cp /bin/true own && chown 65534 own && chmod 4755 own; then
	if findmnt -n -o OPTIONS -T . 2>/dev/null | grep -q nosuid; then
		echo "(no set-user-ID here: not tried)"
	else
		for how in './own' 'exec ./own' 'PATH=. own'; do
			expect 0 "$how" "$gntsim" run -- sh -c "$how"
			says "own is executed with rights of its own, set-user-ID: no library can be preloaded into it"
		done
	fi
fi

# Nor is a static one: once for each, whoever executes it.
ln -s "$static" static
ln -s "$static" another
told='is a static program: no library can be preloaded into it, and it finds no devices on the socket front'
# count N: as many lines.
count() {
	[ "$(grep -c 'gntsim: .*no library' out)" = "$1" ] && return
	failed=$((failed + 1))
	echo "$what: expected $1 lines, got:"
	cat out
}
for how in './static --help' 'exec ./static --help' 'PATH=. static --help'; do
	expect 0 "$how" "$gntsim" run -- sh -c "$how"
	says "static $told"
	count 1
done
expect 0 "twice" "$gntsim" run -- sh -c './static --help; (./static --help); sh -c "./static --help"'
count 1
expect 0 "two" "$gntsim" run -- sh -c './static --help; ./another --help; ./static --help'
says "./another $told"
count 2
for how in open at in; do
	expect 0 "exec-$how" "$gntsim" run -- "$use" exec-$how static --help
	says "$told"
	count 1
done
expect 0 "opened for a dynamic one" "$gntsim" run -- "$use" exec-open "$use" clean
count 0
# It would not miss the devices, whose names it does not have.
sed 's|/dev/xen/|/dev/Xen/|g' "$static" >without && chmod +x without
expect 0 "one that names no device" "$gntsim" run -- ./without --help
expect 0 "the same below a shell" "$gntsim" run -- sh -c './without --help; ./without --help'
count 0
expect 0 "the same, --verbose" "$gntsim" run --verbose -- sh -c './without --help; ./without --help'
count 1
# (It is read in pieces of 4096 bytes, the first, and 4088.)
size=$(stat -c %s without)
for at in 1 4 8 9; do
	cp without within
	truncate -s $((4096 + 4088 * (size / 4088 + 1) - at)) within
	printf '/dev/xen/' >>within
	expect 0 "a name in two pieces, $at" "$gntsim" run -- sh -c './within --help'
	count 1
done
# Below another root nobody can be asked whether it was told.
mkdir root && cp "$static" root/static
if [ "$(id -u)" = 0 ]; then
	expect 0 "below another root" "$gntsim" run -- chroot root /static --help
	count 1
fi
expect 0 "one that leaves the machine" "$gntsim" run -- env GNTSIM_SOCKET= ./static --help
count 0
expect 0 "in turns" "$gntsim" run --schedule 1 -- sh -c './static --help; ./static --help' ::: -- sh -c './static --help'
count 1
expect 0 "on ptrace" "$gntsim" run --front ptrace -- sh -c './static --help'
count 0
expect 0 "a dynamic one" "$gntsim" run -- sh -c "$use clean"
count 0

# Parent and child by turns, from one memory.
for how in vfork vfork-later; do
	expect 0 "$how" "$gntsim" run -- "$use" $how
done

# The program gives back what it reserved, and with it all that came into a hole in it.
for front in socket ptrace; do
	expect 0 "a hole, on $front" "$gntsim" run --front $front -- "$use" hole
done
expect 0 "a hole, traced" "$gntsim" run --trace trace -- "$use" hole

# A path that is short from here, and too long from elsewhere.
deep=$(printf '%0100d' 0)
mkdir "$deep"
mkfifo ready
"$gntsim" serve --socket "$dir/s" >ready &
echo $! >pid
read -r _ <ready
ln "$dir/s" "$deep/s"
expect 125 "a socket too far down" sh -c "cd $deep && exec $gntsim run --socket s -- $use clean"
says "the socket's path is too long"
expect 0 "the same by its short path" sh -c "cd $deep && exec $gntsim run --socket ../s -- $use clean"

for call in getsockopt getpeername sendmsg rt_sigprocmask process_vm_readv process_vm_writev madvise \
	prlimit64 fcntl; do
	expect 0 "without $call" "$gntsim" run -- "$use" without $call
done
expect 2 "without recvmsg" "$gntsim" run -- "$use" without recvmsg
says "recvmsg: not permitted"
for call in socket connect; do
	expect 2 "without $call" "$gntsim" run -- "$use" without $call
	says "gntsim: cannot reach the machine at"
	says "$call: not permitted"
	says "Operation not permitted"
done
if [ -w /dev/fuse ] && "$gntsim" run --front fuse -- true 2>/dev/null; then
	for call in fstat getsockopt "fstat getsockopt"; do
		# shellcheck disable=SC2086
		expect 0 "on FUSE, without $call" "$gntsim" run --front fuse -- "$use" without $call
	done
	expect 0 "on FUSE, from a child of vfork" "$gntsim" run --front fuse -- "$use" vfork
	expect 0 "on FUSE, from a child of vfork, later" "$gntsim" run --front fuse -- "$use" vfork-later
	[ ! -s "$dir/out" ] || {
		echo "from a child of vfork: $(cat "$dir/out")"
		failed=$((failed + 1))
	}
fi

# What the environment says, and means nothing.
for set in GNTSIM_GUEST=xx GNTSIM_DOMAIN=foo GNTSIM_DOMAIN=1x GNTSIM_DOMAIN=; do
	expect 2 "$set" "$gntsim" run -- env "$set" "$use" clean
	says "gntsim: cannot reach the machine at"
	says "${set%%=*} is"
done
[ $failed = 0 ] || exit 1
