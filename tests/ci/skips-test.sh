#!/bin/sh
# ci/skips.sh: which skips ci/test takes, and which are failures.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=ci/skips.sh
. ci/skips.sh
failed=0
expect() { # STATUS REASON
	if may_skip "$2"; then got=0; else got=1; fi
	[ $got = "$1" ] || { failed=1 && echo "'$2': expected $1, got $got"; }
}
# What ci/test installs is there.
reasons=$(grep -rhoE 'skipped: no [^"@]*\(package [a-z0-9.-]+\)' tests --include=meson.build --include='*.c' --include=run)
[ "$(echo "$reasons" | wc -l)" -ge 4 ] || { failed=1 && echo "found but: $reasons"; }
while IFS= read -r reason; do
	expect 1 "$reason"
done <<END
$reasons
skipped: no strace

skipped: it is Monday
END
expect 0 "skipped: the fuse front lacks sigio"
can_mount() { true; }
is_root() { true; }
expect 1 "skipped: this host lets us not mount FUSE"
expect 1 "skipped: no fuse front here: gntsim: cannot make the mounts our own: Invalid argument"
expect 1 "skipped: needs root"
can_mount() { false; }
is_root() { false; }
expect 0 "skipped: this host lets us not mount FUSE"
expect 0 "skipped: needs root"
archive_answers() { true; }
expect 1 "xen-lab: apt-get could not download busybox-static: run apt-get update with"
archive_answers() { false; }
expect 0 "xen-lab: apt-get could not download busybox-static: run apt-get update with"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
cat >"$log" <<'END'
{"name": "a", "result": "OK", "stdout": "skipped: no", "stderr": ""}
{"name": "b c", "result": "SKIP", "stdout": "", "stderr": "skipped: no Go (package golang-go)\n"}
{"name": "d", "result": "SKIP", "stdout": "skipped: the fuse front lacks sigio\n"}
{"name": "e", "result": "SKIP"}
END
said=$(not_to_be_skipped "$log")
[ "$said" = "b c: skipped: no Go (package golang-go)
e: no reason" ] || { failed=1 && echo "of a log: $said"; }
exit $failed
