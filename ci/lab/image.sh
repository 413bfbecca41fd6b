# shellcheck shell=bash disable=SC2154 # lab_* come from ci/xen-lab
# Guest images: a busybox, an init, the modules in load order, and for two domains Xen's tools and
# a second guest.

lab_virtio_modules=(virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_console)
lab_xen_modules=(xen-privcmd xen-evtchn xen-gntalloc xen-gntdev xenfs)

lab_pack() { # DIRECTORY CPIO
	(cd "$1" && find . | LC_ALL=C sort | "$lab_busybox" cpio -o -H newc -R 0:0 2>/dev/null) >"$2"
}

lab_lay_base() { # DIRECTORY INIT LEG SERIES
	local applet
	mkdir -p "$1"/{bin,lab/modules,dev}
	cp "$lab_busybox" "$1/bin/busybox"
	for applet in $("$lab_busybox" --list | grep -vx busybox); do
		ln -s busybox "$1/bin/$applet"
	done
	cp "$lab_pieces/guest/$2" "$1/init"
	chmod 755 "$1/init"
	printf 'leg=%s\nkernel=%s\n' "$3" "$4" >"$1/lab/leg"
}

# Modules are numbered, so that a guest's init can load them in order; those built into the kernel
# are skipped.
lab_lay_modules() { # DIRECTORY MODULE...
	local into=$1/lab/modules module file number=10
	shift
	for module; do
		file=$(find "$lab_kernel"/lib/modules -name "$module.ko*")
		case $file in
		*.ko) cp "$file" "$into/$number-$module.ko" ;;
		*.ko.xz) xz -dc "$file" >"$into/$number-$module.ko" ;;
		*)
			grep -q "/$module.ko\$" "$lab_kernel"/lib/modules/*/modules.builtin ||
				lab_fail "kernel $lab_kernel has no module $module"
			;;
		esac
		number=$((number + 1))
	done
}

# The tools with every library they need, found by the package's own dynamic linker.
lab_lay_tools() { # DIRECTORY
	local tools=$lab_cache/tools linker libraries tool library
	linker=$(find "$tools"/lib/x86_64-linux-gnu "$tools"/usr/lib/x86_64-linux-gnu \
		-name 'ld-linux-x86-64.so.2' 2>/dev/null | head -1)
	libraries=$tools/lib/x86_64-linux-gnu:$tools/usr/lib/x86_64-linux-gnu
	mkdir -p "$1"/{lib64,lib,usr/bin,usr/lib/xen-4.17/bin,etc/xen}
	: >"$1/etc/xen/xl.conf"
	for tool in usr/lib/xen-4.17/bin/{xl,xenstored,xen-init-dom0} usr/bin/xenstore{,-read,-write,-ls,-watch,-rm}; do
		cp -a "$tools/$tool" "$1/$tool"
		[ ! -h "$tools/$tool" ] || continue
		for library in $("$linker" --library-path "$libraries" --list "$tools/$tool" | awk '$2 == "=>" {print $3}'); do
			cp -Lu "$library" "$1/lib/"
		done
	done
	cp -L "$linker" "$1/lib64/"
	cp -L "$(find "$tools" -name libgcc_s.so.1 | head -1)" "$1/lib/" # xl aborts without it
	ln -s ../usr/lib/xen-4.17/bin/{xl,xenstored} "$1/bin/"
}

lab_lay_domU() { # DIRECTORY TYPE LEG SERIES
	local domU=$1.domU
	lab_lay_base "$domU" init-domU "$3" "$4"
	lab_lay_modules "$domU" "${lab_xen_modules[@]}"
	lab_pack "$domU" "$1/lab/domU.cpio"
	cp "$lab_kernel/vmlinux" "$1/lab/vmlinux"
	# Linux reads the time stamp counter at each system call (for the offset of its stack): emulated
	# by Xen, which is the default here, that makes a call of 1 us one of 100.
	cat >"$1/lab/domU.cfg" <<END
name = "domU"
type = "$2"
kernel = "/lab/vmlinux"
ramdisk = "/lab/domU.cpio"
memory = 192
vcpus = 1
tsc_mode = "native"
max_event_channels = 131071
extra = "console=hvc0 loglevel=1 oops=panic panic=-1"
on_poweroff = "destroy"
on_reboot = "destroy"
on_crash = "destroy"
END
	cp "$lab_pieces/guest/start-domU.sh" "$1/lab/start-domU"
	"${CC:-cc}" -static -O2 -o "$1/lab/console" "$lab_pieces/console.c" ||
		lab_fail "cannot build $lab_pieces/console.c: a C compiler and a static C library are needed"
}

# Leaves the image's directory in $lab_image and its initrd at $lab_image/initrd; made again when
# its sources change.
lab_make_image() { # LEG SERIES
	local leg=$1 series=$2 key tree
	lab_fetch_boot
	lab_fetch_kernel "$series"
	case $leg in *+*) lab_fetch_tools ;; esac

	lab_image=$lab_cache/images/$leg-$series
	key=$(
		cat "$lab_pieces"/{image,boot}.sh "$lab_pieces/console.c" "$lab_pieces"/guest/* | cksum
		ls -l "$lab_kernel/boot"
		qemu-system-x86_64 --version
	)
	if [ -e "$lab_image/initrd" ] && [ "$(cat "$lab_image/key")" = "$key" ]; then
		return
	fi
	lab_say "making the image for $leg on Linux $series"
	rm -rf "$lab_image"
	mkdir -p "$lab_image"
	tree=$lab_image/tree
	lab_lay_base "$tree" init "$leg" "$series"
	case $leg in
	cuse) lab_lay_modules "$tree" "${lab_virtio_modules[@]}" fuse cuse ;;
	pv) lab_lay_modules "$tree" "${lab_virtio_modules[@]}" "${lab_xen_modules[@]}" ;;
	pv+*)
		lab_lay_modules "$tree" "${lab_virtio_modules[@]}" "${lab_xen_modules[@]}"
		lab_lay_tools "$tree"
		lab_lay_domU "$tree" "${leg#pv+}" "$leg" "$series"
		;;
	esac
	lab_pack "$tree" "$lab_image/initrd"
	rm -rf "$tree" "$tree.domU"
	printf '%s' "$key" >"$lab_image/key"
}

# What one run puts into its guests: the program, its arguments as a script, and further files.
lab_make_payload() { # CPIO PROGRAM ARGUMENT... (files in the array lab_files)
	local cpio=$1 program=$2 tree=$1.tree file argument
	shift 2
	rm -rf "$tree"
	mkdir -p "$tree/lab"
	install -m 755 "$program" "$tree/lab/program"
	{
		printf '#!/bin/sh\nexec /lab/program'
		for argument; do
			printf " '%s'" "${argument//\'/\'\\\'\'}"
		done
		echo
	} >"$tree/lab/run"
	chmod 755 "$tree/lab/run"
	for file in ${lab_files[@]+"${lab_files[@]}"}; do
		mkdir -p "$tree/$(dirname "${file##*=}")"
		cp -rL "${file%=*}" "$tree/${file##*=}"
	done
	lab_pack "$tree" "$cpio.cpio"
	{
		stat -c %s "$cpio.cpio"
		cat "$cpio.cpio"
	} >"$cpio"
	rm -rf "$tree" "$cpio.cpio"
}
