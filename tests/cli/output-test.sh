#!/bin/sh
# What can't be written is no success, and nobody is killed without a word for it.
# usage: output-test.sh GNTSIM
gntsim=$(realpath "$1")
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/script.sh"
cd "$dir" || exit
printf 'domain dom0\nprocess A in dom0\nA: g = open("/dev/xen/gntalloc", O_RDWR)\n' >ok.scn

# Within a limit of no bytes a file; what is said goes into a pipe.
limited() {
	expect 0 "$*, RLIMIT_FSIZE 0" sh -c '(ulimit -f 0; "$@" 2>&1; echo "status $?") | cat >&2' - "$@"
}

if [ -c /dev/full ]; then
	for command in --version --help "play --help" "play --capabilities" "fuzz --ops 100" "fuzz --help"; do
		expect 125 "$command" sh -c "$gntsim $command >/dev/full"
		says err "standard output"
	done
fi
limited "$gntsim" new-scenario new
says err "File too large"
says err "status 125"
[ ! -e new.scn ] || complain "$what: it left a file"
limited "$gntsim" play --junit j.xml ok.scn
says err "File too large"
says err "status 125"
expect 125 "a scenario without a name" "$gntsim" new-scenario ""
says err "expected a name, found ''"
expect 125 "a folder for a name" "$gntsim" new-scenario "$dir/"
[ $failed = 0 ]
