# shellcheck shell=bash disable=SC2154,SC2034 # lab_* come from ci/xen-lab
# Guest images: a busybox, an init, the modules in load order, and for two domains Xen's tools and
# a second guest.

lab_xen_modules=(xen-privcmd xen-evtchn xen-gntalloc xen-gntdev xenfs)

lab_virtio_modules() { # LEG
	case $1 in
	arm64*) echo virtio_ring virtio virtio_mmio virtio_console ;;
	*) echo virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_console ;;
	esac
}

lab_pack() { # DIRECTORY CPIO
	(cd "$1" && find . | LC_ALL=C sort | "$lab_busybox" cpio -o -H newc -R 0:0 2>/dev/null) >"$2"
}

lab_lay_base() { # DIRECTORY INIT LEG
	local applet
	mkdir -p "$1"/{bin,lab/modules,lab/late,dev}
	cp "$lab_guest_busybox" "$1/bin/busybox"
	for applet in $("$lab_busybox" --list | grep -vx busybox); do
		ln -s busybox "$1/bin/$applet"
	done
	cp "$lab_pieces/guest/$2" "$1/init"
	cp "$lab_pieces/guest/load-modules" "$1/lab/"
	chmod 755 "$1/init"
	printf 'leg=%s\nkernel=%s\nxen=%s\nprocessors=%s\n' "$3" "$lab_series" \
		"$(! lab_has_xen "$3" || echo "$lab_tools_wanted")" "$(lab_processors "$3")" >"$1/lab/leg"
}

lab_lay_module() { # FILE DESTINATION
	case $1 in
	*.ko) cp "$1" "$2" ;;
	*.xz) xz -dc "$1" >"$2" ;;
	*.zst) zstd -dcq "$1" >"$2" ;;
	*.gz) gzip -dc "$1" >"$2" ;;
	esac
}

# The file of a module of the kernel's, or what --module says.
lab_find_module() { # MODULE
	local own
	for own in ${lab_own_modules[@]+"${lab_own_modules[@]}"}; do
		[ "${own%%=*}" != "$1" ] || { echo "${own#*=}" && return; }
	done
	find -L "$lab_kernel/modules/" \( -name "$1.ko" -o -name "$1.ko.[xgz]*" -o -name "${1//-/_}.ko" -o -name "${1//-/_}.ko.[xgz]*" \) |
		head -n 1
}

# Where a kernel says what is built into it, and a driver is not, there is no need to boot it. (How virtio is
# cut into modules changes with the kernel: the guest sees whether it works.)
lab_must_be_built_in() { # MODULE
	local list=$lab_kernel/modules/modules.builtin
	[ -s "$list" ] && [[ $1 != virtio* ]] || return 0
	tr _ - <"$list" | grep -q "/${1//_/-}.ko\$" ||
		lab_fail "kernel $(cat "$lab_kernel/release") has no $1: no module, and it is not built in"
}

# Modules are numbered, so that a guest's init can load them in order; those built into the kernel
# are skipped.
lab_lay_modules() { # DIRECTORY MODULE...
	local into=$1/lab/modules module file number=10
	shift
	for module; do
		file=$(lab_find_module "$module")
		if [ -z "$file" ]; then
			lab_must_be_built_in "$module"
		elif ! lab_is_late "$module"; then
			lab_lay_module "$file" "$into/$number-$module.ko"
		fi
		number=$((number + 1))
	done
}

# A driver of one's own, and those that use it.
lab_is_late() { # MODULE
	local own
	lab_late_modules "$lab_leg" || return 1
	for own in ${lab_own_modules[@]+"${lab_own_modules[@]}"}; do
		[ "${own%%=*}" != "$1" ] || return 0
	done
	return 1
}

# A file's libraries, and theirs.
lab_lay_libraries() { # DIRECTORY FILE
	local library file
	for library in $(readelf -d "$2" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
		[ ! -e "$1/lib/$library" ] || continue
		file=$(find -L "$lab_tools" -name "$library" -type f | head -n 1)
		[ "$file" ] || lab_fail "${2##*/} of Xen $lab_tools_wanted needs $library, which no package of it has"
		cp -L "$file" "$1/lib/"
		lab_lay_libraries "$1" "$file"
	done
}

# The tools with every library they need, and the dynamic linker where they look for it.
lab_lay_tools() { # DIRECTORY
	local bin=usr/lib/xen-$lab_tools_wanted/bin linker tool
	mkdir -p "$1"/{lib64,lib,usr/bin,"$bin",etc/xen}
	: >"$1/etc/xen/xl.conf"
	for tool in "$bin"/{xl,xenstored,xen-init-dom0} usr/bin/xenstore{,-read,-write,-ls,-watch,-rm}; do
		[ -e "$lab_tools/$tool" ] || [ -h "$lab_tools/$tool" ] ||
			lab_fail "the tools of Xen $lab_tools_wanted have no $tool"
		cp -a "$lab_tools/$tool" "$1/$tool"
		[ -h "$lab_tools/$tool" ] || lab_lay_libraries "$1" "$lab_tools/$tool"
	done
	linker=$(cd "$1/lib" && compgen -G 'ld-linux-*.so.*')
	[ "$linker" != ld-linux-x86-64.so.2 ] || ln -s "../lib/$linker" "$1/lib64/$linker"
	cp -L "$(find "$lab_tools" -name libgcc_s.so.1 | head -1)" "$1/lib/" # xl aborts without it
	ln -s "../$bin"/{xl,xenstored} "$1/bin/"
}

lab_lay_domU() { # DIRECTORY LEG
	local domU=$1.domU memory=192
	[[ $2 != arm64* ]] || memory=512 # room for a large map
	lab_lay_base "$domU" init-domU "$2"
	lab_lay_modules "$domU" "${lab_xen_modules[@]}"
	cp "$lab_kernel/image" "$1/lab/vmlinux"
	{
		# Linux reads the time stamp counter at each system call (for the offset of its stack): emulated
		# by Xen, which is the default here, that makes a call of 1 us one of 100.
		case $2 in
		pv+*) printf 'type = "%s"\ntsc_mode = "native"\ncpus = "%d"\n' "${2#pv+}" $(($(lab_processors "$2") - 1)) ;;
		esac
		cat <<-END
			name = "domU"
			kernel = "/lab/vmlinux"
			ramdisk = "/lab/domU.cpio"
			memory = $memory
			vcpus = 1
			max_event_channels = 131071
			extra = "console=hvc0 loglevel=1 xen_privcmd.unrestricted=1 $(lab_linux_options "$2")"
			on_poweroff = "destroy"
			on_reboot = "destroy"
			on_crash = "destroy"
		END
		printf '%s\n' "$lab_config_append"
	} >"$1/lab/domU.cfg"
	cp "$lab_pieces/guest/start-domU.sh" "$1/lab/start-domU"
	lab_build_tool "$2" console "$1/lab/console"
	lab_build_tool "$2" destroy "$1/lab/destroy"
	lab_build_tool "$2" window "$1/lab/window"
	cp "$1/lab/window" "$domU/lab/window"
	lab_pack "$domU" "$1/lab/domU.cpio"
}

