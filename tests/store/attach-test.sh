#!/bin/sh
# gntsim control attach: both ends of a device find in the store what xl would have written.
# usage: attach-test.sh GNTSIM
gntsim=$(realpath "$1")
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../cli/script.sh"
needs_xenstored
s=$dir/s
control() { expect "$1" "attach $3 $4" "$gntsim" control --socket "$s" "$2" "$3" "$4" "$5" "$6"; }
start serve "$gntsim" serve --xenstore --socket "$s"
expect 0 create "$gntsim" control --socket "$s" create 3
expect 0 create "$gntsim" control --socket "$s" create 4

control 0 attach vbd 3 params=/dev/null mode=r
printf '%s\n' /local/domain/3/device/vbd/51712 /local/domain/0/backend/vbd/3/51712 | diff - "$dir/out" ||
	complain "vbd's paths"
expect 0 "the store" "$gntsim" run --socket "$s" -- xenstore-ls -f -p
for line in '3/device/vbd = ""   (n0,r3)' '3/device/vbd/51712 = ""   (n3,r0)' \
	'3/device/vbd/51712/backend = "/local/domain/0/backend/vbd/3/51712"   (n3,r0)' \
	'3/device/vbd/51712/backend-id = "0"' '3/device/vbd/51712/state = "1"' \
	'3/device/vbd/51712/virtual-device = "51712"' '0/backend/vbd/3/51712 = ""   (n0,r3)' \
	'0/backend/vbd/3/51712/frontend = "/local/domain/3/device/vbd/51712"' \
	'0/backend/vbd/3/51712/frontend-id = "3"' '0/backend/vbd/3/51712/dev = "xvda"' \
	'0/backend/vbd/3/51712/params = "/dev/null"' '0/backend/vbd/3/51712/mode = "r"' \
	'0/backend/vbd/3/51712/online = "1"' '0/backend/vbd/3/51712/state = "1"'; do
	says out "/local/domain/$line"
done
control 0 attach vbd 3 0 backend=qdisk
says out /local/domain/3/device/vbd/51728
says out /local/domain/0/backend/qdisk/3/51728
control 125 attach vbd 3 0 id=51712
says err "the domain has a device of that number"
control 125 attach vbd 7 0 mode=r
says err "one of the domains is not in the store"
control 125 attach vbd 3 0 =r
says err "one that can't be: ''"
control 125 attach vbd 3 0 front.=r
says err "one that can't be: 'front.'"
control 125 attach '' 3 0 mode=r
says err "a kind of device is a name, no path: ''"
control 125 attach vbd 3 0 backend=a/b
says err "a kind of device is a name, no path: 'a/b'"

# A backend in another domain, whose frontend connects; and one that waits for it.
control 0 attach vif 3 4 mac=00:16:3e:01:02:03
start backend "$gntsim" run --socket "$s" --domain 4 -- \
	stdbuf -oL xenstore-watch -n 2 /local/domain/3/device/vif/0/state
# shellcheck disable=SC2016
expect 0 "the frontend" "$gntsim" run --socket "$s" --domain 3 -- sh -c \
	'[ "$(xenstore-read device/vif/0/mac)" = 00:16:3e:01:02:03 ] && xenstore-write device/vif/0/state 3'
expect 0 "the backend sees it" timeout 20 tail -s 0.05 --pid="$(cat "$dir/backend.pid")" -f /dev/null
expect 0 "by its own path" "$gntsim" run --socket "$s" --domain 4 -- xenstore-read backend/vif/3/0/handle
control 0 attach 9pfs 3 tag=share path=/tmp
expect 0 "the tag" "$gntsim" run --socket "$s" --domain 3 -- xenstore-read device/9pfs/0/tag
says out share
control 0 attach console 3 0 name=second
says out /local/domain/3/device/console/1
control 0 attach vkbd 3 0 front.feature=1
expect 0 "another kind" "$gntsim" run --socket "$s" --domain 3 -- xenstore-read device/vkbd/0/feature
stop serve TERM

start serve "$gntsim" serve --socket "$s"
control 125 attach vbd 0 0 mode=r
says err "the machine has no xenstore (--xenstore)"
stop serve TERM
exit $failed
