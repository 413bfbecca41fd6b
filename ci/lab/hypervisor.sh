# shellcheck shell=bash disable=SC2154,SC2034 # lab_* come from and go to ci/xen-lab
# Busybox; hypervisors, Debian's or somebody's own, and the tools that belong to them.

# The suite of Debian's that has a version of Xen.
lab_suites_of_xen() { # VERSION
	case $1 in
	4.14) echo bullseye bullseye-security ;;
	4.17) echo bookworm bookworm-security ;;
	4.20) echo trixie trixie-security ;;
	*) lab_fail "no Xen '$1' in Debian: 4.14, 4.17 and 4.20 are known; --xen FILE boots your own" ;;
	esac
}

# Runs a command with the apt of that suite, and packages where no other version of them lies.
lab_of_suites() { # VERSION ARCHITECTURE COMMAND...
	local version=$1 arch=$2 suites
	shift 2
	if [ "$version $arch" = "4.17 $(dpkg --print-architecture)" ]; then
		"$@"
		return
	fi
	suites=$(lab_suites_of_xen "$version") || exit
	# shellcheck disable=SC2030
	(
		lab_debs=$lab_cache/debs-xen-$version-$arch
		# shellcheck disable=SC2086
		lab_use_apt "xen-$version-$arch" "$arch" $suites
		"$@"
	)
}

lab_in_tree() { # DIRECTORY NAME...: the first of them that is there, in either half of a merged /usr
	local name
	for name in "${@:2}"; do
		[ ! -e "$1/$name" ] || { echo "$1/$name" && return; }
	done
}

lab_fetch_boot() { # ARCHITECTURE
	# This host's runs here; the guest has its own.
	lab_unpack "$lab_cache/busybox" busybox-static
	lab_busybox=$(lab_in_tree "$lab_cache/busybox" bin/busybox usr/bin/busybox)
	lab_guest_busybox=$lab_busybox
	[ "$1" != arm64 ] || {
		# Each boot asks; apt takes its time to say where it has its packages from.
		[ -e "$lab_cache/busybox-arm64" ] ||
			lab_of_suites 4.17 arm64 lab_unpack "$lab_cache/busybox-arm64" busybox-static
		lab_guest_busybox=$(lab_in_tree "$lab_cache/busybox-arm64" bin/busybox usr/bin/busybox)
	}
}

# Leaves the hypervisor at $lab_hypervisor, and its name in $lab_xen_name.
lab_fetch_xen() { # VERSION ARCHITECTURE
	local tree=$lab_cache/hypervisor-$1-$2 file
	lab_xen_name=$1 lab_hypervisor=$lab_cache/xen-$1-$2
	[ ! -e "$lab_hypervisor" ] || return 0
	lab_of_suites "$1" "$2" lab_unpack "$tree" "xen-hypervisor-$1-$2"
	file=$(compgen -G "$tree/boot/xen-$1*-$2.gz" || compgen -G "$tree/boot/xen-$1*-$2" || true)
	[ "$file" ] || lab_fail "the package of Xen $1 holds no hypervisor"
	lab_lay_xen "$file" "$2"
}

lab_lay_xen() { # FILE ARCHITECTURE
	if lab_has_bytes "$1" 0 $'\x1f\x8b'; then gzip -dc "$1"; else cat "$1"; fi >"$lab_hypervisor.part"
	if [ "$2" = arm64 ]; then
		lab_has_bytes "$lab_hypervisor.part" 56 'ARMd'
	else
		lab_has_bytes "$lab_hypervisor.part" 0 $'\x7fELF'
	fi || lab_fail "$1 is no hypervisor for $2: expected xen.gz or xen of a build for $2"
	mv "$lab_hypervisor.part" "$lab_hypervisor"
}

lab_take_xen() { # FILE ARCHITECTURE
	lab_xen_name=own-$(lab_digest "$1")
	lab_hypervisor=$lab_cache/xen-$lab_xen_name-$2
	[ -e "$lab_hypervisor" ] || lab_lay_xen "$1" "$2"
}

# The tools of a version, with all that they need.
lab_fetch_tools() { # VERSION ARCHITECTURE
	lab_tools=$lab_cache/tools-$1-$2
	[ -e "$lab_tools" ] || lab_of_suites "$1" "$2" lab_unpack_tools "$1"
}

lab_unpack_tools() { # VERSION
	local needed
	# shellcheck disable=SC2031
	if [ "$lab_debs" = "$lab_cache/debs" ]; then
		# The host's own apt has them, and its host may have some of them installed.
		needed=${lab_tool_packages[*]}
	else
		# The libraries; not the Python and Perl that no guest of ours runs.
		needed=$(lab_with_dependencies "xen-utils-$1" xenstore-utils | tr ' ' '\n' |
			grep -E '^(xen-utils-[0-9.]+|xenstore-utils|lib[^:]*|zlib1g)$' | grep -vE 'python|perl' | tr '\n' ' ')
		[ "$needed" ] || lab_fail "apt does not know what xen-utils-$1 needs"
	fi
	# shellcheck disable=SC2086
	lab_unpack "$lab_tools" $needed
}

lab_tool_packages=(
	xen-utils-4.17 xenstore-utils
	libxenmisc4.17 libxencall1 libxendevicemodel1 libxenevtchn1 libxenforeignmemory1
	libxengnttab1 libxenhypfs1 libxenstore4 libxentoolcore1 libxentoollog1
	libyajl2 libuuid1 liblzma5 libzstd1 zlib1g libc6 libgcc-s1
)
