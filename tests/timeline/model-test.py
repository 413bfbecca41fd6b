#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""model-test.py GNTSIM: what gntsim timeline makes of what a trace says: lives, their states and ends, who sent
what to whom, deaths. Each case is a few lines of a trace and what the page holds of them."""
import json
import os
import subprocess
import sys
import tempfile

from page import data

GRANT, MAP, EVENT, MARK = range(4)
ENDED, EXEC, DESTROYED, REFUSED, FAILED, CLEARED, UNHEARD, REVOKED, ARMED = range(9)
GRANTED, MAPPED, DEFERRED = range(3)
FIELDS = ("kind", "mark", "lane", "row", "from", "to", "target", "origin", "pending", "name", "short", "calls", "links", "parts")
NOTIFY, MAP_REF = 279812, 1591040


class Case:
    def __init__(self):
        self.lines = [{"type": "gntsim-trace", "version": 1}]

    def line(self, kind, domain, pid, *seen, **members):
        line = {"type": kind, "time": len(self.lines) / 1000, "virtual_ns": 0, "domain": domain}
        if pid:
            line.update(pid=pid, program=f"p{pid}")
        line.update(members)
        if seen:
            line["seen"] = [{"domain": domain, **one} for one in seen]
        self.lines.append(line)
        return len(self.lines) - 2

    def join(self, domain, pid):
        return self.line("process", domain, pid, guest="pv")

    def ioctl(self, domain, pid, *seen, device="gntalloc", file=1, number=1591045, result=0, **members):
        return self.line("call", domain, pid, *seen, call="ioctl", device=device, file=file, number=number,
                         argument=0, result=result, **members)

    def mmap(self, domain, pid, *seen, file=1, offset=0, pages=1):
        return self.line("call", domain, pid, *seen, call="mmap", device="gntdev", file=file, address=1 << 40,
                         length=4096 * pages, prot="PROT_READ", flags="MAP_SHARED", offset=offset, result=0)

    def munmap(self, domain, pid, *seen):
        return self.line("call", domain, pid, *seen, call="munmap", address=1 << 40, length=4096, result=0)


def grant(ref, pins=0, live=True, domain=0):
    by = {"by": 1} if pins else {}
    return {"what": "grant", "domain": domain, "ref": ref, "live": live, "to": 1, "frame": 0, "readonly": False,
            "reading": pins > 0, "writing": False, "pins": pins, **by}


def handle(what, number, ref):
    return {"what": what, "handle": number, "granter": 0, "ref": ref, "flags": 2}


def port(number, remote):
    return {"what": "port", "port": number, "state": "interdomain", "remote_domain": remote, "remote_port": number}


class Drawn:
    def __init__(self, gntsim, case):
        with tempfile.TemporaryDirectory() as room:
            trace, page = os.path.join(room, "t"), os.path.join(room, "t.html")
            with open(trace, "w", encoding="utf-8") as file:
                file.writelines(json.dumps(line) + "\n" for line in case.lines)
            done = subprocess.run([gntsim, "timeline", trace, "-o", page], check=False, capture_output=True, text=True)
            assert done.returncode == 0 and not done.stderr, done.stderr
            for other in ("svg", "json"):
                subprocess.run([gntsim, "timeline", trace, "-o", f"{trace}.{other}"], check=True)
            done = subprocess.run([sys.executable, os.path.join(os.path.dirname(__file__), "trace-events.py"), trace + ".json"],
                                  check=False, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            self.page = data(page)
        self.items = [dict(zip(FIELDS, item)) for item in self.page["items"]]
        for n, item in enumerate(self.items):
            item.update(n=n, name=self.page["texts"][item["name"]])

    def all(self, kind, mark=0):
        return [item for item in self.items if (item["kind"], item["mark"]) == (kind, mark)]

    def one(self, kind, mark=0):
        its = self.all(kind, mark)
        assert len(its) == 1, its
        return its[0]

    def pid(self, lane):
        return self.page["lanes"][lane]["pid"]


def what_one_call_grants_is_one(draw):
    c = Case()
    c.join(0, 10)
    made = c.ioctl(0, 10, *(grant(ref) for ref in (8, 9, 10)))
    c.ioctl(0, 10, grant(9, live=False))
    end = c.ioctl(0, 10, grant(8, live=False), grant(10, live=False))
    other = c.ioctl(0, 10, grant(8))
    first, second = draw(c).all(GRANT)
    assert first["name"] == "grant 8 and 2 more of dom0 for dom1", first
    assert (first["from"], first["to"]) == (made, end), first
    assert (second["from"], second["to"]) == (other, -1), "a reference that is used again is another grant"


def a_grant_is_deferred_until_the_timer(draw):
    c = Case()
    c.join(0, 10)
    c.join(1, 11)
    made = c.ioctl(0, 10, grant(8))
    # PV: two handles a page.
    mapped = c.mmap(1, 11, grant(8, 1), handle("map", 0, 8), grant(8, 2), handle("map", 1, 8))
    given_up = c.line("close", 0, 10, {"what": "deferred", "ref": 8, "frame": 0}, device="gntalloc", file=1, exiting=False)
    c.munmap(1, 11, handle("unmap", 0, 8), grant(8, 1))
    let_go = c.munmap(1, 11, handle("unmap", 1, 8), grant(8, 0))
    found = c.line("time", 0, 0, grant(8, live=False))
    d = draw(c)
    its = d.one(GRANT)
    assert its["parts"] == [made, GRANTED, mapped, MAPPED, given_up, DEFERRED], its
    assert its["to"] == found and its["calls"] == [made, mapped, given_up, let_go - 1, let_go, found], its
    assert d.pid(its["lane"]) == 10
    the_map = d.one(MAP)
    assert (the_map["from"], the_map["to"], d.pid(the_map["lane"])) == (mapped, let_go, 11), the_map
    assert the_map["links"] == [its["n"]] and the_map["n"] in its["links"]


def a_map_tells_of_the_call_that_made_it(draw):
    c = Case()
    c.join(0, 10)
    c.join(1, 11)
    c.ioctl(0, 10, grant(8))
    made = c.ioctl(1, 11, device="gntdev", number=MAP_REF, request="IOCTL_GNTDEV_MAP_GRANT_REF", **{
        "in": {"count": 1, "refs": [{"domid": 0, "ref": 8}]}, "out": {"index": 4096}})
    armed = c.ioctl(1, 11, {"what": "notification", "device": "gntdev", "index": 4096, "action": 1, "offset": 0,
                            "port": 0, "replaced": False}, device="gntdev", number=1066759)
    mapped = c.mmap(1, 11, grant(8, 1), handle("map", 0, 8), offset=4096)
    d = draw(c)
    assert d.one(MAP)["calls"] == [made, armed, mapped], d.one(MAP)
    assert made in d.one(GRANT)["calls"], d.one(GRANT)


def a_notification_is_of_the_process_that_ended(draw):
    c = Case()
    c.join(0, 10)
    c.ioctl(0, 10, grant(8))
    for pid, file in ((11, 1), (12, 2)):
        c.join(1, pid)
        c.mmap(1, pid, grant(8, pid - 10), handle("map", pid, 8), file=file)
    gone = c.line("end", 1, 11, {"what": "notification_byte", "device": "gntdev", "index": 0, "frame": 0, "offset": 0},
                  handle("unmap", 11, 8), grant(8, 1), exiting=True)
    d = draw(c)
    cleared = d.one(MARK, CLEARED)
    assert d.pid(d.items[cleared["origin"]]["lane"]) == 11 and cleared["from"] == gone, cleared
    assert cleared["n"] in d.one(MARK, ENDED)["links"]


def events_have_a_sender_and_a_receiver(draw):
    c = Case()
    for pid, domain in ((10, 0), (11, 1)):
        c.join(domain, pid)
        c.ioctl(domain, pid, port(1, 1 - domain), device="evtchn", number=279810)
    for seen in ({"what": "event", "domain": 1, "port": 1, "overflow": False},
                 {"what": "pending", "domain": 1, "port": 1},
                 {"what": "event", "domain": 1, "port": 1, "overflow": True}):
        c.ioctl(0, 10, seen, device="evtchn", number=NOTIFY)
    fired = c.line("end", 0, 10, {"what": "notification_event", "device": "gntalloc", "ref": 8, "port": 1},
                   {"what": "event", "domain": 1, "port": 1, "overflow": False}, exiting=True)
    unheard = c.line("end", 1, 11, {"what": "notification_event", "device": "gntalloc", "ref": 8, "port": 1}, exiting=True)
    d = draw(c)
    sent = d.all(EVENT)
    assert [i["name"] for i in sent[:3]] == ["event for port 1 of dom1", "event for port 1 of dom1: pending",
                                             "event for port 1 of dom1: lost, the ring overflows"], sent
    assert all(d.pid(i["lane"]) == 10 and d.pid(i["target"]) == 11 for i in sent), sent
    its = [i for i in d.items if i["from"] == fired and i["kind"] == EVENT]
    assert len(its) == 1 and d.pid(its[0]["target"]) == 11, d.items
    assert d.one(MARK, UNHEARD)["from"] == unheard


def an_exec_goes_on_and_a_number_is_used_again(draw):
    c = Case()
    c.join(0, 10)
    changed = c.line("end", 0, 10, exiting=False)
    c.join(0, 10)
    c.ioctl(0, 10, grant(8))
    ended = c.line("end", 0, 10, grant(8, live=False), exiting=True)
    c.join(0, 10)
    c.ioctl(0, 10, grant(8))
    d = draw(c)
    assert [lane["pid"] for lane in d.page["lanes"]] == [10, 10], d.page["lanes"]
    assert d.one(MARK, EXEC)["from"] == changed and d.one(MARK, ENDED)["from"] == ended
    assert [i["lane"] for i in d.all(GRANT)] == [0, 1]


def marks_are_what_went_wrong(draw):
    c = Case()
    c.join(0, 10)
    c.line("destroy", 0, 0, {"what": "destroy", "domain": 3}, destroyed=3)
    c.mmap(0, 10, {"what": "refused", "granter": 3, "ref": 5, "status": -2})
    c.lines[-1].update(result=-1, errno="EINVAL")
    c.munmap(0, 10)
    c.lines[-1].update(result=-1, errno="EINVAL")
    c.munmap(0, 10, {"what": "revoked", "address": 0, "length": 4096})
    c.line("call", 0, 10, call="read", device="evtchn", file=1, length=4, result=-1, errno="EAGAIN")
    asked = c.ioctl(0, 10, number=0x5401, result=-1, errno="ENOTTY")
    d = draw(c)
    assert [(i["mark"], i["name"]) for i in d.items] == [
        (DESTROYED, "domain destroyed"), (REFUSED, "map refused: grant 5 of dom3"), (FAILED, "error: EINVAL"),
        (REVOKED, "pages revoked")], d.items
    assert asked in d.page["failed"], "it is red, though no mark"


def traffic_is_one(draw):
    for n, runs in ((5, []), (6, [[4, 6, 0, 6]]), (500, [[4, 500, 0, 500]])):
        c = Case()
        for pid, domain in ((10, 0), (11, 1)):
            c.join(domain, pid)
            c.ioctl(domain, pid, port(1, 1 - domain), device="evtchn", number=279810)
        for _ in range(n):
            c.ioctl(0, 10, {"what": "event", "domain": 1, "port": 1, "overflow": False}, device="evtchn", number=NOTIFY)
        c.ioctl(0, 10, grant(8))
        d = draw(c)
        assert d.page["runs"] == runs, (n, d.page["runs"])
        assert len(d.all(EVENT)) == n


def what_came_at_once_covers_nothing(draw):
    c = Case()
    for pid, domain in ((10, 0), (11, 1)):
        c.join(domain, pid)
        c.ioctl(domain, pid, port(1, 1 - domain), device="evtchn", number=279810)
    for _ in range(4):
        c.ioctl(0, 10, {"what": "event", "domain": 1, "port": 1, "overflow": False}, device="evtchn", number=NOTIFY)
        c.ioctl(0, 10, grant(8))
        c.ioctl(0, 10, grant(8, live=False))
    for line in c.lines[1:]:
        line["time"] = 0.5
    assert len(draw(c).all(GRANT)) == 4


def main():
    cases = (
        what_one_call_grants_is_one, a_grant_is_deferred_until_the_timer, a_map_tells_of_the_call_that_made_it,
        a_notification_is_of_the_process_that_ended, events_have_a_sender_and_a_receiver,
        an_exec_goes_on_and_a_number_is_used_again, marks_are_what_went_wrong, traffic_is_one, what_came_at_once_covers_nothing)
    for case in cases:
        case(lambda c: Drawn(sys.argv[1], c))
        print(f"{case.__name__}: ok")


if __name__ == "__main__":
    main()
