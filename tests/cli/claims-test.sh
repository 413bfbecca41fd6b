#!/bin/sh
# What a front is said to do and to lack (gntsim play --capabilities, gntsim run --verbose) is what a
# program finds; scenarios and gntsim play --doubt try the claims that a script can.
# usage: claims-test.sh GNTSIM CLAIMS FRONT
set -u
gntsim=$(realpath "$1") claims=$(realpath "$2") front=$3
dir=$(mktemp -d)
served=
# shellcheck disable=SC2329
finish() {
	[ -z "$served" ] || kill -9 $served 2>/dev/null
	wait
	umount -l "$dir/tree" 2>/dev/null || fusermount3 -u -z -q "$dir/tree" 2>/dev/null
	rm -rf "$dir"
}
trap finish EXIT
cd "$dir" || exit
failed=0
case $front in
socket) set -- --front socket ;;
ptrace) set -- --front ptrace ;;
fuse) set -- --front fuse ;;
fuse-unassisted) set -- --front fuse --assist=no ;;
cuse) set -- --front cuse ;;
esac
node=${front%-unassisted}
if [ "$front" != socket ] && [ "$front" != ptrace ] && [ ! -w "/dev/$node" ]; then
	echo "skipped: no /dev/$node"
	exit 77
fi
if [ "$front" != socket ] && ! "$gntsim" run "$@" -- true 2>why; then
	echo "skipped: no $node front here: $(cat why)"
	exit 77
fi

"$gntsim" play --capabilities | awk -v front="$front" '
	NR == 1 { for (i = 1; i <= NF; i++) if ($i == front) at = i + 1; next }
	{ print $1, $at }' | sort >said
# Of a machine whose end can be tried as well.
mkdir tree
mounted=
[ "$front" != fuse-unassisted ] || mounted="--mount $dir/tree"
mkfifo ready
# shellcheck disable=SC2086
"$gntsim" serve --socket machine $mounted >ready 2>serve.err &
served=$!
read -r line <ready
[ "${line#gntsim: serving }" != "$line" ] || { echo "serve said '$line'"; exit 1; }
timeout 60 "$gntsim" run --socket machine --verbose "$@" -- "$claims" $served >tried 2>verbose || {
	echo "the claims could not be tried"
	cat verbose
	exit 1
}
sort tried >sorted
[ "$(wc -l <sorted)" = 15 ] || { echo "expected 15 claims, got:"; cat sorted; exit 1; }
while read -r capability found; do
	grep -qx "$capability $found" said || {
		failed=1
		echo "$front: $capability: found '$found', said '$(grep "^$capability " said)'"
	}
	lacks=$(grep -c "^gntsim: it lacks $capability: " verbose)
	{ [ "$found" = yes ] && [ "$lacks" = 0 ]; } || { [ "$found" = - ] && [ "$lacks" = 1 ]; } || {
		failed=1
		echo "$front: $capability: found '$found', but --verbose says:"
		cat verbose
	}
done <sorted
# What --verbose names is said to be lacking, each once.
sed -n 's/^gntsim: it lacks \([a-z_]*\): ..*/\1 -/p' verbose | sort >lacks
[ -s lacks ] && [ -z "$(uniq -d lacks)" ] && [ "$(comm -13 said lacks)" = '' ] || {
	failed=1
	echo "$front: --verbose and --capabilities differ:"
	comm -13 said lacks
}
exit $failed
