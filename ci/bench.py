#!/usr/bin/env python3
"""ci/bench: the figures of speed, in one table.

Each row has what was measured, what it was measured against in the same run, the ratio of the two and its
spread (the middle half of the turns), and the goal where there is one. Whether a goal is met is said, not
demanded: figures of a busy machine, or of one processor, are its own.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys

PLACES = {
    "on one processor": "NOTIFY, one processor",
    "on two processors": "NOTIFY, two processors",
    "as scheduled": "NOTIFY, as scheduled",
}


class Absent(Exception):
    """What cannot be measured here, and why."""


def run(*command, env=None):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(env or {})})
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Absent(said[-1] if said else f"exit status {done.returncode}")
    return done.stdout


def find(pattern, text):
    m = re.search(pattern, text)
    if not m:
        raise Absent(f"no {pattern!r} in what was printed")
    return [float(g) for g in m.groups()]


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, figure, against="", ratio=None, spread=None, goal=None, at_most=True):
        verdict = ""
        if goal is not None and ratio is not None:
            met = ratio <= goal if at_most else ratio >= goal
            verdict = f"at {'most' if at_most else 'least'} {goal:g}: {'met' if met else 'NOT met'}"
        self.rows.append((what, figure, against, "" if ratio is None else f"{ratio:.3g}",
                          "" if spread is None else f"{spread[0]:.3g} to {spread[1]:.3g}", verdict))

    def absent(self, what, why):
        self.rows.append((what, f"not measured: {why}", "", "", "", ""))

    def show(self):
        rows = [("", "median", "against", "ratio", "middle half", "goal"), *self.rows]
        widths = [max(len(r[i]) for r in rows if not r[1].startswith("not measured") or i == 0)
                  for i in range(6)]
        for r in rows:
            print("  ".join(cell.ljust(w) for cell, w in zip(r, widths)).rstrip())


def calls(table, build, without):
    env = {"GNTSIM_NO_DOORBELL": "1"} if without else None
    text = run(f"{build}/tests/bench/front-bench", f"{build}/gntsim", env=env)
    goals = {"on one processor": 0.75, "on two processors": 0.05, "as scheduled": 0.3}
    sections = re.split(r"^(on one processor|on two processors|as scheduled):\n", text, flags=re.M)[1:]
    copying = {}
    for place, said in zip(sections[::2], sections[1::2]):
        bare, = find(r"round trip over a socket pair: +median ([\d.]+) us", said)
        notify, = find(r"NOTIFY: +median ([\d.]+) us", said)
        ratio, = find(r"NOTIFY against a round trip \(median of turns\): ([\d.e+-]+)", said)
        spread = find(r"NOTIFY against a round trip, middle half of the turns: ([\d.e+-]+) to ([\d.e+-]+)", said)
        table.add(PLACES[place] + (", without the doorbell" if without else ""), f"{notify:.2f} us",
                  f"{bare:.2f} us, a seqpacket round trip", ratio, spread,
                  None if without else goals[place])
        copying[place] = (*find(r"64 mapped grants: +median ([\d.]+) GB", said),
                          *find(r"plain shared memory: +median ([\d.]+) GB", said),
                          *find(r"grants against plain \(median of turns\): ([\d.]+)", said))
    if not without:
        grants, plain, ratio = copying["as scheduled"]
        table.add("copy through a mapping", f"{grants:.1f} GB/s", f"{plain:.1f} GB/s, plain shared memory",
                  ratio, None, 0.97, at_most=False)


def other_fronts(table, build):
    for front in ("fuse", "ptrace"):
        what = f"NOTIFY, as scheduled, on {front}"
        try:
            text = run(f"{build}/tests/bench/front-bench", f"{build}/gntsim", front)
            table.add(what, f"{find(r'NOTIFY: +median ([0-9.]+) us', text)[0]:.2f} us",
                      f"{find(r'round trip over a socket pair: +median ([0-9.]+) us', text)[0]:.2f} us, "
                      "a seqpacket round trip",
                      find(r"NOTIFY against a round trip \(median of turns\): ([\d.e+-]+)", text)[0],
                      find(r"NOTIFY against a round trip, middle half of the turns: ([\d.e+-]+) to ([\d.e+-]+)",
                           text))
        except Absent as why:
            table.absent(what, why)


def null_fuse(table, build):
    what = "NOTIFY on fuse, one processor"
    try:
        done = subprocess.run(["taskset", "-c", "0", f"{build}/gntsim", "run", "--front", "fuse", "--",
                               f"{build}/tests/fuse/fuse-bench", "ioctl"], capture_output=True, text=True)
        null, notify, ratio = find(r"null ([\d.]+) us, NOTIFY ([\d.]+) us: .*median round ([\d.]+)",
                                   done.stdout or done.stderr)
        table.add(what, f"{notify:.2f} us", f"{null:.2f} us, a null FUSE ioctl", ratio)
    except (Absent, OSError) as why:
        table.absent(what, why)


def quartiles(values):
    return statistics.median(values), [sorted(values)[len(values) // 4], sorted(values)[-1 - len(values) // 4]]


def vchan(table, build, turns, mib):
    speed = {"with": [], "without": [], "pair": []}
    demo = (f"{build}/tests/demo/vchan-demo", f"{build}/gntsim", str(mib))
    try:
        for _ in range(turns):
            # Each run has two pairs, one after the other, and each pair its luck with the processors.
            for kind, env in (("with", {}), ("without", {"GNTSIM_NO_DOORBELL": "1"})):
                speed[kind] += find(r"(?s) s: ([\d.]+) MiB/s.* s: ([\d.]+) MiB/s", run(*demo, env=env))
            for _ in range(2):
                speed["pair"] += find(r": ([\d.]+) MiB/s", run(f"{build}/tests/bench/pair-bench", str(mib * 4)))
    except Absent as why:
        table.absent("vchan-socket-proxy's pair", why)
        return
    for kind, of in (("without", "the same without the doorbell"), ("pair", "such proxies over socket pairs")):
        ratio, spread = quartiles([a / b for a, b in zip(speed["with"], speed[kind])])
        table.add("vchan-socket-proxy's pair", f"{statistics.median(speed['with']):.1f} MiB/s",
                  f"{statistics.median(speed[kind]):.1f} MiB/s, {of}", ratio, spread,
                  5 if kind == "without" else None, at_most=False)


def start(table, build):
    text = run(f"{build}/tests/bench/start-bench", f"{build}/gntsim")
    plain, = find(r"^true: +median ([\d.]+) ms", text)
    timeout, = find(r"timeout 9 true: +median ([\d.]+) ms", text)
    under, = find(r"gntsim run -- true: median ([\d.]+) ms", text)
    more = under - plain
    table.rows.append(("gntsim run -- true", f"{under:.2f} ms", f"{plain:.2f} ms, true", f"+{more:.2f} ms", "",
                       f"at most +1 ms: {'met' if more <= 1 else 'NOT met'}"))
    table.rows.append(("timeout 9 true", f"{timeout:.2f} ms", f"{plain:.2f} ms, true", f"+{timeout - plain:.2f} ms",
                       "", "of any program that starts another"))


def others(table, build):
    text = run(f"{build}/tests/bench/others-bench", f"{build}/gntsim")
    for what, ours, plain, ratio, low, high in re.findall(
            r"^(\w+) +median ([\d.]+) ns, plain ([\d.]+) ns\n  against plain \(median of turns\): ([\d.e+-]+) .*\n"
            r"  middle half of the turns: ([\d.e+-]+) to ([\d.e+-]+)", text, flags=re.M):
        table.add(f"{what}, no device", f"{float(ours):.0f} ns", f"{float(plain):.0f} ns, without gntsim",
                  float(ratio), (float(low), float(high)), 1.05)


def crowd(table, build):
    text = run(f"{build}/tests/bench/crowd-bench", f"{build}/gntsim")
    clients, rate, p50, p99 = find(r"(\d+) clients: (\d+) calls/s, p50 ([\d.]+) us, p99 ([\d.]+) us", text)
    table.add(f"NOTIFY by {clients:.0f} clients", f"{rate:.0f} calls/s", f"p50 {p50:.0f} us, p99 {p99:.0f} us a call")
    alone, beside = find(r"quiet client: p50 alone ([\d.]+) us, beside a flood ([\d.]+) us", text)
    table.add("NOTIFY beside a flood, p50", f"{beside:.1f} us", f"{alone:.1f} us, without the flood",
              find(r"beside a flood against alone \(median of turns\): ([\d.e+-]+)", text)[0],
              find(r"middle half of the turns: ([\d.e+-]+) to ([\d.e+-]+)", text), 3)
    files, many, one, ratio = find(r"(\d+) evtchn files: a call ([\d.]+) us, with one file ([\d.]+) us, ratio ([\d.e+-]+)",
                                   text)
    table.add(f"NOTIFY, {files:.0f} files open", f"{many:.2f} us", f"{one:.2f} us, one file open", ratio)


def domains(table, build):
    text = run(f"{build}/tests/bench/domains-bench")
    few50, few99 = find(r"3 domains of them alone: a call p50 ([\d.]+) us, p99 ([\d.]+) us", text)
    all50, all99 = find(r"all of them: a call p50 ([\d.]+) us, p99 ([\d.]+) us", text)
    n, mms, grants, state = find(r"(\d+) domains, (\d+) address spaces, (\d+) grants: ([\d.]+) MiB of state", text)
    table.add(f"model, {n:.0f} domains, {grants:.0f} grants", f"{state:.0f} MiB", f"{mms:.0f} address spaces")
    for what, many, few in (("p50", all50, few50), ("p99", all99, few99)):
        table.add(f"model, a call among them, {what}", f"{many:.2f} us", f"{few:.2f} us, three domains alone",
                  many / few)
    among, alone = find(r"death of a domain: among all ([\d.]+) ms, with its neighbours alone ([\d.]+) ms", text)
    table.add("model, death of one of them", f"{among:.3f} ms", f"{alone:.3f} ms, three domains alone",
              find(r"among all against alone \(median of turns\): ([\d.e+-]+)", text)[0],
              find(r"middle half of the turns: ([\d.e+-]+) to ([\d.e+-]+)", text), 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="the tree that was built [build]")
    parser.add_argument("--turns", type=int, default=9, help="of the pair of proxies [9]")
    parser.add_argument("--mib", type=int, default=16, help="that they move in a turn [16]")
    options = parser.parse_args()
    table = Table()
    for part in (lambda: calls(table, options.build, False), lambda: calls(table, options.build, True),
                 lambda: other_fronts(table, options.build), lambda: null_fuse(table, options.build),
                 lambda: vchan(table, options.build, options.turns, options.mib),
                 lambda: crowd(table, options.build), lambda: domains(table, options.build),
                 lambda: others(table, options.build), lambda: start(table, options.build)):
        try:
            part()
        except Absent as why:
            sys.exit(f"ci/bench: {why}")
    table.show()


main()
