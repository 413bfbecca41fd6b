#!/bin/sh
# kinder-test.sh socket|fuse GNTSIM KINDER PAGE: what is kinder here than on Xen, on a front, is in the
# table of gntsim-fronts(7), and what the table says of it is so.
set -eu
front=$1 gntsim=$(realpath "$2") kinder=$(realpath "$3") page=$(realpath "$4")

# tried OPTION...: what passes is a row of the table, word for word.
tried() {
	"$gntsim" run "$@" >rows
	while read -r row; do
		sed 's/\\%//g' "$page" | grep -Fxq "$row" || { echo "FAILED: the table has no '$row'" && exit 1; }
	done <rows
	[ -s rows ] && cat rows
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
case $front in
socket)
	# What a front lacks is named in the page.
	"$gntsim" play --capabilities | awk '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i ~ /^(socket|fuse|fuse-unassisted|cuse|ptrace)$/) at[i + 1]; next }
		{ for (i in at) if ($i == "-") { print $1; next } }' >lacks
	[ -s lacks ]
	while read -r capability; do
		grep -qw "$capability" "$page" || { echo "FAILED: the page does not name $capability" && exit 1; }
	done <lacks
	;;
fuse)
	[ "$(id -u)" = 0 ] || { echo "skipped: a mount namespace takes root" && exit 77; }
	[ -w /dev/fuse ] || { echo "skipped: no /dev/fuse" && exit 77; }
	tried --front fuse -- "$kinder" epoll read-nothing
	tried --front fuse --assist=no --guest pv -- "$kinder" epoll read-nothing clear-read-only seek \
		child-uses-mapping use-after-mprotect
	;;
esac
for guest in pv pvh; do
	tried --front "$front" --guest $guest -- "$kinder" shared-futex page-in-use not-root
done
tried --front "$front" --guest pvh -- "$kinder" store-to-read-only
