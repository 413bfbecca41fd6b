#!/bin/sh
# --leaks tells what a process left itself, not what it only inherited; in a machine of its own, of a
# run's processes in one that is served, and of all that are served. It names domain and program.
# usage: leaks-test.sh GNTSIM LEAVE USE_DEVICES
gntsim=$(realpath "$1") leave=$(realpath "$2") use=$(realpath "$3")
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/../script.sh"
s=$dir/s

# each WHAT OPTION...: the cases, run with these options.
each() {
	prefix=$1
	shift
	for case in first last gntdev closed exec exec exec exec; do
		expect 0 "$prefix: $case" "$gntsim" run --guest pvh --leaks=error "$@" -- "$leave" $case
		! grep -q leak "$dir/err" || complain "$prefix: $case: $(cat "$dir/err")"
	done
	expect 1 "$prefix: open" "$gntsim" run --guest pvh --leaks=error "$@" -- "$leave" open
	says err "leave (process $(sed -n 's/parent //p' "$dir/out")): grant still allocated"
	says err "1 leak"
	expect 1 "$prefix: child" "$gntsim" run --guest pvh --leaks=error "$@" -- "$leave" child
	says err "leave (process "
	says err "2 leaks"
	expect 1 "$prefix: daemon" "$gntsim" run --guest pvh --leaks=error "$@" -- "$leave" daemon
	says err "2 leaks"
	expect 1 "$prefix: forget" "$gntsim" run --guest pvh --leaks=error "$@" -- "$use" forget
	says err "use-devices (process "
	says err "grant still allocated"
	says err "memory still mapped: gntalloc, 1 page(s)"
	sed -E 's/process [0-9]+/process P/; s/0x7[0-9a-f]{11}/ADDR/g; s/domid=dom[0-9]+/domid=domN/' "$dir/err" >"$dir/plain"
	for line in \
		"  made by use-devices (process P): mmap(ADDR, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, gntallocN, 0) = ADDR" \
		"  made by use-devices (process P): ioctl(gntallocN, IOCTL_GNTALLOC_ALLOC_GREF, {domid=domN, flags=GNTALLOC_FLAG_WRITABLE, count=1}) = 0" \
		"  the last call before its end: mmap(ADDR, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, gntallocN, 0) = ADDR"; do
		sed 's/gntalloc[0-9][0-9]*/gntallocN/' "$dir/plain" | grep -qxF -e "gntsim: $line" ||
			complain "$what: expected '$line', got: $(cat "$dir/err")"
	done
	expect 0 "$prefix: reported" "$gntsim" run --guest pvh --leaks "$@" -- "$use" forget
	says err "2 leaks"
	expect 3 "$prefix: failed" "$gntsim" run --guest pvh --leaks=error "$@" -- "$use" forget 3
	expect 143 "$prefix: killed" "$gntsim" run --guest pvh --leaks=error "$@" -- sh -c 'kill -15 $$'
}

each "private" --domain 4
expect 1 "traced" "$gntsim" run --leaks=error --trace "$dir/trace" -- "$use" forget
line=$(sed -n 's/.*flags=GNTALLOC_FLAG_WRITABLE, count=1}) = 0, trace line //p' "$dir/err")
sed -n "${line:-1}p" "$dir/trace" | grep -q IOCTL_GNTALLOC_ALLOC_GREF || complain "$what: line '$line' is not the call"
expect 1 "the domain" "$gntsim" run --leaks=error --domain 4 -- "$use" forget
says err "gntsim: leak: domain 4, use-devices (process "

start serve "$gntsim" serve --socket "$s"
each "served" --socket "$s" --domain 1
expect 0 "without --leaks" "$gntsim" run --socket "$s" --domain 2 -- "$use" forget
quiet
expect 0 "others' are others'" "$gntsim" run --socket "$s" --domain 1 --leaks=error -- \
	sh -c '"$1" run --socket "$2" --domain 2 -- true' sh "$gntsim" "$s"
