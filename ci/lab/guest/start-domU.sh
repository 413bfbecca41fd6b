# shellcheck shell=dash disable=SC2154 # xen comes from /lab/leg
# Sourced by the init of a two-domain leg: starts Xen's tools and domain 1, and leaves file
# descriptor 3, the byte channel to domain 1's console, open for the program, and the frames of domain
# 1's window in a file.

mkdir -p /var/run/xen /var/lib/xen /var/lib/xenstored /var/log/xen /run/lock
ln -s /var/run/xen /run/xen 2>/dev/null

xenstored || end lost "xenstored did not start"
"/usr/lib/xen-$xen/bin/xen-init-dom0" >/tmp/xen-init-dom0.log 2>&1 ||
	end lost "xen-init-dom0: $(tail -n 1 /tmp/xen-init-dom0.log)"

# What --append gave dom0's kernel is for domain 1's too.
sed -i "s|panic=-1\"|panic=-1 $(sed 's/.*panic=-1 *//' /proc/cmdline)\"|" /lab/domU.cfg

# xl stays until the domain is being destroyed, however it goes. Its console must let go of it
# then.
watch_domU() {
	xl create -F /lab/domU.cfg >/tmp/xl.log 2>&1 &
	echo $! >/tmp/xl.pid
	wait $!
	[ -e /tmp/console.pid ] || end lost "xl create: $(tail -n 3 /tmp/xl.log | tr '\n' ' ')"
	if grep -q 'Kernel panic' /tmp/domU.log; then
		kill "$(cat /tmp/console.pid)"
		tail -c 8000 /tmp/domU.log | tr -cd '\n -~' | sed 's/^/domU: /' >/dev/console
		end crash domU
	fi
	echo "domain 1 is gone" >/tmp/domU.log # before report_domU can look
	kill "$(cat /tmp/console.pid)"
}
watch_domU &

until port=$(xenstore-read /local/domain/1/console/port 2>/dev/null) &&
	ring=$(xenstore-read /local/domain/1/console/ring-ref 2>/dev/null); do
	sleep 0.1
done
mkfifo /tmp/tty
/lab/console 1 "$ring" "$port" /tmp/domU.log >/tmp/tty &
console=$!
echo $console >/tmp/console.pid
read -r tty </tmp/tty || end lost "no console to domain 1"
xenstore-write /local/domain/1/console/tty "$tty" # xl waits for it
exec 3<>"$tty"
word=
until [ "$word" = ready ]; do # the kernel may have spoken first
	read -r word words <&3 || end lost "domU's console closed"
	[ "$word" != lost ] || end lost "domU: $words"
done
export GNTSIM_LAB_ROLE=dom0 GNTSIM_LAB_DOMID=0 GNTSIM_LAB_PEER=1 GNTSIM_LAB_CHANNEL=3
export GNTSIM_LAB_DESTROY=/lab/destroy
# A PV guest whose programs may not read Xen's table offers none: then there is the console alone.
if [ "$words" -gt 0 ]; then
	head -c "$words" <&3 >/tmp/offered
	/lab/window find 1 </tmp/offered >/lab/frames 2>/tmp/window || end lost "domU's window: $(cat /tmp/window)"
	export GNTSIM_LAB_WINDOW=/lab/frames
fi

# Through the window, if it is not too large for that.
send_payload_to_domU() {
	if [ "$words" -gt 0 ] && /lab/window fill 1 /lab/frames </tmp/payload.cpio 2>/tmp/window; then
		echo window >&3
	else
		gzip -1 /tmp/payload.cpio
		stat -c %s /tmp/payload.cpio.gz >&3
		cat /tmp/payload.cpio.gz >&3
	fi
	read -r word <&3
	[ "$word" = unpacked ]
}

# The program in domain 1 may still be about to end: gives it two seconds.
report_domU() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		for _ in 1 2 3 4 5; do
			if ! kill -0 $console 2>/dev/null; then
				sed 's/^/domU: /' /tmp/domU.log
				return
			fi
			sleep 0.02
		done
	done
	echo "domU: still running"
}
