# shellcheck shell=bash disable=SC2154 # lab_* come from ci/xen-lab
# The emulator. An image is booted once, up to the point where it waits for a program, and frozen
# there: its memory is a file, its other state a migration stream. A run thaws a private copy in a
# tenth of a second, so each program, and each repetition after a crash, starts from the same
# fresh boot. Such a copy that has its program can be frozen again: a stage, from which many runs start.

lab_boot_limit=540 # seconds for a boot from power-on

# QEMU's pipe devices are pairs of files. Descriptor 9 commands the monitor.
lab_lay_ends() { # DIRECTORY
	mkfifo "$1/monitor.in" "$1/serial"
	exec 9<>"$1/monitor.in"
	touch "$1/monitor.log" "$1/status" "$1/console"
	ln -s "$1/monitor.log" "$1/monitor.out"
	ln -s /dev/null "$1/payload.out"
}

# Entering an SVM guest, QEMU (7.2) changes the processor's pending interrupts without its
# lock: once in some hundred boots a timer's interrupt is lost, and everything in there sleeps for ever.
# Any other interrupt wakes it: a key, every second.
lab_press_keys() {
	while sleep 1 9>&- && kill -0 "$lab_child"; do
		echo sendkey shift >&9
	done </dev/null >/dev/null 2>&1 6>&- 7>&- 8>&-
}

# Writes the console's file, and ends a machine that is doomed: Xen then spins for five seconds before it
# resets it, in which QEMU hears neither its monitor nor a mild signal.
lab_listen() { # DIRECTORY
	lab_serial=$1/serial
	# Not until tee has ended is a pipeline over, whose grep has found it.
	tee -p "$1/console" <"$lab_serial" 2>/dev/null 6>&- 7>&- 8>&- 9>&- | {
		! grep -aqiE 'reboot(ing machine)? in (five|[0-9]+) seconds' || kill -KILL "$(cat "$1/pid")"
		cat # until all is in the file
	} >/dev/null 2>&1 6>&- 7>&- 8>&- 9>&- &
	lab_listener=$!
}

# Starts the array qemu in the background, so that the traps of ci/xen-lab can end it: $lab_child.
lab_start_qemu() { # LEG LIMIT DIRECTORY
	lab_listen "$3"
	timeout -k 5 "$2" "${qemu[@]}" </dev/null >"$3/qemu" 2>&1 7>&- 8>&- 9>&- &
	lab_child=$!
	case $1 in
	pv+pvh)
		lab_press_keys &
		lab_keys=$!
		;;
	esac
}

# Sets code to QEMU's exit status, or timeout's.
lab_await_qemu() {
	code=0
	wait "$lab_child" 2>/dev/null || code=$?
	lab_child=
	: <>"$lab_serial" # who listens sees an end, even if QEMU never came to open it
	wait "$lab_listener" || true
	[ -z "$lab_keys" ] || kill "$lab_keys" 2>/dev/null || true
	lab_keys=
}

# The kernel's or the hypervisor's own first words on what went wrong.
lab_first_crash_line() { # CONSOLE
	local linux='BUG:|Oops:|general protection fault|kernel BUG at|Kernel panic|Internal error:'
	grep -aE -m1 "$linux|\(XEN\).*(Panic|FATAL|Assertion|ERROR:|[Cc]ould not construct)" "$1" | tr -d '\r'
}

# Says why there is no program's status, and returns the lab's own.
lab_explain() { # DIRECTORY QEMU-STATUS LIMIT
	local crash
	cp "$1/console" "$lab_log"
	case $(tail -n 1 "$1/status") in
	"lost "*)
		lab_fail "the guest gave up: $(sed -n 's/^lost //p' "$1/status")" \
			"(its console is in $lab_log)"
		;;
	esac
	if crash=$(grep -aom1 '^lab: .*' "$1/console"); then
		lab_fail "the guest gave up: $(echo "${crash#lab: lost }" | tr -d '\r') (its console is in $lab_log)"
	fi
	if crash=$(lab_first_crash_line "$1/console"); then
		lab_say "a guest crashed: $crash; the console is in $lab_log"
		return "$lab_status_crash"
	fi
	case $2 in
	124 | 137)
		lab_say "no end within $3 s: killed; the console is in $lab_log"
		return "$lab_status_timeout"
		;;
	esac
	cat "$1/qemu" >&2
	lab_fail "the guest ended without a word (QEMU: $2); its console is in $lab_log"
}

