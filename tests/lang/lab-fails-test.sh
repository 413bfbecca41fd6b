#!/bin/sh
# SPDX-License-Identifier: MIT
# gntsim play --on xen where the lab or a file is not as it should be: what is said of each scenario. $1: gntsim,
# $2: scenarios.
set -eu
gntsim=$1 scenarios=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/lab" <<'END'
#!/bin/sh
# Does what WHAT says, and has no stages.
[ "$1" != stage ] || exit 125
if [ "$WHAT" = later ] && [ -e "$0.once" ]; then
	echo "xen-lab: no room" >&2
	exit 125
fi
: >"$0.once"
echo "TAP version 13"
n=0
for word; do
	case $word in /lab/s/*.scn) ;; *) continue ;; esac
	n=$((n + 1))
	case $WHAT in
	note)
		echo "a word of the lab's" >&2
		echo "domU: exit 0" >&2
		;;
	crash)
		echo "xen-lab: a guest crashed: BUG: here; the console is in /x" >&2
		exit 126
		;;
	short) exit 1 ;;
	slow) exec sleep 60 ;;
	esac
	echo "ok $n - $word"
done
END
chmod 755 "$dir/lab"
export GNTSIM_XEN_LAB="$dir/lab" GNTSIM_PLAY_STATIC="$dir/lab"
# script NAME DOMAIN [NEEDS]
script() {
	printf '%s\ndomain %s\nprocess A in dom0\nA: close(9) = -1 EBADF\n' "${3:-}" "$2" >"$dir/$1.scn"
}
script a dom0
script b dom0
# play STATUS WHAT [OPTION]... FILE...
play() {
	status=$1 WHAT=$2 got=0
	export WHAT
	shift 2
	"$gntsim" play --on xen --no-tap "$@" >"$dir/out" 2>&1 || got=$?
	[ $got = "$status" ] && return
	echo "$WHAT $*: status $got, expected $status:"
	cat "$dir/out"
	exit 1
}
# says HOW-OFTEN LINE
says() {
	[ "$(grep -cFx -e "$2" "$dir/out")" = "$1" ] && return
	echo "expected $1 times '$2':"
	cat "$dir/out"
	exit 1
}

# What can't be read or understood does not keep the others from being played.
echo domain >"$dir/wrong.scn"
play 125 note "$dir/a.scn" "$dir/wrong.scn" "$dir/none.scn"
says 1 "  $dir/wrong.scn:1:7: expected a domain's name such as dom1, found the end of the line"
says 1 "  $dir/none.scn: No such file or directory"
says 1 "1 passed, 0 failed, 0 skipped, 2 errors"
says 1 "# a word of the lab's"
says 0 "# domU: exit 0"

play 1 crash "$dir/a.scn" "$dir/b.scn"
says 2 "  the guest's kernel crashed: BUG: here"
# One that was waited for.
bug=$scenarios/kernel-bugs/page-in-use-pv.scn
play 0 crash "$bug"
says 1 "# $bug: the kernel's first words: BUG: here"

play 125 short "$dir/a.scn" "$dir/b.scn"
says 2 "  the player stopped short"
play 125 slow --time-limit 1 "$dir/a.scn" "$dir/b.scn"
says 1 "  the time was up"
says 1 "  not played: the time was up"

# A lab that can do nothing any more is not asked for ever. (Some boots are begun at the same time.)
mkdir "$dir/alone"
for n in $(seq 10 60); do
	script "alone/$n" dom0 'needs empty_machine'
done
rm "$dir/lab.once"
play 125 later "$dir/alone"
grep -qFx '  no room' "$dir/out" || { cat "$dir/out" && exit 1; }
tail -n 3 "$dir/out" | grep -qFx '  not played: 3 boots failed: no room' || { cat "$dir/out" && exit 1; }
rm "$dir/wrong.scn"
# From the beginning: there is none.
play 77 later "$dir/a.scn"
says 1 "gntsim play: xen: skipped: no room"

# Guests that a leg does not have.
printf 'domain dom0 pv\ndomain dom1 pv\nprocess A in dom1\nA: close(9) = -1 EBADF\n' >"$dir/pv.scn"
play 77 note --leg pv+pvh "$dir/pv.scn"
grep -q 'leg pv+pvh has no such guests, or not where the script wants them' "$dir/out" || { cat "$dir/out" && exit 1; }

GNTSIM_XEN_LAB=/none play 77 note "$dir/a.scn"
says 1 "gntsim play: xen: skipped: no lab at /none (GNTSIM_XEN_LAB names another)"
export GNTSIM_PLAY_STATIC=/none
play 77 note "$dir/a.scn"
grep -qF 'no static player at /none (ninja -C build scenarios/gntsim-play-static makes it' "$dir/out"
play 77 note --leg arm64 "$dir/a.scn"
grep -qF 'no static player at /none (ninja -C build scenarios/gntsim-play-static-arm64 makes it' "$dir/out"
