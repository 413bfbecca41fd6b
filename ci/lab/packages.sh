# shellcheck shell=bash disable=SC2154 # lab_* come from ci/xen-lab
# What the lab needs from Debian, fetched and unpacked into the cache; nothing is installed.

lab_boot_packages=(busybox-static xen-hypervisor-4.17-amd64)
lab_tool_packages=(
	xen-utils-4.17 xenstore-utils
	libxenmisc4.17 libxencall1 libxendevicemodel1 libxenevtchn1 libxenforeignmemory1
	libxengnttab1 libxenhypfs1 libxenstore4 libxentoolcore1 libxentoollog1
	libyajl2 libuuid1 liblzma5 libzstd1 zlib1g libc6 libgcc-s1
)

# The package that holds a kernel: the newest of its series that apt knows, or one already in the
# cache.
lab_kernel_package() { # SERIES
	local pattern
	case $1 in
	6.1) pattern='linux-image-6\.1\.0-[0-9]+-amd64' ;;
	6.12) pattern='linux-image-6\.12\.[0-9]+\+deb12-amd64' ;;
	*) lab_fail "no kernel series '$1': 6.1 and 6.12 are known" ;;
	esac
	{
		find "$lab_cache/debs" -name '*.deb' -printf '%f\n' | cut -d_ -f1 | grep -Ex "$pattern"
	} | sort -V | tail -1 | grep . && return
	command -v apt-cache >/dev/null ||
		lab_fail "no kernel $1: put a package named like $pattern into $lab_cache/debs"
	apt-cache pkgnames linux-image | grep -Ex "$pattern" | sort -V | tail -1 | grep . ||
		lab_fail "apt knows no package named like $pattern:" \
			"add Debian 12's main and security archives to apt's sources and run apt-get update," \
			"or put the package into $lab_cache/debs"
}

lab_has_deb() { # PACKAGE
	compgen -G "$lab_cache/debs/$1_*.deb" >/dev/null
}

# Unpacks packages, downloading those that the cache lacks, into a directory that then holds them
# all.
lab_unpack() { # DIRECTORY PACKAGE...
	local into=$1 package missing=()
	shift
	if [ -e "$into" ]; then
		return
	fi
	for package; do
		lab_has_deb "$package" || missing+=("$package")
	done
	if [ ${#missing[@]} -gt 0 ]; then
		command -v apt-get >/dev/null ||
			lab_fail "missing packages: ${missing[*]}: put their .deb files into $lab_cache/debs"
		lab_say "downloading ${missing[*]}"
		(cd "$lab_cache/debs" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download "${missing[@]}") ||
			lab_fail "apt-get could not download ${missing[*]}:" \
				"run apt-get update with Debian 12's main and security archives among apt's sources," \
				"or put their .deb files into $lab_cache/debs"
	fi
	rm -rf "$into.part"
	for package; do
		dpkg-deb -x "$(compgen -G "$lab_cache/debs/${package}_*.deb" | sort -V | tail -1)" "$into.part"
	done
	mv "$into.part" "$into"
}

# QEMU is the one thing that has to be installed.
lab_need_qemu() {
	command -v qemu-system-x86_64 >/dev/null && return
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		lab_say "installing qemu-system-x86"
		DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends qemu-system-x86 >&2
	else
		lab_fail "qemu-system-x86_64 is missing: apt-get install qemu-system-x86 (as root)"
	fi
}

lab_need_commands() { # COMMAND...
	local command
	for command; do
		command -v "$command" >/dev/null || lab_fail "$command is missing"
	done
}

# The ELF kernel inside a bzImage: booting it saves each guest the slow, emulated decompression.
lab_extract_vmlinux() { # VMLINUZ VMLINUX
	local magic unpack offset
	while read -r magic unpack; do
		while read -r offset; do
			tail -c "+$((offset + 1))" "$1" | $unpack >"$2.part" 2>/dev/null || true
			if [ "$(head -c 4 "$2.part")" = $'\x7fELF' ]; then
				mv "$2.part" "$2"
				return
			fi
		done < <(LC_ALL=C grep -aobP "$magic" "$1" | cut -d: -f1)
	done <<'END'
\xFD7zXZ\x00 xz -dc
\x28\xB5\x2F\xFD zstd -dc
\x1F\x8B\x08 gzip -dc
END
	rm -f "$2.part"
	lab_fail "no kernel found in $1 (are xz and zstd installed?)"
}

lab_fetch_boot() {
	lab_unpack "$lab_cache/boot" "${lab_boot_packages[@]}"
	[ -e "$lab_cache/xen" ] || gzip -dc "$lab_cache"/boot/boot/xen-4.17-amd64.gz >"$lab_cache/xen"
	lab_busybox=$lab_cache/boot/bin/busybox
	[ -e "$lab_busybox" ] || lab_busybox=$lab_cache/boot/usr/bin/busybox
}

lab_fetch_tools() {
	lab_unpack "$lab_cache/tools" "${lab_tool_packages[@]}"
}

# Leaves the kernel at $lab_kernel/vmlinux, and its modules below $lab_kernel.
lab_fetch_kernel() { # SERIES
	local package
	lab_kernel=$lab_cache/kernel-$1
	if [ ! -e "$lab_kernel" ]; then
		package=$(lab_kernel_package "$1")
		lab_unpack "$lab_kernel" "$package"
	fi
	[ -e "$lab_kernel/vmlinux" ] ||
		lab_extract_vmlinux "$(compgen -G "$lab_kernel/boot/vmlinuz-*")" "$lab_kernel/vmlinux"
}
