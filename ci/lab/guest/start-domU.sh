# shellcheck shell=dash
# Sourced by the init of a two-domain leg: starts Xen's tools and domain 1, and leaves file descriptor 3,
# the byte channel to domain 1's console, open for the program.

mount -t xenfs xenfs /proc/xen
mkdir -p /var/run/xen /var/lib/xen /var/lib/xenstored /var/log/xen /run/lock
ln -s /var/run/xen /run/xen 2>/dev/null

xenstored || end lost "xenstored did not start"
/usr/lib/xen-4.17/bin/xen-init-dom0 >/tmp/xen-init-dom0.log 2>&1 ||
    end lost "xen-init-dom0: $(tail -n 1 /tmp/xen-init-dom0.log)"

# xl stays until the domain is gone, however it goes.
watch_domU() {
    xl create -F /lab/domU.cfg >/tmp/xl.log 2>&1
    echo "domain 1 is gone" >>/tmp/xl.log
    [ -e /tmp/domU-started ] || end lost "xl create: $(tail -n 3 /tmp/xl.log | tr '\n' ' ')"
    if grep -q 'Kernel panic' /tmp/domU.log; then
        sed 's/^/domU: /' /tmp/domU.log >/dev/console
        end crash domU
    fi
}
watch_domU &

until port=$(xenstore-read /local/domain/1/console/port 2>/dev/null) &&
    ring=$(xenstore-read /local/domain/1/console/ring-ref 2>/dev/null); do
    sleep 0.1
done
tty=$(/lab/console 1 "$ring" "$port" /tmp/domU.log) || end lost "no console to domain 1"
exec 3<>"$tty"
read -r word <&3
[ "$word" = ready ] || end lost "domU said '$word'"
: >/tmp/domU-started
export GNTSIM_LAB_ROLE=dom0 GNTSIM_LAB_DOMID=0 GNTSIM_LAB_PEER=1 GNTSIM_LAB_CHANNEL=3

send_payload_to_domU() {
    stat -c %s /tmp/payload.cpio >&3
    cat /tmp/payload.cpio >&3
    read -r word <&3
    [ "$word" = unpacked ]
}
