#!/bin/sh
# SPDX-License-Identifier: MIT
# Two players with a channel between them, each in a domain of one machine of fake devices: what
# runs in two real domains, without these. $1: gntsim, $2: two-ends, $3: scenarios.
set -eu
gntsim=$1 two_ends=$2 scenarios=$3
dir=$(mktemp -d)
trap 'kill $server; wait $server || :; rm -rf "$dir"' EXIT
mkfifo "$dir/ready"
"$gntsim" serve --socket "$dir/machine" >"$dir/ready" &
server=$!
read -r _ <"$dir/ready"

# play [OPTION]... FILE...: what dom0's player says.
play() {
	"$two_ends" pv+pvh \
		"$gntsim" run --socket "$dir/machine" --domain 0 -- \
		"$gntsim" play --on pair --no-tap "$@" :: \
		"$gntsim" run --socket "$dir/machine" --domain 1 --guest pvh -- \
		"$gntsim" play --on pair >"$dir/out" 2>&1
}
wrong() {
	echo "$*"
	cat "$dir/out"
	exit 1
}
# all_pass HOW-MANY [OPTION]...
all_pass() {
	passed=$1
	shift
	play "$@" "$scenarios/examples" "$(dirname "$0")/pair.scn" || wrong "a player failed"
	grep -q "^$passed passed, 0 failed, 0 skipped, 0 errors" "$dir/out" || wrong "$passed should pass"
}
all_pass 6
all_pass 6 --swap

# says TEXT SECOND-DOMAIN STEP [OPTION]...: what comes of a step that two real domains can't do.
says() {
	text=$1
	printf '%s\n' 'needs distinct_domains' 'domain dom0' "$2" 'process A in dom0' 'process B in dom1' \
		'A: ev = open("/dev/xen/evtchn", O_RDWR)' 'B: close(98) = -1 EBADF' "$3" \
		>"$dir/two.scn"
	shift 3
	play "$@" "$dir/two.scn" || :
	grep -qF -e "$text" "$dir/out" || wrong "expected '$text':"
}
says 'skipped' 'domain dom1 pv' 'A: close(9) = -1 EBADF'
grep -qF ': domU is a PVH guest' "$dir/out" || wrong "why?"
says "two.scn:8:4: a descriptor can't be sent to another domain" 'domain dom1' 'A: send_fd(B, ev)'
says "two.scn:8:4: xenstored has VIRQ_DOM_EXC" 'domain dom1' \
	'A: ioctl(ev, IOCTL_EVTCHN_BIND_VIRQ, {virq=VIRQ_DOM_EXC})'
says "the guests' kernel is 6.1" 'domain dom1' 'A: close(9) = -1 EBADF' --kernel 5.10
says "two.scn:8:1: domain 0 can't be destroyed" 'domain dom1' 'destroy dom0' --fresh

# The other one ends as xl ends it: xl is one of ours.
cat >"$dir/xl" <<END
#!/bin/sh
[ "\$1" = destroy ] && exec "$(realpath "$gntsim")" control --socket "$dir/machine" destroy "\$2"
END
chmod +x "$dir/xl"
PATH=$dir:$PATH
says 'passed' 'domain dom1' 'destroy dom1
A: close(ev) = 0' --fresh
printf '#!/bin/sh\nexit 3\n' >"$dir/xl"
says 'two.scn:8:1: the other domain can'\''t be destroyed (0x300)' 'domain dom1' 'destroy dom1' --fresh
