#!/bin/sh
# SPDX-License-Identifier: MIT
# gntsim play --on xen with a lab that only says it was one: what is booted, how often, and what
# becomes of a crash. $1: gntsim, $2: scenarios.
set -eu
gntsim=$1 scenarios=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# Every scenario passes but 3-the-mapper-crashes, in which a domU's kernel crashes if it maps.
cat >"$dir/lab" <<'END'
#!/bin/sh
echo "$*" >>"$BOOTS"
swapped=no
echo "TAP version 13"
for word; do
	case $word in
	--swap) swapped=yes ;;
	*/3-the-mapper-crashes.scn)
		if [ $swapped = no ]; then
			echo "xen-lab: a guest crashed: domU: x![ 1.0] BUG: here; the console is in /x" >&2
			exit 126
		fi
		echo "ok 1 - $word"
		;;
	*.scn) echo "ok 1 - $word" ;;
	esac
done
END
chmod 755 "$dir/lab"
export BOOTS="$dir/boots" GNTSIM_XEN_LAB="$dir/lab" GNTSIM_PLAY_STATIC="$dir/lab"
"$gntsim" play --on xen --leg pv+pvh --no-tap "$scenarios/examples" >"$dir/out" 2>"$dir/err" && exit 1
cat "$dir/out" "$dir/boots"
grep -q '^9 passed, 1 failed, 0 skipped, 0 errors' "$dir/out"
grep -q "the guest's kernel crashed: domU: \[ 1.0\] BUG: here$" "$dir/out"
# Together; what the crash left; together and swapped.
[ "$(wc -l <"$dir/boots")" = 3 ]
sed -n 2p "$dir/boots" | grep -q '4-a-vchan.*5-diff'
sed -n 2p "$dir/boots" | grep -q -e '3-the' -e --swap && exit 1
sed -n 3p "$dir/boots" | grep -q -e '--swap.*1-share.*3-the.*5-diff'

# The seed of parallel branches goes along, for a player there that leaves the files as they are.
: >"$dir/boots"
"$gntsim" play --on xen --seed 7 --no-tap "$scenarios/examples/1-share-a-page.scn" >"$dir/out" 2>"$dir/err"
grep -q -e '--seed 7 ' "$dir/boots" || { cat "$dir/boots" && exit 1; }

# What is to be booted goes along, word by word; what it then is the guest knows by itself.
one=$scenarios/examples/1-share-a-page.scn
: >"$dir/boots"
"$gntsim" play --on xen --kernel 7.3.4 --xen 4.20 --module xen-gntdev=/a.ko --module xen-evtchn=/b.ko --xsm silo --no-tap \
	"$one" >"$dir/out" 2>"$dir/err"
grep -q '^run pv --xen 4.20 --module xen-gntdev=/a.ko --module xen-evtchn=/b.ko --xsm silo --kernel 7.3.4 --timeout .* --on device --host pv --guest pv /' "$dir/boots" ||
	{ cat "$dir/boots" && exit 1; }
grep -q 'leg pv, Linux 7.3:' "$dir/err"
# On Arm what one domain does with itself is what a PVH guest's drivers do.
: >"$dir/boots"
"$gntsim" play --on xen --leg arm64 --kernel 5.10 --no-tap "$one" >"$dir/out" 2>"$dir/err"
grep -q '^run arm64 --kernel 5.10 --timeout .* --on device --host pvh --guest pvh /' "$dir/boots" ||
	{ cat "$dir/boots" && exit 1; }
grep -q 'leg arm64, Linux 5.10:' "$dir/err"
# Two of its domains are a pair's, and its Xen's own security module is SILO.
: >"$dir/boots"
"$gntsim" play --on xen --leg arm64+arm64 --no-tap "$one" >"$dir/out" 2>"$dir/err"
grep -q '^run arm64+arm64 .* --on pair ' "$dir/boots" || { cat "$dir/boots" && exit 1; }
# Which version a kernel of one's own is, only the lab can say.
cat >"$dir/describes" <<'END'
#!/bin/sh
echo "$*" >>"$BOOTS"
[ "$1" = describe ] || exec "$(dirname "$0")/lab" "$@"
echo "kernel $OWN"
[ "$OWN" ]
END
chmod 755 "$dir/describes"
: >"$dir/boots"
OWN=6.12.9 GNTSIM_XEN_LAB="$dir/describes" "$gntsim" play --on xen --kernel-image /b --modules /m --no-tap "$one" \
	>"$dir/out" 2>"$dir/err"
grep -qx 'describe pv --kernel-image /b --modules /m' "$dir/boots"
grep -q '^run pv --kernel-image /b --modules /m --timeout .* --on device ' "$dir/boots" || { cat "$dir/boots" && exit 1; }
grep -q 'leg pv, Linux 6.12:' "$dir/err"
status=0
OWN='' GNTSIM_XEN_LAB="$dir/describes" "$gntsim" play --on xen --kernel newest --no-tap "$one" >"$dir/out" 2>"$dir/err" ||
	status=$?
