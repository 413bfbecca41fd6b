#!/bin/sh
# fuse-or-skip.sh GNTSIM RUN-ARGS...: gntsim run, where the fuse front can be mounted.
gntsim=$1
shift
if ! why=$("$gntsim" run --front fuse -- true 2>&1); then
	echo "skipped: no fuse front here: $why"
	exit 77
fi
exec "$gntsim" run "$@"