# Writes the state of a machine whose processors are idle: one that is inside domain 1 of an AMD processor
# can't be thawed. QEMU stops the machine to write it, so what the registers then say is what was written.
lab_write_state() { # LEG DIRECTORY
	local processors directory=$2 asked=0 registers='HLT=' idle='HLT=1'
	[[ $1 != arm64* ]] || registers='PSTATE=' idle='PSTATE='
	processors=$(lab_processors "$1")
	echo "migrate_set_capability x-ignore-shared on" >&9
	for _ in {1..300}; do
		kill -0 "$lab_child" 2>/dev/null || return
		lab_is_idle || { sleep 0.1 && continue; }
		printf 'migrate "exec:cat >%s"\ninfo migrate\n' "$directory/state" >&9
		! lab_is_idle || break
		echo cont >&9
	done
	echo quit >&9
	grep -aq 'Migration status: completed' "$directory/monitor.log"
}

# Of lab_write_state's machine.
lab_is_idle() {
	local all
	asked=$((asked + processors))
	echo "info registers -a" >&9
	until [ "$(grep -ac "$registers" "$directory/monitor.log")" = "$asked" ]; do
		kill -0 "$lab_child" 2>/dev/null || return
		sleep 0.02
	done
	all=$(grep -a "$registers" "$directory/monitor.log" | tail -n "$processors")
	! grep -qv "$idle" <<<"$all"
}

# Starts the array qemu, waits for a word of the guest's progress, and freezes it then: its state is in the
# directory, where its memory has been.
lab_freeze_at() { # WORD LEG DIRECTORY LIMIT
	local code
	mkfifo "$3/payload.in"
	exec 8<>"$3/payload.in" # an input that never ends
	lab_start_qemu "$2" "$4" "$3"
	[ ! -e "$3/payload" ] || cat "$3/payload" >&8
	while ! grep -q "$1" "$3/status"; do
		if ! kill -0 "$lab_child" 2>/dev/null; then
			lab_await_qemu
			lab_explain "$3" "$code" "$4"
			return
		fi
		sleep 0.05
	done
	lab_write_state "$2" "$3" ||
		lab_fail "QEMU could not freeze the guest, see $3/monitor.log; use --boot"
	lab_await_qemu
	exec 8>&- 9>&-
}

lab_freeze() { # LEG
	local qemu directory=$lab_image/freezing
	rm -rf "$directory" && mkdir "$directory"
	lab_lay_ends "$directory"
	lab_machine "$1" "$directory"
	qemu+=(-object "memory-backend-file,id=memory,size=$lab_memory,share=on,mem-path=$directory/memory")
	lab_freeze_at ready "$1" "$directory" "$lab_boot_limit" || return
	fallocate --dig-holes "$directory/memory" # most of it
	mv "$directory/console" "$lab_image/console"
	mv "$directory/memory" "$lab_image/memory"
	mv "$directory/state" "$lab_image/state"
	rm -rf "$directory"
}

# The array qemu goes on from what was frozen in a directory, with this memory.
lab_thaw() { # FROZEN MEMORY-OPTIONS
	qemu+=(-incoming defer -object "memory-backend-file,id=memory,size=$lab_memory,$2")
	cat >&9 <<-END
		migrate_set_capability x-ignore-shared on
		migrate_incoming "exec:cat $1/state"
	END
}

# Freezes the guest of the image again, when it has the payload that lies in the directory.
lab_freeze_stage() { # LEG DIRECTORY LIMIT
	local qemu
	lab_lay_ends "$2"
	ln -s /dev/null "$2/out"
	ln -s /dev/null "$2/err"
	cp --sparse=always "$lab_image/memory" "$2/memory"
	lab_machine "$1" "$2" thawed
	lab_thaw "$lab_image" "share=on,mem-path=$2/memory"
	lab_freeze_at staged "$1" "$2" "$3"
}

# Runs the payload that lies in the directory in the guest that is frozen in another, or boots it; returns the
# program's exit status, or one of the lab's own.
lab_run_payload() { # LEG DIRECTORY LIMIT FROZEN|""
	local leg=$1 directory=$2 limit=$3 frozen=$4 qemu code warning
	lab_lay_ends "$directory"
	lab_machine "$leg" "$directory" ${frozen:+thawed}
	if [ "$frozen" ]; then
		lab_thaw "$frozen" "share=off,mem-path=$frozen/memory"
	else
		qemu+=(-object "memory-backend-ram,id=memory,size=$lab_memory")
	fi
	mkfifo "$directory/out" "$directory/err"
	exec 7<>"$directory/out" 8<>"$directory/err" # so that the readers end even if QEMU never opens them
	cat "$directory/out" 7>&- 8>&- 9>&- &
	cat "$directory/err" >&2 7>&- 8>&- 9>&- &
	lab_start_qemu "$leg" "$limit" "$directory"
	lab_await_qemu
	exec 7>&- 8>&- 9>&-
	wait

	case $(tail -n 1 "$directory/status") in
	"exit "*)
		cp "$directory/console" "$lab_log"
		! warning=$(grep -a -m1 'WARNING:' "$lab_log") ||
			lab_say "a kernel warned: $warning; the console is in $lab_log"
		return "$(sed -n 's/^exit //p' "$directory/status")"
		;;
	esac
	lab_explain "$directory" "$code" "$limit"
}
