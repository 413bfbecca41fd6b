# shellcheck shell=bash disable=SC2154,SC2054,SC2034 # lab_* come from ci/xen-lab; QEMU likes commas
# The machine that QEMU makes for a leg.

lab_emulator() { # LEG
	case $1 in
	arm64*) echo qemu-system-aarch64 ;;
	*) echo qemu-system-x86_64 ;;
	esac
}

# The host's ends of the guest's ports are in the directory; $1: the bus that they are on.
lab_ports() { # DEVICE DIRECTORY
	local port
	qemu+=(
		-nodefaults -display none -no-reboot
		-pidfile "$2/pid"
		-serial "file:$2/serial"
		-chardev "pipe,id=monitor,path=$2/monitor" -mon chardev=monitor,mode=readline
		-chardev "pipe,id=port1,path=$2/payload"
		-chardev "file,id=port2,path=$2/out"
		-chardev "file,id=port3,path=$2/err"
		-chardev "file,id=port4,path=$2/status"
		-device "$1"
	)
	for port in 1 2 3 4; do
		qemu+=(-device "virtserialport,nr=$port,chardev=port$port")
	done
}

# Two domains of amd64 each have a processor, where this machine has as many: who waits for the other need not
# be interrupted, and the emulator forgets no page at each turn of the domains. On Arm a guest of two can't be
# thawed, and each forgets its pages together with the other.
lab_processors() { # LEG
	if [[ $1 == pv+* ]] && [ "$(nproc)" -gt 1 ]; then
		echo 2
	else
		echo 1
	fi
}

# In the array qemu.
lab_machine() { # LEG DIRECTORY [thawed]
	case $1 in
	*+* | *-host) lab_memory=2048M ;;
	arm64) lab_memory=1536M ;; # a map of 65536 pages takes 256 MB there
	*) lab_memory=1024M ;;
	esac
	qemu=("$(lab_emulator "$1")" -m "$lab_memory" -accel tcg -smp "$(lab_processors "$1")")
	case $1 in
	arm64-host) lab_machine_arm64_host "$@" ;;
	arm64*) lab_machine_arm64 "$@" ;;
	*) lab_machine_amd64 "$@" ;;
	esac
}

# Of every guest's kernel. What is against speculation is only slow here, as are zeroed memory and security modules
# but the one for ptrace: they have no say in what Xen's devices do. On Arm a kernel that hangs in what a driver does
# has crashed, and kernel and programs have one set of page tables: when those change, which else is twice a system
# call, the emulator forgets all that it knows of pages (and mitigations=off leaves it so where the kernel's place is
# random).
lab_linux_options() { # LEG
	local options="mitigations=off init_on_alloc=0 lsm=yama oops=panic"
	[[ $1 != arm64* ]] || options+=" kpti=off"
	[[ $1 != arm64* || $1 = *-host ]] || options+=" softlockup_panic=1"
	echo "$options panic=-1"
}

lab_machine_amd64() { # LEG DIRECTORY [thawed]
	local linux
	linux="loglevel=5 $(lab_linux_options "$1") $lab_append"
	local xen="console=com1 com1=115200,8n1 noreboot=false spec-ctrl=no ${lab_xsm:+xsm=$lab_xsm}"
	qemu+=(-M q35,memory-backend=memory -device isa-debug-exit,iobase=0xf4,iosize=4)
	lab_ports virtio-serial-pci "$2"
	case $1 in
	cuse | *-host)
		qemu+=(-cpu qemu64 -append "console=ttyS0 $linux" -kernel "$lab_kernel/image" -initrd "$lab_image/initrd")
		return
		;;
	pv) qemu+=(-cpu qemu64 -append "$xen dom0_mem=512M") ;;
	# Who waits for the other domain yields: on one processor that one then runs, and only then, with this scheduler.
	pv+*)
		xen+=" asid=false sched=credit dom0_mem=768M dom0_max_vcpus=1 dom0_vcpus_pin"
		qemu+=(-cpu qemu64,+svm,+npt -append "$xen")
		;;
	esac
	# A guest that is thawed has both in its memory: QEMU would read 140 MB for nothing.
	if [ "${3-}" ]; then
		qemu+=(-kernel "$lab_hypervisor" -initrd "$lab_image/key")
	else
		qemu+=(-kernel "$lab_hypervisor" -initrd "$lab_kernel/image console=hvc0 $linux,$lab_image/initrd")
	fi
}

lab_machine_arm64_host() { # LEG DIRECTORY
	# With atomic instructions: of pairs that are tried again each is some calls of the emulator's.
	qemu+=(-M virt,gic-version=3,memory-backend=memory -cpu neoverse-n1)
	lab_ports virtio-serial-device "$2"
	qemu+=(-append "console=ttyAMA0 loglevel=5 $(lab_linux_options "$1") $lab_append"
		-kernel "$lab_kernel/image" -initrd "$lab_image/initrd")
}

# Nothing may lie at 0x48000000, where QEMU puts the device tree: kernels are above it.
lab_machine_arm64() { # LEG DIRECTORY
	local linux memory=768M

	linux="console=hvc0 loglevel=5 $(lab_linux_options "$1") rdinit=/init $lab_append"
	[ "$1" = arm64 ] || memory=900M
	qemu+=(-M virt,virtualization=on,gic-version=3,memory-backend=memory -cpu neoverse-n1)
	lab_ports virtio-serial-device "$2"
	qemu+=(
		-kernel "$lab_hypervisor"
		-append "dom0_mem=$memory console=dtuart noreboot=false ${lab_xsm:+xsm=$lab_xsm}"
		-device "guest-loader,addr=0x49000000,kernel=$lab_kernel/image,bootargs=${linux//,/,,}"
		-device "guest-loader,addr=$(lab_above 0x49000000 "$lab_kernel/image"),initrd=$lab_image/initrd"
	)
}

# The next place of 32 MB after a file that lies there, with room for what the kernel has besides its file.
lab_above() { # ADDRESS FILE
	printf '0x%x\n' $((($1 + $(stat -Lc %s "$2") + 0x3ffffff) & ~0x1ffffff))
}
