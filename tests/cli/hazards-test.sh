#!/bin/sh
# What a real kernel would not survive is told once for each cause, with all that is known of it; a
# scenario that does not say so fails on the fronts as it does on the model.
# usage: hazards-test.sh GNTSIM USE_DEVICES EFFECTS_C MANUAL
gntsim=$(realpath "$1") use=$(realpath "$2") effects=$3 manual=$4
# shellcheck source=tests/cli/script.sh
. "$(dirname "$0")/script.sh"
s=$dir/s
walks=gntalloc-vma-close-walks-global-list

# lines FILE N: so many warnings are in the file.
lines() {
	[ "$(grep -c warning "$1")" = "$2" ] && return
	complain "$what: expected $2 warnings, got:"
	sed 's/^/    /' "$1"
}

expect 0 "80 times" "$gntsim" run -- "$use" harm 80
lines "$dir/err" 2
says err "harm to a real kernel: $walks: domain 0, use-devices (process "
says err "): munmap(0x"
says err ", 8192) (see HAZARDS in gntsim(1))"
says err "$walks came 79 times more: domain 0, use-devices: munmap"
expect 0 "once" "$gntsim" run -- "$use" harm 1
lines "$dir/err" 1
expect 0 "in children" "$gntsim" run -- "$use" harm-children 5
lines "$dir/err" 2
says err "$walks came 4 times more"
expect 0 "by the end of the process" "$gntsim" run --domain 7 -- "$use" harm-end
lines "$dir/err" 1
says err "domain 7, use-devices (process "
says err "the end of the process"
for front in socket fuse; do
	if [ $front = fuse ]; then
		"$gntsim" run --front fuse -- true 2>/dev/null || continue
	fi
	expect 0 "an ioctl, $front" "$gntsim" run --front $front --limit 100000 -- "$use" overfill 40000
	lines "$dir/err" 1
	says err "gntalloc-undo-miscounts: domain 0, use-devices (process "
	says err "): ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, {domid=1, flags=1, count=40000})"
done

# A machine that is served tells its own stderr, of each domain.
start serve "$gntsim" serve --socket "$s"
for domain in 0 1 1; do
	expect 0 "in domain $domain" "$gntsim" run --socket "$s" --domain $domain -- "$use" harm 3
	quiet
done
stop serve TERM
what="a served machine"
lines "$dir/serve.err" 4
grep -q "$walks: domain 0, " "$dir/serve.err" && grep -q "$walks: domain 1, " "$dir/serve.err" &&
	grep -q "came 2 times more: domain 0" "$dir/serve.err" &&
	grep -q "came 5 times more: domain 1" "$dir/serve.err" || complain "a served machine: $(cat "$dir/serve.err")"

# Each name stands in the manual.
names=$(sed -n 's/^ *\[HAZARD_[A-Z_]*\] = "\(.*\)",$/\1/p' "$effects")
[ -n "$names" ] || complain "no hazards in $effects"
for name in $names; do
	sed -n '/^\.Sh HAZARDS/,/^\.Sh EXIT/p' "$manual" | grep -qxF ".It Cm $name" || complain "$name is not in $manual"
done

# Played on real processes, the verdict is the model's.
scenario() { # NAME LAST-STEP...
	file=$dir/$1.scn
	shift
	cat >"$file" <<'END'
domain dom0
domain dom1
process granter in dom0
granter: ga = open("/dev/xen/gntalloc", O_RDWR)
granter: gb = open("/dev/xen/gntalloc", O_RDWR)
granter: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom1, flags=1, count=1}) = 0 {index=at}
granter: ioctl(gb, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom1, flags=1, count=1}) = 0
granter: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom1, flags=1, count=1}) = 0
granter: p = mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_SHARED, ga, at)
END
	for step; do
		echo "$step" >>"$file"
	done
}
scenario unsaid "granter: munmap(p, 8192) = 0"
scenario said "granter: munmap(p, 8192) = 0 hazard \"$walks\""
scenario other "granter: munmap(p, 8192) = 0 hazard \"gntalloc-undo-miscounts\""
scenario exit "granter: exit(0)"
scenario killed "kill -9 granter"
scenario nothing "granter: p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, ga, at) = _ hazard \"$walks\""
scenario at_the_end "granter: ga = open(\"/dev/xen/gntalloc\", O_RDWR)"
for on in model socket fuse; do
	if [ $on = fuse ]; then
		"$gntsim" run --front fuse -- true 2>/dev/null || continue
	fi
	expect 0 "said, $on" "$gntsim" play --on $on "$dir/said.scn"
	quiet
	for name in unsaid other exit killed at_the_end; do
		expect 1 "$name, $on" "$gntsim" play --on $on "$dir/$name.scn"
		says out "harm to the real kernel: $walks"
	done
	expect 1 "nothing, $on" "$gntsim" play --on $on "$dir/nothing.scn"
	says out "no harm to the kernel"
done
# What a kill brings about is told at the kill.
cat >"$dir/kill.scn" <<'END'
domain dom0 pv
process A in dom0
A: ga = open("/dev/xen/gntalloc", O_RDWR)
A: ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom0, flags=1, count=1}) = 0 {gref_ids=[r]}
A: gd = open("/dev/xen/gntdev", O_RDWR)
A: ioctl(gd, IOCTL_GNTDEV_MAP_GRANT_REF, {count=1, refs=[{domid=dom0, ref=r}]}) = 0 {index=i}
A: ioctl(gd, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, {index=i, action=1}) = 0
A: q = mmap(NULL, 4096, PROT_READ, MAP_SHARED, gd, i)
kill -9 A
END
expect 1 "harm by a kill" "$gntsim" play "$dir/kill.scn"
says out "kill.scn:9:1: expected success, got harm to the real kernel"
[ $failed = 0 ]
