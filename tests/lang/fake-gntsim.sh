#!/bin/sh
# Stands in for gntsim, without devices: a machine is a process, and whoever runs in it just runs.
case $1 in
serve)
	: >"$TMPDIR/of-domain-1"
	echo "a word of the machine's" >&2
	echo "serving"
	exec sleep 600
	;;
run)
	while [ "$1" != -- ]; do
		[ "$1" != --domain ] || number=$2
		shift
	done
	shift
	[ "$number" != 1 ] || echo $$ >>"$TMPDIR/of-domain-1"
	exec "$@"
	;;
status) printf 'a line\nports 7\n' ;;
control)
	[ "$4" != destroy ] || while read -r pid; do
		kill -9 "$pid"
	done <"$TMPDIR/of-domain-1"
	;;
esac
