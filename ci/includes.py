#!/usr/bin/env python3
"""ci/includes.py: fails on an include that goes up: from a room to one above it.

Rooms are ranked from below. A room includes itself and rooms of a lower rank; two rooms of one rank
know nothing of each other. Headers are looked for where the compiler looks: beside the file, then in
fakedev/, scenarios/, include/ and sim/.
"""
import os
import re
import subprocess
import sys

RANKS = {
    "include/gntsim": 0,
    "include/gnttab": 0,
    "sim": 1,
    "sim/xen": 2,
    "sim/linux": 3,
    "binding": 1,
    "fakedev": 1,  # the wire: what both ends share
    "fakedev/late": 1,
    "fakedev/privcmd": 1,
    "fakedev/xenbus": 1,
    "fakedev/place": 1.5,
    "fakedev/calls": 2,
    "fakedev/tracee": 2,
    "fakedev/preload": 3,
    "fakedev/preload/others": 4,
    "fakedev/preload/paths": 4,
    "fakedev/broker/place": 2,
    "fakedev/broker/bells": 2,
    "fakedev/broker/processes": 2,
    "fakedev/broker": 3,
    "fakedev/broker/deaths": 4,
    "fakedev/broker/listen": 4,
    "fakedev/broker/show": 4,
    "fakedev/broker/store": 4,
    "fakedev/broker/requests": 5,
    "fakedev/fronts": 6,
    "fakedev/ptrace": 6,
    "fakedev/stops": 6,
    "scenarios/lang": 2,
    "scenarios/lang/check": 3,
    "scenarios/lang/parse": 4,
    "scenarios/player": 5,
    "scenarios/substrates/agent": 6,
    "scenarios/substrates/real": 6,
    "scenarios/substrates": 7,
    "scenarios/substrates/model": 8,
    "scenarios/substrates/play": 8,
    "scenarios/explore": 9,
    "scenarios/fuzz": 9,
    "scenarios/conform": 9,
    "scenarios/kit": 9,
    "fakedev/timeline": 6,
    "fakedev/record": 9,
    "fakedev/crash": 9,
    "fakedev/crash/finding": 10,
    "fakedev/command": 10,
    "fakedev/command/doctor": 12,
    "fakedev/command/show": 12,
    "fakedev/command/trace": 11,
    "fakedev/command/record": 11,
    "fakedev/command/crash": 12,
    "fakedev/command/run": 12,
    "fakedev/command/serve": 12,
}
# Which rooms may meet at all: what is below the colon. "nothing uses fakedev but its own command".
FAMILIES = {
    "include": {"include"},
    "sim": {"include", "sim"},
    "binding": {"include", "binding"},
    "fakedev": {"include", "fakedev"},
    "scenarios": {"include", "scenarios"},
    "fakedev/timeline": {"include", "fakedev", "scenarios"},
    "fakedev/record": {"include", "fakedev", "scenarios"},
    "fakedev/crash": {"include", "fakedev", "scenarios"},
    "fakedev/crash/finding": {"include", "fakedev", "scenarios"},
    "fakedev/command": {"include", "fakedev", "scenarios"},
}
SEARCH = ("fakedev", "scenarios", "include", "sim")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def find(name, file):
    for folder in (os.path.dirname(file), *SEARCH):
        path = os.path.normpath(os.path.join(folder, name))
        if os.path.exists(path):
            return path
    return None


def may(room, other):
    command = room.startswith("fakedev/command")
    family = FAMILIES.get("fakedev/command" if command else room) or FAMILIES[room.split("/")[0]]
    if other.split("/")[0] not in family:
        return False
    if room.split("/")[0] == other.split("/")[0] or command:
        return room == other or RANKS[other] < RANKS[room]
    return True


def main():
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.c", "*.h"],
        capture_output=True, text=True, check=True).stdout.split()
    seen = bad = 0
    for file in sorted(files):
        room = os.path.dirname(file)
        if file.startswith(("tests/", "ci/", "binding/")) or not os.path.exists(file):
            continue
        if room not in RANKS:
            print(f"{file}: stands in no room that ci/includes.py knows")
            bad += 1
            continue
        with open(file, encoding="utf-8") as text:
            names = INCLUDE.findall(text.read())
        for name in names:
            path = find(name, file)
            if path is None:
                continue  # the system's
            other = os.path.dirname(path)
            seen += 1
            if other not in RANKS or not may(room, other):
                print(f"{file} includes {path}, which stands above it")
                bad += 1
    if not seen:
        print("ci/includes.py: found no include of our own: it is looking in the wrong place")
        bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
