#!/bin/sh
# Domain 0 maps another domain's grant table, and sees in it what becomes of its entries; by Xen's own library
# too. A domain stays while its table is mapped.
# usage: resource-test.sh GNTSIM RESOURCE BY-LIBRARY FRONT...
gntsim=$(realpath "$1") resource=$(realpath "$2") by_library=$3
shift 3
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../cli/script.sh"
if [ "$2" != socket ] && ! "$gntsim" run "$@" -- true 2>"$dir/why"; then
	echo "skipped: $(cat "$dir/why")"
	exit 77
fi
s=$dir/s
start serve "$gntsim" serve --socket "$s"
start granter "$gntsim" run --socket "$s" --domain 3 -- "$resource" grant
ref=${line% *} pid=${line#* }
cat >"$dir/want" <<END
size 0:64 0:8 EINVAL:0 EPERM:0 ESRCH:0
refused type:EINVAL status:EINVAL half:EINVAL half:EINVAL elsewhere:EINVAL beyond:EINVAL self:EPERM nobody:ESRCH over:EINVAL pointer:EFAULT
map one:0 again:0
mapped 0x19 unmapped 0x1 domid 0 seeded 0x19 shared 42 ended 0
END
expect 0 "domain 0" "$gntsim" run --socket "$s" "$@" -- "$resource" 3 "$ref" "$pid"
quiet
diff "$dir/want" "$dir/out" || complain "domain 0 has other answers"
wait "$(cat "$dir/granter.pid")" 2>/dev/null
rm "$dir/granter.pid"

expect 0 "domain 4" "$gntsim" run --socket "$s" "$@" --domain 4 -- "$resource" 3 8
says out "size EPERM:0 EPERM:0 EPERM:0 EPERM:0 ESRCH:0"
says out "map one:EPERM again:EPERM"

[ "$by_library" != none ] || exit $failed
start library "$gntsim" run --socket "$s" "$@" -- "$by_library" 3
[ "$line" = "64 frames, 0 granted" ] || complain "Xen's library: $line"
expect 0 "destroy" "$gntsim" control --socket "$s" destroy 3
expect 0 "status" "$gntsim" status --socket "$s"
says out "zombies 1"
stop library KILL
expect 0 "status" "$gntsim" status --socket "$s"
says out "zombies 0"
stop serve TERM
exit $failed
