#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""trace-events.py FILE [NAME...]: FILE is in the Trace Event Format, as its description says: the members
of each phase, spans that nest, flows that begin and end on a slice. Each NAME is an event's."""
import collections
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    whole = json.load(file)
assert set(whole) == {"displayTimeUnit", "otherData", "traceEvents"}, set(whole)
assert whole["displayTimeUnit"] in ("ms", "ns")
events = whole["traceEvents"]

COMMON = {"name", "ph", "pid", "tid", "args", "cat", "ts"}
PHASES = {
    "X": (COMMON | {"dur"}, {"name", "cat", "pid", "tid", "ts", "dur"}),
    "b": (COMMON | {"id"}, {"name", "cat", "pid", "tid", "ts", "id"}),
    "e": (COMMON | {"id"}, {"name", "cat", "pid", "tid", "ts", "id"}),
    "i": (COMMON | {"s"}, {"name", "cat", "pid", "tid", "ts", "s"}),
    "s": (COMMON | {"id"}, {"name", "cat", "pid", "tid", "ts", "id"}),
    "f": (COMMON | {"id", "bp"}, {"name", "cat", "pid", "tid", "ts", "id", "bp"}),
    "M": (COMMON, {"name", "pid", "args"}),
}
METADATA = {"process_name": "name", "thread_name": "name", "process_sort_index": "sort_index"}

slices = collections.defaultdict(list)
opened = collections.defaultdict(list)
flows = collections.defaultdict(dict)
named, met = set(), set()
counts = collections.Counter()
for event in events:
    allowed, needed = PHASES[event["ph"]]
    assert needed <= set(event) <= allowed, event
    assert isinstance(event["name"], str) and event["name"], event
    assert isinstance(event["pid"], int) and isinstance(event.get("tid", 0), int), event
    counts[event["ph"]] += 1
    if event["ph"] == "M":
        member = METADATA[event["name"]]
        assert set(event["args"]) == {member}, event
        assert isinstance(event["args"][member], int if member == "sort_index" else str), event
        named.add((event["name"], event["pid"], event.get("tid")))
        continue
    assert isinstance(event["ts"], (int, float)) and event["ts"] >= 0, event
    met.add((event["pid"], event["tid"]))
    track = (event["pid"], event["tid"])
    if event["ph"] == "X":
        assert event["dur"] > 0, event
        slices[track].append((event["ts"], event["ts"] + event["dur"]))
    elif event["ph"] == "i":
        assert event["s"] in "gpt", event
    elif event["ph"] == "b":
        opened[event["pid"], event["cat"], event["id"]].append(event)
    elif event["ph"] == "e":
        begun = opened[event["pid"], event["cat"], event["id"]].pop()
        assert begun["name"] == event["name"] and begun["ts"] <= event["ts"], (begun, event)
    else:
        key = (event["cat"], event["name"], event["id"])
        assert event["ph"] not in flows[key], event
        assert event.get("bp", "e") == "e", event
        flows[key][event["ph"]] = event

assert not any(opened.values()), "a span has no end"
for pid, tid in met:
    assert any(n == "process_name" and p == pid for n, p, _ in named), f"process {pid} has no name"
    assert ("thread_name", pid, tid) in named, f"thread {tid} of {pid} has no name"
for track, its in slices.items():
    its.sort()
    for (_, end), (begin, _) in zip(its, its[1:]):
        assert end <= begin + 1e-9, f"slices of {track} cover each other at {begin}"
for key, ends in flows.items():
    assert set(ends) == {"s", "f"}, f"flow {key} has only {set(ends)}"
    assert ends["s"]["ts"] <= ends["f"]["ts"], key
    for end in ends.values():
        assert any(a <= end["ts"] <= b for a, b in slices[end["pid"], end["tid"]]), f"flow {key} hangs in the air"
for name in sys.argv[2:]:
    assert any(event["name"] == name for event in events), f"no event is called {name!r}"
assert counts["X"] and counts["M"], counts
print(dict(counts))
