# shellcheck shell=bash disable=SC2154 # lab_* come from ci/xen-lab
# What the real drivers of Debian's kernels are made of: their source, and what builds modules for the very
# kernel that a leg boots. Fetched as packages into the cache, like the rest.

lab_driver_files=(gntdev.c gntdev-common.h gntdev-dmabuf.c gntdev-dmabuf.h gntalloc.c evtchn.c)

# Runs a command with an apt that has the kernels of an architecture: the host's, if it knows this package.
lab_with_kernel_apt() { # ARCHITECTURE PACKAGE COMMAND...
	local arch=$1 package=$2
	shift 2
	if [ "$arch" = "$(dpkg --print-architecture)" ] && apt-cache show "$package" >/dev/null 2>&1; then
		"$@"
	else
		(
			lab_use_apt "kernels-$arch" "$arch" "${lab_kernel_suites[@]}"
			"$@"
		)
	fi
}

lab_name_kbuild() { # HEADERS
	apt-cache depends "$1" | grep -oE 'linux-kbuild-[^ :]+' | head -n 1
}

# The programs of a kernel's build are this host's, whatever it builds for: not where the packages of the
# other architecture's are, which have the same name.
lab_unpack_kbuild() { # DIRECTORY HEADERS ARCHITECTURE
	local name host lab_debs
	name=$(lab_with_kernel_apt "$3" "$2" lab_name_kbuild "$2")
	[ "$name" ] || lab_fail "apt does not know what $2 needs"
	host=$(dpkg --print-architecture)
	lab_debs=$lab_cache/debs-kbuild-$host
	lab_with_kernel_apt "$host" "$name" lab_unpack "$1" "$name"
}

lab_unpack_headers() { # DIRECTORY HEADERS ARCHITECTURE
	lab_with_kernel_apt "$3" "$2" lab_unpack "$1" "$2" "${2%-"$3"}-common"
	lab_unpack_kbuild "$1.kbuild" "$2" "$3"
	cp -a "$1.kbuild/." "$1/"
	rm -rf "$1.kbuild"
	# It says where the other half is once it is installed.
	sed -i "s|include /usr/src/|include $1/usr/src/|" "$1/usr/src/$2/Makefile"
}

# Of a whole kernel's source the drivers, and how they are made.
lab_lay_driver_source() { # DIRECTORY PACKAGE
	local file
	mkdir -p "$1"
	dpkg-deb --fsys-tarfile "$(lab_deb "$2")" | tar -xOf - "./usr/src/$2.tar.xz" | xz -dc |
		tar -xf - -C "$1" --strip-components=3 --wildcards "${lab_driver_files[@]/#/*/drivers/xen/}" ||
		lab_fail "$2 has no drivers/xen"
	for file in gntdev gntalloc evtchn; do
		[ -e "$1/$file.c" ] || lab_fail "$2 has no drivers/xen/$file.c"
	done
	cat >"$1/Makefile" <<-'END_MAKEFILE'
		obj-m := xen-gntdev.o xen-gntalloc.o xen-evtchn.o
		xen-gntdev-y := gntdev.o
		xen-gntdev-$(CONFIG_XEN_GNTDEV_DMABUF) += gntdev-dmabuf.o
		xen-gntalloc-y := gntalloc.o
		xen-evtchn-y := evtchn.o
	END_MAKEFILE
}

# make of a kernel's headers, for the kernel's architecture.
lab_make_drivers() { # DIRECTORY RELEASE ARCHITECTURE
	local cross=()
	[ "$3" != arm64 ] ||
		cross=(DEB_BUILD_ARCH="$(dpkg --print-architecture)" DEB_HOST_ARCH=arm64 DEB_HOST_GNU_TYPE=aarch64-linux-gnu)
	make -s -C "$1/headers/usr/src/linux-headers-$2" M="$1/xen" "${cross[@]}" modules >"$1/make.log" 2>&1 ||
		lab_fail "the drivers of $2 do not build: see $1/make.log (are make and $(lab_driver_compiler "$3") there?)"
}

lab_driver_compiler() { # ARCHITECTURE
	if [ "$1" = arm64 ]; then echo aarch64-linux-gnu-gcc-12; else echo gcc-12; fi
}

# Leaves at $lab_drivers: headers, and xen with the sources and the modules that were built of them.
lab_fetch_drivers() { # LEG
	local arch release version series
	arch=$(lab_architecture "$1")
	[ -z "$lab_own_image" ] || lab_fail "drivers: the sources of your own kernel are with you"
	[ "$lab_kernel_wanted" != newest ] || lab_kernel_wanted=$(lab_newest_kernel "$arch")
	lab_fetch_kernel "$lab_kernel_wanted" "$arch"
	release=$(cat "$lab_kernel/release")
	version=$(sed -nE 's/.* Debian ([^ ]+) .*/\1/p' "$lab_kernel/banner")
	series=$(lab_kernel_version | cut -d. -f1,2)
	lab_drivers=$lab_cache/drivers-$release lab_release=$release
	[ ! -e "$lab_drivers/made" ] || return 0
	lab_need_commands make "$(lab_driver_compiler "$arch")"
	rm -rf "$lab_drivers"
	mkdir "$lab_drivers"
	lab_unpack_headers "$lab_drivers/headers" "linux-headers-$release" "$arch"
	find "$lab_debs" -name "linux-source-${series}_*" ! -name "*_${version}_*" -delete # another kernel's
	lab_with_kernel_apt "$arch" "linux-headers-$release" \
		lab_unpack "$lab_drivers/package" "linux-source-$series=$version"
	rm -rf "$lab_drivers/package"
	lab_lay_driver_source "$lab_drivers/xen" "linux-source-$series"
	lab_make_drivers "$lab_drivers" "$release" "$arch"
	touch "$lab_drivers/made"
}

# For who patches them: lines "headers DIRECTORY" and "source DIRECTORY".
drivers() { # LEG [OPTION]...
	[ $# -gt 0 ] || lab_fail "drivers: which leg? see ci/xen-lab --help"
	local leg=$1
	lab_check_leg "$leg"
	shift
	lab_take_options "$@"
	lab_prepare "$leg"
	lab_lock
	lab_fetch_drivers "$leg"
	lab_unlock
	echo "headers $lab_drivers/headers/usr/src/linux-headers-$lab_release"
	echo "source $lab_drivers/xen"
}
