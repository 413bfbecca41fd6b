# shellcheck shell=bash disable=SC2154,SC2034 # lab_* come from and go to ci/xen-lab
# gntsim itself on a kernel of Debian's with a small Debian around it, and without Xen: tests of a build tree, in
# the places that they have here.

lab_root_packages=(bash coreutils dash diffutils findutils fuse3 grep libcunit1 libdw1 libfuse3-3 libjson-c5
	libseccomp2 libxenevtchn1 libxengnttab1 libxenmisc4.17 libxenstore4 libxentoollog1 mawk mount sed
	strace util-linux)

# Leaves it, as packages have it, in $lab_root.
lab_fetch_root() { # ARCHITECTURE
	lab_root=$lab_cache/root-$1-$(echo "${lab_root_packages[@]}" | cksum | cut -d' ' -f1)
	[ ! -e "$lab_root" ] || return 0
	(
		lab_debs=$lab_cache/debs-root-$1
		lab_use_apt "root-$1" "$1"
		needed=$(lab_with_dependencies "${lab_root_packages[@]}")
		[ "$needed" ] || lab_fail "apt does not know what ${lab_root_packages[*]} need on $1"
		# shellcheck disable=SC2086
		lab_unpack "$lab_root" $needed
		rm -rf "$lab_root"/usr/share/{doc,info,locale,man} "$lab_root/usr/lib/python3"*
	)
}

# Over what every guest has: Debian's programs in place of busybox's, where they are expected.
lab_lay_root() { # DIRECTORY ARCHITECTURE
	local half
	lab_fetch_root "$2"
	mkdir -p "$1"/{usr,etc,root,var/tmp}
	mv "$1/bin" "$1/usr/bin"
	ln -s usr/bin "$1/bin"
	for half in sbin lib lib64; do
		mkdir -p "$1/usr/$half"
		ln -s "usr/$half" "$1/$half"
	done
	for half in "" usr/; do
		(cd "$lab_root/$half" && for it in bin sbin lib lib64; do
			[ ! -e $it ] || cp -a --remove-destination $it "$1/usr/"
		done)
	done
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$1/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$1/etc/group"
	ln -s /proc/mounts "$1/etc/mtab"
	ln -sf dash "$1/usr/bin/sh"
	ln -sf mawk "$1/usr/bin/awk"
}

# What of a build tree and of the sources tests use, at the same paths.
lab_lay_trees() { # DIRECTORY BUILD
	local source
	source=$(readlink -f "$lab_pieces/../..")
	mkdir -p "$1$2" "$1$source"
	(cd "$source" && git ls-files -z fakedev include man scenarios tests ci | xargs -0 cp --parents -t "$1$source")
	(cd "$2" && find gntsim binding fakedev scenarios sim tests \
			\( -name '*.p' -o -name go-cache -o -name '*-asan' \) -prune -o ! -type d ! -name '*.a' ! -name '*.o' -print0 |
		xargs -0 cp -P --parents -t "$1$2")
}

lab_host() { # LEG [OPTION]... [--build DIRECTORY] [--timeout SECONDS] [-- TEST...]
	local leg=$1 build='' limit=7200 patience=20 arch root=$lab_pieces/../..
	shift
	arch=$(lab_architecture "$leg")
	lab_take_tree_options "$leg" "$@"
	set -- "${lab_rest[@]}"
	if [ ! "$build" ]; then
		build=$root/build
		[ "$arch" = "$(dpkg --print-architecture)" ] || build=$root/build/$arch
	fi
	[ -x "$build/gntsim" ] || lab_fail "no $build/gntsim: ci/arch $arch makes it"
	build=$(readlink -f "$build")
	# (There is no xenstored in that Debian, for libxenvchan's; the whole kill tests take hours there. The suite ptrace
	# has the kill test, each call once. What takes longest comes late.)
	[ $# -gt 0 ] || set -- unit 'places root' 'clients:[!kv]* pv-pvh' 'vfork pv-pvh' ptrace 'fuse-clients:[!kv]* fuse' \
		'vfork fuse' 'clients ptrace' 'kill '{socket,fuse} corpus-{socket,fuse,ptrace} yama
	lab_prepare "$leg"
	mkdir -p "$lab_directory/trees"
	lab_lay_trees "$lab_directory/trees" "$build"
	"$lab_pieces/tests_of.py" "$build" "$patience" "$@" >"$lab_directory/tests" || lab_fail "no tests: $*"
	lab_files=()
	for root in "$lab_directory/trees"/*; do
		lab_files+=(--file "$root=/$(basename "$root")")
	done
	"$lab_self" run "$leg" "${lab_cell_options[@]}" --timeout "$limit" "${lab_files[@]}" \
		--file "$lab_directory/tests=/lab/tests" -- "$lab_pieces/play-tests" /lab/tests
}
