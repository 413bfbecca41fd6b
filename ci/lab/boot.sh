# shellcheck shell=bash disable=SC2154,SC2054 # lab_* come from ci/xen-lab; QEMU likes commas
# One boot of a guest under QEMU: sends the program in, passes its output on, and says how it ended.

lab_qemu_arguments() { # LEG
    local xen='console=com1 com1=115200,8n1 noreboot=false' linux='loglevel=5 oops=panic panic=-1'
    qemu=(
        qemu-system-x86_64 -M q35 -accel tcg -smp 1
        -nodefaults -display none -no-reboot
        -device isa-debug-exit,iobase=0xf4,iosize=4
        -serial "file:$lab_log"
    )
    case $1 in
    cuse)
        qemu+=(-cpu qemu64 -m 512 -kernel "$lab_kernel/vmlinux" -initrd "$lab_image/initrd"
            -append "console=ttyS0 $linux")
        return
        ;;
    pv) qemu+=(-cpu qemu64 -m 1024 -append "$xen dom0_mem=512M") ;;
    pv+*) qemu+=(-cpu qemu64,+svm,+npt -m 2048 -append "$xen asid=false dom0_mem=768M") ;;
    esac
    qemu+=(-kernel "$lab_cache/xen" -initrd "$lab_kernel/vmlinux console=hvc0 $linux,$lab_image/initrd")
}

lab_port_arguments() { # DIRECTORY
    qemu+=(
        -device virtio-serial-pci
        -chardev "pipe,id=in,path=$1/payload" # reads payload.in
        -chardev "file,id=out,path=$1/out"
        -chardev "file,id=err,path=$1/err"
        -chardev "file,id=status,path=$1/status"
        -device virtserialport,nr=1,chardev=in
        -device virtserialport,nr=2,chardev=out
        -device virtserialport,nr=3,chardev=err
        -device virtserialport,nr=4,chardev=status
    )
}

# The kernel's or the hypervisor's own first words on what went wrong.
lab_first_crash_line() {
    grep -aE -m1 'BUG:|Oops:|general protection fault|kernel BUG at|Kernel panic|\(XEN\).*(Panic|FATAL|Assertion)' \
        "$lab_log" | tr -d '\r'
}

# Returns the program's exit status, or one of the lab's own.
lab_boot() { # LEG TIMEOUT DIRECTORY
    local leg=$1 limit=$2 directory=$3 qemu code=0 status
    lab_qemu_arguments "$leg"
    lab_port_arguments "$directory"
    mkfifo "$directory/out" "$directory/err"
    exec 7<>"$directory/out" 8<>"$directory/err" # so that the readers end even if QEMU never opens them
    cat "$directory/out" 7>&- 8>&- &
    cat "$directory/err" >&2 7>&- 8>&- &
    : >"$directory/status"
    : >"$lab_log"
    timeout -k 5 "$limit" "${qemu[@]}" </dev/null >"$directory/qemu" 2>&1 7>&- 8>&- || code=$?
    exec 7>&- 8>&-
    wait

    status=$(tail -n 1 "$directory/status")
    case $status in
    "exit "*) return "${status#exit }" ;;
    "lost "*) lab_fail "the guest gave up: ${status#lost }; its console is in $lab_log" ;;
    esac
    if [ "$code" = 124 ] || [ "$code" = 137 ]; then
        lab_say "no end within $limit s: killed; the console is in $lab_log"
        return "$lab_status_timeout"
    fi
    if lab_first_crash_line >"$directory/crash"; then
        lab_say "the guest crashed: $(cat "$directory/crash"); the console is in $lab_log"
        return "$lab_status_crash"
    fi
    cat "$directory/qemu" >&2
    lab_fail "the guest ended without a word (QEMU: $code); its console is in $lab_log"
}
