#!/bin/sh
# A short storm on a front, the broker killed in its middle; ci/storm is the long one.
# usage: storm-test.sh GNTSIM STORM CHECKED ACTOR FRONT SECONDS
"$1" run --front "$5" -- true >/dev/null 2>&1 || {
	echo "skipped: the $5 front does not work here"
	exit 77
}
exec "$2" "$1" "$3" "$4" --front "$5" --seconds "$6" --processes 8 --kill-broker --errors-within 10 --seed 18