quiet
# Two at once, in two domains: each tells of its own.
mkfifo "$dir/go"
exec 7<>"$dir/go" # whoever writes does not wait for a reader that failed
"$gntsim" run --socket "$s" --domain 1 --leaks=error -- sh -c 'read -r x <"$1"; exec "$2" clean' sh "$dir/go" "$use" 2>"$dir/other.err" &
echo $! >"$dir/other.pid"
expect 1 "while another runs" "$gntsim" run --socket "$s" --domain 2 --leaks=error -- "$use" forget
says err "leak: domain 2, "
echo >"$dir/go"
wait "$(cat "$dir/other.pid")" || complain "the other was accused: $(cat "$dir/other.err")"
rm "$dir/other.pid"
stop serve TERM
[ $got = 0 ] || complain "serve: expected 0, got $got"
! grep -q leak "$dir/serve.err" || complain "serve without --leaks: $(cat "$dir/serve.err")"

start serve "$gntsim" serve --socket "$s" --leaks
expect 0 "in a machine with --leaks" "$gntsim" run --socket "$s" --domain 1 -- "$use" forget
quiet
expect 0 "clean" "$gntsim" run --socket "$s" --domain 2 -- "$use" clean
stop serve TERM
[ $got = 0 ] || complain "serve --leaks: expected 0, got $got"
grep -q "leak: domain 1, use-devices (process [0-9]*): memory still mapped" "$dir/serve.err" &&
	grep -qx "gntsim: 2 leaks" "$dir/serve.err" || complain "serve --leaks: $(cat "$dir/serve.err")"
start serve "$gntsim" serve --socket "$s" --leaks=error
expect 0 "in a machine with --leaks=error" "$gntsim" run --socket "$s" --domain 1 -- "$leave" child
stop serve TERM
[ $got = 1 ] || complain "serve --leaks=error: expected 1, got $got"
start serve "$gntsim" serve --socket "$s" --leaks=error
expect 0 "in a machine with --leaks=error" "$gntsim" run --socket "$s" --domain 1 -- "$leave" first
stop serve TERM
[ $got = 0 ] || complain "serve --leaks=error, clean: expected 0, got $got: $(cat "$dir/serve.err")"

expect 0 "kept through exec" "$gntsim" run --leaks=error -- "$leave" kept

# A file's end is told late on FUSE, its process may be gone by then: who closed it is not accused, who
# ended with it is.
if "$gntsim" run --front fuse -- true 2>/dev/null; then
	each "assisted" --front fuse
	expect 1 "assisted: kept through exec" "$gntsim" run --front fuse --guest pvh --leaks=error -- "$leave" kept
	says err "1 leak"
	mkdir "$dir/tree"
	start serve "$gntsim" serve --socket "$s" --mount "$dir/tree"
	expect 1 "assisted, served" "$gntsim" run --socket "$s" --front fuse --leaks=error -- "$use" forget
	says err "grant still allocated"
	stop serve TERM
fi
# Without the library's help less is known, but not nothing.
if "$gntsim" run --front fuse --assist=no -- true 2>/dev/null; then
	for case in forget forget forget; do
		expect 1 "unassisted" "$gntsim" run --front fuse --assist=no --leaks=error -- "$use" $case
		says err "use-devices (process "
		says err "grant still allocated"
		says err "made by use-devices (process "
		says err "the last call before its end: ioctl(gntalloc1, IOCTL_GNTALLOC_ALLOC_GREF, "
	done
	for case in clean clean clean clean clean clean clean clean clean clean; do
		expect 0 "unassisted: $case" "$gntsim" run --front fuse --assist=no --leaks=error -- "$use" $case
		! grep -q leak "$dir/err" || complain "unassisted: $case: $(cat "$dir/err")"
	done
	for case in first last closed exec exec exec exec; do
		expect 0 "unassisted: $case" "$gntsim" run --front fuse --assist=no --leaks=error -- "$leave" $case
		! grep -q leak "$dir/err" || complain "unassisted: $case: $(cat "$dir/err")"
	done
	for case in open child kept; do
		expect 1 "unassisted: $case" "$gntsim" run --front fuse --assist=no --leaks=error -- "$leave" $case
		says err "leave (process "
		says err "1 leak"
	done
fi

# What the machine's own xenstored has of its domains is nobody's leak; a program's is, beside it.
if ls /usr/lib/xen-*/bin/xenstored >/dev/null 2>&1; then
	expect 0 "xenstored's own" "$gntsim" run --xenstore --domain 3 --leaks=error -- true
	quiet
	expect 1 "a program's, beside it" "$gntsim" run --xenstore --guest pvh --domain 3 --leaks=error -- "$leave" open
	says err "leave (process "
	says err "1 leak"
fi
[ $failed = 0 ]
