#!/bin/sh
# doctor-test.sh GNTSIM: what works here is said to, and of what does not, why, and what to do.
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/script.sh"
gntsim=$(realpath "$1")
limit=300

expect 0 "a host" "$gntsim" doctor
says out "socket           works "
quiet
grep -qE "^fuse-unassisted +(works|no) " "$dir/out" || complain "$what: nothing said of fuse-unassisted"

expect 0 "JSON" "$gntsim" doctor --json
python3 - "$dir/out" <<'END' || complain "$what: not as the manual has it"
import json, sys
d = json.load(open(sys.argv[1]))
assert d["type"] == "gntsim-doctor" and d["version"] == 1
parts = {p["name"]: p for p in d["parts"]}
assert list(parts) == "socket ptrace fuse fuse-unassisted cuse stores xenstore xen".split(), parts
assert parts["socket"]["works"] is True and "why" not in parts["socket"]
assert all(p["works"] or p["why"] for p in d["parts"])
END

mkdir "$dir/tmp"
expect 0 "no QEMU" env PATH=/nowhere TMPDIR="$dir/tmp" "$gntsim" doctor
[ -z "$(ls "$dir/tmp")" ] || complain "$what: left behind: $(ls "$dir/tmp")"
says out "xen              no "
! grep -q "cannot run true" "$dir/out" || complain "$what: it takes others' programs: $(cat "$dir/out")"
says out "qemu-system-x86_64 is not installed"
says out "to have it: apt-get install qemu-system-x86"

# In a user namespace alone no tree can be mounted for all to see; gntsim run mounts in a namespace of its own.
if unshare -Ur "$gntsim" run --front fuse --assist=no -- true 2>/dev/null; then
	expect 0 "a user namespace" unshare -Ur "$gntsim" doctor
	says out "fuse-unassisted  works "
	expect 0 "no static player" env GNTSIM_PLAY_STATIC=/nowhere "$gntsim" doctor
	says out "fuse-unassisted  works "
fi

# Tracing is not allowed: the fronts that do without work.
if command -v strace >/dev/null; then
	expect 0 "under strace" strace -f -o /dev/null "$gntsim" doctor
	says out "ptrace           no "
	says out "to have it: do not run under gdb or strace"
	says out "socket           works "
fi

# What every machine needs is said first: no other advice helps.
expect 1 "few descriptors" sh -c 'ulimit -n 16; "$1" doctor' sh "$gntsim"
says out "only 16 open files are allowed"
says out "to have it: allow more open files"
! grep -qE "to have it: (do not run under|apt-get install xen-)" "$dir/out" || complain "$what: advice that does not help"
if unshare --user --map-root-user --mount true 2>/dev/null; then
	expect 1 "no /proc" unshare --user --map-root-user --mount sh -c "mount -t tmpfs none /proc && $gntsim doctor"
	says out "is /proc mounted?"
	says out "to have it: mount -t proc proc /proc"
fi

# No /dev/fuse. What is mounted here is seen by us alone.
if unshare --user --map-root-user --mount true 2>/dev/null; then
	expect 0 "no /dev/fuse" unshare --user --map-root-user --mount \
		sh -c "mount -t tmpfs none /dev && mknod /dev/null c 1 3 2>/dev/null; : >/dev/null; $gntsim doctor"
	says out "fuse             no "
	says out "/dev/fuse: No such file or directory"
	says out "to have it: modprobe fuse, as root; in a container: --device /dev/fuse"
fi

expect 125 "a word" "$gntsim" doctor well
says err "expected no other word, found 'well'"
expect 125 "no directory" env TMPDIR="$dir/none" "$gntsim" doctor
says err "$dir/none"
[ $failed = 0 ]
