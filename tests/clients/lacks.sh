#!/bin/sh
# lacks.sh GNTSIM FRONT CAPABILITY COMMAND...: skips a client program that needs what its front lacks.
# It is a failure if the front is not declared to lack it, or if the program passes nevertheless.
gntsim=$1 front=$2 capability=$3
shift 3
"$gntsim" play --capabilities | awk -v front="$front" -v capability="$capability" '
	NR == 1 { for (i = 1; i <= NF; i++) if ($i == front) at = i + 1 }
	$1 == capability && at && $at == "-" { lacks = 1 }
	END { exit !lacks }' || {
	echo "$front is not declared to lack $capability (gntsim play --capabilities)"
	exit 1
}
log=$(timeout 30 "$@" 2>&1) && {
	echo "passes, although $front is declared to lack $capability"
	exit 1
}
echo "$log" | tail -n 3
echo "skipped: the $front front lacks $capability"
exit 77
