#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""many.py CALLS: writes a trace of about so many calls, as a machine would: a server in domain 0 grants page
after page, a client in domain 1 maps it and lets it go, some stay; each tells the other by events."""
import json
import sys

GRANTED = {"what": "grant", "domain": 0, "live": True, "to": 1, "frame": 0, "readonly": False, "reading": False,
           "writing": False, "pins": 0}
KEPT = 40


class Trace:
    def __init__(self):
        self.n = 0

    def line(self, kind, domain, seen=(), **members):
        self.n += 1
        line = {"type": kind, "time": round(self.n * 13e-6, 6), "virtual_ns": self.n * 13000, "domain": domain,
                "pid": 100 + domain, "program": ("server", "client")[domain], **members}
        if seen:
            line["seen"] = seen
        print(json.dumps(line, separators=(",", ":")))

    def ioctl(self, domain, device, number, request, into, out=None, seen=(), result=0):
        more = {"out": out} if out else {}
        self.line("call", domain, seen, call="ioctl", device=device, file=domain + 1, number=number,
                  argument=140737488347136, request=request, **{"in": into}, **more, result=result)

    def notify(self, domain):
        self.ioctl(domain, "evtchn", 279812, "IOCTL_EVTCHN_NOTIFY", {"port": 1},
                   seen=[{"what": "event", "domain": 1 - domain, "port": 1, "overflow": False}])


def grant(trace, i, keep):
    ref, index = 8 + i % 30000, i * 4096
    mapped = dict(GRANTED, ref=ref, reading=True, writing=True, pins=1, by=1)
    handle = {"domain": 1, "handle": ref, "granter": 0, "ref": ref, "flags": 2}
    address = 139836302954496 + index
    trace.ioctl(0, "gntalloc", 1591045, "IOCTL_GNTALLOC_ALLOC_GREF", {"domid": 1, "flags": 1, "count": 1},
                {"index": index, "gref_ids": [ref]}, [dict(GRANTED, ref=ref)])
    trace.notify(0)
    trace.ioctl(1, "gntdev", 1591040, "IOCTL_GNTDEV_MAP_GRANT_REF", {"count": 1, "refs": [{"domid": 0, "ref": ref}]},
                {"index": index})
    trace.line("call", 1, [mapped, dict(handle, what="map")], call="mmap", device="gntdev", file=2, address=address,
               length=4096, prot="PROT_READ|PROT_WRITE", flags="MAP_SHARED", offset=index, result=0)
    if keep:
        return
    trace.line("call", 1, [dict(handle, what="unmap"), dict(GRANTED, ref=ref)], call="munmap", address=address,
               length=4096, result=0)
    trace.notify(1)
    trace.ioctl(0, "gntalloc", 1066758, "IOCTL_GNTALLOC_DEALLOC_GREF", {"index": index, "count": 1},
                seen=[dict(GRANTED, ref=ref, live=False)])


def main():
    calls, trace = int(sys.argv[1]), Trace()
    print('{"type":"gntsim-trace","version":1}')
    for domain in (0, 1):
        trace.line("process", domain, guest="pvh" if domain else "pv")
        trace.line("call", domain, [{"what": "port", "domain": domain, "port": 1, "state": "interdomain",
                                     "remote_domain": 1 - domain, "remote_port": 1}], call="ioctl",
                   device="evtchn", file=domain + 1, number=279810, argument=0,
                   request="IOCTL_EVTCHN_BIND_UNBOUND_PORT", **{"in": {"remote_domain": 1 - domain}}, result=1)
    i = 0
    while trace.n < calls:
        grant(trace, i, i * 7 % (calls // KEPT) < 7)
        i += 1
    trace.line("end", 0, [{"what": "memory_end", "domain": 0}], exiting=True)


if __name__ == "__main__":
    main()