lab_build_tool() { # LEG NAME FILE
	"$(lab_compiler "$1")" -static -O2 -s -o "$3" "$lab_pieces/$2.c" ||
		lab_fail "cannot build $lab_pieces/$2.c: a C compiler and a static C library are needed"
}

lab_compiler() { # LEG
	case $1 in
	arm64*) echo aarch64-linux-gnu-gcc ;;
	*) echo "${CC:-cc}" ;;
	esac
}

# Leaves the image's directory in $lab_image and its initrd at $lab_image/initrd; made again when
# its sources change.
lab_make_image() { # LEG
	local leg=$1 key tree
	lab_leg=$leg
	lab_enter_cell "$leg"
	lab_image=$lab_cache/images/$lab_cell
	key=$(
		cat "$lab_pieces"/{image,boot,machine,host}.sh "$lab_pieces"/*.[ch] "$lab_pieces"/guest/* | cksum
		ls -lL "$lab_kernel/image" ${lab_hypervisor:+"$lab_hypervisor"} 2>/dev/null
		"$(lab_emulator "$leg")" --version
		lab_processors "$leg"
	)
	if [ -e "$lab_image/initrd" ] && [ "$(cat "$lab_image/key")" = "$key" ]; then
		return
	fi
	lab_say "making the image for $lab_cell ($(cut -c-40 "$lab_kernel/banner"))"
	rm -rf "$lab_image"
	mkdir -p "$lab_image"
	tree=$lab_image/tree
	lab_lay_base "$tree" init "$leg"
	# shellcheck disable=SC2046
	case $leg in
	cuse | *-host) lab_lay_modules "$tree" $(lab_virtio_modules "$leg") fuse cuse ;;
	*) lab_lay_modules "$tree" $(lab_virtio_modules "$leg") "${lab_xen_modules[@]}" ;;
	esac
	case $leg in
	*+*)
		lab_lay_tools "$tree"
		lab_lay_domU "$tree" "$leg"
		;;
	esac
	[[ $leg != *-host ]] || lab_lay_root "$tree" "$(lab_architecture "$leg")"
	lab_pack "$tree" "$lab_image/initrd"
	rm -rf "$tree" "$tree.domU"
	printf '%s' "$key" >"$lab_image/key"
}

# Drivers of one's own go with the program: the guest that they are loaded in is frozen without them, once.
lab_lay_late() { # DIRECTORY
	local number=10 own module
	lab_late_modules "$lab_leg" || return 0
	for module in "${lab_xen_modules[@]}"; do
		for own in ${lab_own_modules[@]+"${lab_own_modules[@]}"}; do
			[ "${own%%=*}" = "$module" ] || continue
			mkdir -p "$1/lab/late"
			lab_lay_module "${own#*=}" "$1/lab/late/$number-$module.ko"
		done
		number=$((number + 1))
	done
}

# Words as a shell reads them, on one line.
lab_quote() { # WORD...
	local word
	for word; do
		printf " '%s'" "${word//\'/\'\\\'\'}"
	done
}

# What one run puts into its guests: the program, its arguments as a script, and further files.
lab_make_payload() { # CPIO PROGRAM ARGUMENT... (files in the array lab_files)
	local cpio=$1 program=$2 tree=$1.tree file
	shift 2
	rm -rf "$tree"
	mkdir -p "$tree/lab"
	install -m 755 "$program" "$tree/lab/program"
	{
		printf '#!/bin/sh\nexec /lab/program'
		lab_quote "$@"
		echo
	} >"$tree/lab/run"
	chmod 755 "$tree/lab/run"
	lab_lay_late "$tree"
	for file in ${lab_files[@]+"${lab_files[@]}"}; do
		mkdir -p "$tree/$(dirname "${file##*=}")"
		cp -rL "${file%=*}" "$tree/${file##*=}"
	done
	lab_pack "$tree" "$cpio.cpio"
	{
		echo "$(stat -c %s "$cpio.cpio")${lab_staged:+ staged}"
		cat "$cpio.cpio"
	} >"$cpio"
	rm -rf "$tree" "$cpio.cpio"
}