[ $status = 77 ] && grep -q 'describe pv does not say which kernel that is' "$dir/err" || { cat "$dir/err" && exit 1; }
# Elsewhere nothing is booted.
status=0
"$gntsim" play --kernel-image /b "$one" 2>"$dir/err" || status=$?
[ $status = 125 ]
grep -q "^gntsim play: --kernel-image: what is booted only --on xen asks" "$dir/err"

# One that hangs and hears of no SIGTERM is ended too.
cat >"$dir/lab" <<'END'
#!/bin/sh
trap '' TERM
echo "TAP version 13"
exec sleep 600
END
timeout 100 "$gntsim" play --on xen --patience 1 --no-tap "$scenarios/examples/1-share-a-page.scn" >"$dir/out" 2>"$dir/err" && exit 1
cat "$dir/out"
grep -q 'no result within 1 second' "$dir/out"

# Those that have a boot each are played some at a time, and reported in their order. Until the first guest has answered there
# is but one: an image may have to be made. Then b ends when c has, and what came of c waits for it.
mkfifo "$dir/c-has-ended"
cat >"$dir/lab" <<'END'
#!/bin/sh
if [ "$1" = stage ]; then
	echo "$*" >>"$BOOTS.stage"
	[ -z "${NO_STAGE-}" ] || { echo "xen-lab: no room" >&2 && exit 125; }
	echo /the/stage
	exec sleep 600
fi
case $* in
*' --stage /the/stage '*) echo staged >>"$BOOTS.stage" ;;
esac
for word; do
	case $word in
	*/?.scn) name=$(basename "$word" .scn) ;;
	esac
done
echo "$name" >>"$BOOTS"
case $name in
${BROKEN-}) echo "xen-lab: $name is broken" >&2 && exit 125 ;;
esac
echo "TAP version 13"
case $name in
a) [ "$(wc -l <"$BOOTS")" = 1 ] || exit 1 ;;
b) exec 3<>"$FIFO" && timeout 60 head -n 1 <&3 >/dev/null || exit 1 ;;
c)
	echo "xen-lab: a guest crashed: BUG: here; the console is in /x" >&2
	echo >"$FIFO"
	exit 126
	;;
esac
echo "ok 1 - $word"
END
mkdir "$dir/alone"
for name in a b c d e; do
	printf 'domain dom0 pv\ndomain dom1 pvh\nprocess p in dom0\ndestroy dom1\n' >"$dir/alone/$name.scn"
done
: >"$dir/boots"
export FIFO="$dir/c-has-ended"
status=0
timeout 100 "$gntsim" play --on xen --leg pv+pvh --jobs 2 --tap "$dir/alone" >"$dir/out" 2>"$dir/err" || status=$?
cat "$dir/out" "$dir/err" "$dir/boots"
[ $status = 1 ]
[ "$(sed -n 's/^\(not \)*ok \([0-9]\).*\/\(.\).scn.*/\1\2\3/p' "$dir/out" | tr '\n' ' ')" = "1a 2b not 3c 4d 5e " ]
grep -q '# 4 passed, 1 failed' "$dir/out"
# All of them from one stage, which has their files; and if there is none, that is said.
grep -q '^stage pv+pvh --kernel 6.1 --timeout .* --file .*=/lab/s -- /' "$dir/boots.stage"
[ "$(grep -c '^stage' "$dir/boots.stage")" = 6 ]
: >"$dir/boots"
: >"$dir/boots.stage"
NO_STAGE=1 timeout 100 "$gntsim" play --on xen --leg pv+pvh --jobs 2 --no-tap "$dir/alone" >"$dir/out" 2>"$dir/err" || :
cat "$dir/out" "$dir/err"
grep -qx '4 passed, 1 failed, 0 skipped, 0 errors' "$dir/out"
grep -qx '# played without a stage: no room' "$dir/err"
grep -q staged "$dir/boots.stage" && exit 1
# The very first may find that there is no lab here.
: >"$dir/boots"
status=0
BROKEN=a timeout 100 "$gntsim" play --on xen --leg pv+pvh --jobs 2 --no-tap "$dir/alone" >"$dir/out" 2>"$dir/err" || status=$?
cat "$dir/out" "$dir/err"
[ $status = 77 ] && [ "$(cat "$dir/boots")" = a ]
# Three without a result, and the lab is taken for broken: no other is tried.
for name in f g h; do
	cp "$dir/alone/a.scn" "$dir/alone/$name.scn"
done
: >"$dir/boots"
status=0
BROKEN='[b-h]' timeout 100 "$gntsim" play --on xen --leg pv+pvh --jobs 2 --no-tap "$dir/alone" >"$dir/out" 2>"$dir/err" || status=$?
cat "$dir/out" "$dir/err"
[ $status = 125 ] && grep -q '^1 passed, 0 failed, 0 skipped, 7 errors' "$dir/out"
grep -q 'not played: 3 boots failed: [d-g] is broken' "$dir/out"
grep -q h "$dir/boots" && exit 1
exit 0
