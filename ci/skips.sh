# Sourced by ci/test, which sets up all that a test needs: what may be skipped all the same, because
# this host does not give it. A skip for any other reason is a failure.
# shellcheck shell=sh

is_root() {
	[ "$(id -u)" = 0 ]
}

# With its own rights or with a user namespace's. Not by gntsim, which is what is being tested.
can_mount() {
	[ -c /dev/fuse ] || return 1
	if is_root; then
		unshare --mount --propagation unchanged true 2>/dev/null
	else
		unshare --user --map-root-user --mount --propagation unchanged true 2>/dev/null
	fi
}

archive_answers() (
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	cd "$dir" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download hostname >/dev/null 2>&1
)

# may_skip REASON
may_skip() {
	case $1 in
	# Known of the fronts, and written down (gntsim play --capabilities).
	*"front lacks "*) ;;
	*"no /dev/fuse"*) [ ! -c /dev/fuse ] ;;
	*"/dev/cuse"*) [ ! -c /dev/cuse ] ;;
	# The last two are a play's, on a front.
	*"lets us not mount"* | *"no fuse front here"* | *"cannot mount"* | *"needs root or a user namespace"* | \
		*"skipped: gntsim run --socket failed" | *"skipped: gntsim serve did not start")
		! can_mount
		;;
	*"needs root"* | *"takes root"* | *"privileges to give up"* | *"have no root either"*) ! is_root ;;
	*"mount namespace, or is "*) ! unshare --mount true 2>/dev/null ;;
	*"no container here"*) ! is_root || ! unshare --mount true 2>/dev/null ;;
	# The sources may lie in somebody's own directory.
	*"nobody cannot reach "*) ! setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$PWD" ;;
	# (It is large, and one test's.)
	*"no rustc"*) ! command -v rustc >/dev/null ;;
	*"no git checkout"*) ! git rev-parse HEAD >/dev/null 2>&1 ;;
	# That one's own reason is judged where it is asked for.
	*"no guest "*) ;;
	*"apt-get could not "* | *"apt knows no "* | *"run apt-get update"*) ! archive_answers ;;
	*) return 1 ;;
	esac
}

# not_to_be_skipped TESTLOG: of meson's log of tests in JSON, those that were skipped and may not be:
# "NAME: REASON", a line each.
not_to_be_skipped() {
	[ -e "$1" ] || return 0
	python3 - "$1" <<'END' | while IFS= read -r line; do
import json, sys
for line in open(sys.argv[1], encoding="utf-8"):
    test = json.loads(line)
    if test["result"] == "SKIP":
        said = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
        why = [text for text in said.splitlines() if "skip" in text.lower()]
        print(f"{test['name']}: {why[-1] if why else 'no reason'}")
END
		may_skip "${line#*: }" || echo "$line"
	done
}
