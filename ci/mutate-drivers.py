"""ci/mutate-drivers [OPTIONS]: changes one thing at a time in the real Linux drivers and asks the corpus.

The sources are those of Debian's kernel that the lab boots (ci/xen-lab drivers). Each mutant of gntdev.c, gntalloc.c
and evtchn.c (ci/mutants.py says by which rules they are made, ci/drivers/rules.py what is no rule) is built as a
module, and what the corpus has about this driver (scenarios/conformance/gntdev and so on) is played with it on real
Xen, in a fresh guest, until a scenario fails: the likeliest first. It must not fail on the driver as it is, and where
time passes it must fail twice. Where none fails, and the kernel warned of the driver in its log, that is noticed too.
What a leg does not notice, and has no reason, is played on the next. What none notices survives: a rule without a
scenario, or a change without effect. Those of the second kind stand in ci/drivers/without-effect, each with its
reason. What was found is kept in build/mutate-drivers/found, a line each as soon as it is known: a run that is killed
goes on where it was, and a survivor without a reason is tried again when the corpus changes. While a guest plays, the
next ones are built.

  --legs LEG,...   where (pv,arm64: domain 0 on Arm is auto-translated, as PVH is)
  --kernel SERIES  Debian's Linux of this series (6.1)
  --jobs N         guests at a time (as many as processors)
  --shard K/N      only the Kth of N parts
  --sample N       only N of them (before they are parted), spread evenly over the files and their functions: what is
                   caught of these tells of all. A larger N has a smaller one's mutants too
  --seed N         which sample (1)
  --only TEXT      only files and functions with TEXT in "FILE:FUNCTION"
  --wide           ask the whole corpus, not only what is about the driver
  --again          forget what earlier runs found
  --patience N     a scenario without a result for N seconds hangs (120)
  --list           only lists the mutants
  --build          only builds them: which compile?
  --survivors FILE writes them there too, as ci/drivers/without-effect has them
  --make TEXT      only makes the module of the one mutant that --list has with this text, and prints its name; can be
                   given more than once

Exit status: 0 no survivor without a reason, 1 there are some, 125 it could not be tried.
"""
import concurrent.futures
import json
import os
import queue
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter

sys.path.insert(0, os.path.dirname(__file__))
from drivers.kbuild import Tree  # noqa: E402
from drivers.play import Leg, digest  # noqa: E402
from drivers.rules import FILES, driver_of, is_rule  # noqa: E402
from drivers.verdict import Verdict, judge, order  # noqa: E402
from mutants import mutants_of  # noqa: E402
from mutation import (changed, describe, fail, is_in_shard, is_named, parser, reasons, shard,  # noqa: E402
                      spread, tell_survivors)

STATE = "build/mutate-drivers"
REASONS = "ci/drivers/without-effect"
CAUGHT = ("caught", "crashed", "hung", "warned")


def parse():
    out = parser("ci/mutate-drivers", __doc__)
    out.add_argument("--legs", default="pv,arm64")
    out.add_argument("--kernel")
    out.add_argument("--patience", type=int, default=120)
    out.add_argument("--wide", action="store_true")
    out.add_argument("--build", action="store_true")
    out.add_argument("--make", action="append", default=[])
    out.add_argument("--sample", type=int)
    out.add_argument("--seed", type=int, default=1)
    options = out.parse_args()
    shard(options)
    if options.sample is not None and options.sample < 1:
        fail("--sample: expected how many, from 1")
    options.legs = options.legs.split(",")
    options.lab_options = ["--kernel", options.kernel] if options.kernel else []
    return options


def all_mutants(tree):
    """(file, source, mutant) of all that are of a rule."""
    out, here = [], os.getcwd()
    os.chdir(tree.source)  # a mutant's name has its file's in it
    try:
        for name in FILES:
            source, mutants = mutants_of(name, tree.arguments(name))
            out += [(name, source, mutant) for mutant in mutants if is_rule(mutant, source)]
    finally:
        os.chdir(here)
    return sorted(out, key=lambda item: (item[0], item[2].start, item[2].end, item[2].text))


def chosen(options, items):
    """Those that the options ask for; the beginning of a run is a sample too."""
    items = [item for item in items if is_named(options, item[0], item[2])]
    return [item for item in spread(items, options.seed)[:options.sample] if is_in_shard(options, item[2])]


class Found:
    """What is known of each mutant, in a file that grows."""

    def __init__(self, again):
        self.path, self.lock = f"{STATE}/found", threading.Lock()
        self.known, self.caught, self.explained = {}, [], reasons(REASONS)
        if os.path.exists(self.path) and not again:
            with open(self.path, encoding="utf-8") as file:
                for line in file:
                    self.take(json.loads(line))
        if again and os.path.exists(self.path):
            os.remove(self.path)

    def take(self, entry):
        self.known[entry["name"], entry["leg"]] = entry
        if entry["kind"] in CAUGHT:
            self.caught.append((f"{entry['file']}:{entry['function']}", entry["by"]))

    def add(self, entry):
        with self.lock:
            self.take(entry)
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")

    def verdict(self, mutant, leg, asked):
        """None: not tried, or with another corpus, and there is no reason why it would survive that too."""
        entry = self.known.get((mutant.name, leg))
        old = entry and entry["kind"] == "survived" and entry["asked"] != asked and mutant.name not in self.explained
        if not entry or entry["kind"] == "error" or old:
            return None
        return Verdict(entry["kind"], entry["by"], entry["why"])


class Bench:
    def __init__(self, options, trees, found):
        self.trees, self.found = trees, found
        self.legs = [Leg(tree, options, STATE) for tree in trees]
        self.only_build = options.build
        self.workers, self.guests = options.jobs + 2, threading.BoundedSemaphore(options.jobs)
        self.folders = queue.SimpleQueue()
        for n in range(self.workers):
            self.folders.put(n)

    def try_on(self, leg, item, folder):
        """The verdict of one leg, which may be known."""
        name, source, mutant = item
        asked = digest([leg.texts[path] for path in leg.about(driver_of(name))])
        known = self.found.verdict(mutant, leg.name, asked)
        if known:
            return known
        began = time.monotonic()
        kind, module = leg.tree.build(name, changed(source, mutant), f"{leg.tree.work}/{folder}")
        built, played = time.monotonic() - began, 0
        if kind or self.only_build:
            verdict = Verdict(kind or "compiles", "", "")
        else:
            with self.guests:
                began = time.monotonic()
                leg.learn(driver_of(name))
                scenarios = order(leg, leg.asked(driver_of(name)), name, mutant.function, self.found.caught)
                verdict = judge(leg, name, module, scenarios)
                played = time.monotonic() - began
        if not self.only_build:
            self.found.add({"name": mutant.name, "file": name, "function": mutant.function, "leg": leg.name,
                            "kind": verdict.kind, "by": verdict.by, "why": verdict.why[:300],
                            "built": round(built, 1), "played": round(played, 1), "asked": asked,
                            "what": describe(name, mutant, source)})
        return verdict

    def try_one(self, item):
        """(item, the leg that it was caught on or that was the last, the verdict)"""
        folder = self.folders.get()
        try:
            for leg in self.legs:
                verdict = self.try_on(leg, item, folder)
                if verdict.kind not in ("survived", "compiles") or item[2].name in self.found.explained:
                    break
            return item, leg.name, verdict
        finally:
            self.folders.put(folder)


def progress(done, todo, began, item, leg, verdict):
    name, source, mutant = item
    print(f"{done}/{len(todo)} {time.monotonic() - began:.0f} s: {verdict.kind} on {leg}"
          f"{' by ' + verdict.by if verdict.by else ''}: {describe(name, mutant, source)}", file=sys.stderr, flush=True)


def report(outcomes, seconds, options):
    explained = reasons(REASONS)
    tally = Counter(verdict.kind for _, _, verdict in outcomes)
    by = Counter(verdict.by for _, _, verdict in outcomes if verdict.kind in CAUGHT)
    later = Counter(leg for _, leg, verdict in outcomes if verdict.kind in CAUGHT)
    survivors = [item for item, _, verdict in outcomes if verdict.kind == "survived"]
    unexplained = [item for item in survivors if item[2].name not in explained]
    for scenario, n in by.most_common():
        print(f"{n} caught by {scenario}")
    tell_survivors(unexplained, options.survivors)
    caught = sum(tally[kind] for kind in CAUGHT)
    judged = caught + len(survivors)
    print(f"{len(outcomes)} mutants of the drivers, {tally['does not compile']} do not compile, {tally['no code']} change "
          f"no code, {tally['does not boot']} do not boot, {tally['error']} could not be judged; of the {judged} others "
          f"{caught} were caught by {len(by)} scenarios "
          f"({', '.join(f'{later[leg]} on {leg}' for leg in options.legs)}; {tally['crashed']} crashed the kernel, "
          f"{tally['hung']} hung, {tally['warned']} had it warn): {100 * caught / max(judged, 1):.1f} %; {len(survivors) - len(unexplained)} are without "
          f"effect, {len(unexplained)} survived ({seconds:.0f} s)")
    return 1 if unexplained else 125 if tally["error"] else 0


def make(todo, tree, text):
    """The module of one mutant."""
    wanted = [item for item in todo if text in f"{item[2].name} {describe(item[0], item[2], item[1])}"]
    if len(wanted) != 1:
        fail(f"--make: {len(wanted)} mutants have this text, expected one: {text}")
    name, source, mutant = wanted[0]
    kind, module = tree.build(name, changed(source, mutant), f"{tree.work}/{mutant.name}")
    if kind:
        fail(f"--make: {kind}")
    print(module)


def run(options, work, found):
    legs = options.legs[:1] if options.make or options.list else options.legs
    trees = [Tree(leg, work, STATE, options.lab_options) for leg in legs]
    todo = chosen(options, all_mutants(trees[0]))
    if not todo:
        fail("no mutant is so called")
    if options.list:
        for name, source, mutant in todo:
            print(mutant.name, describe(name, mutant, source))
        return 0
    if options.make:
        for text in options.make:
            make(todo, trees[0], text)
        return 0
    bench = Bench(options, trees, found)
    began, outcomes = time.monotonic(), []
    with concurrent.futures.ThreadPoolExecutor(bench.workers) as pool:
        for future in concurrent.futures.as_completed([pool.submit(bench.try_one, item) for item in todo]):
            outcomes.append(future.result())
            progress(len(outcomes), todo, began, *outcomes[-1])
    if options.build:
        print(", ".join(f"{n} {kind}" for kind, n in Counter(v.kind for _, _, v in outcomes).items()))
        return 0
    return report(outcomes, time.monotonic() - began, options)


def main():
    options = parse()
    os.makedirs(STATE, exist_ok=True)
    found = Found(options.again and not (options.list or options.make))
    if options.make:
        return run(options, f"{STATE}/made", found)
    with tempfile.TemporaryDirectory(prefix="mutate-drivers-") as work:
        def end(number, _):
            found.lock.acquire()  # what threads find from here on is not so
            shutil.rmtree(work, ignore_errors=True)
            os._exit(128 + number)  # whatever the threads do: the guests end with us

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        return run(options, work, found)


if __name__ == "__main__":
    sys.exit(main())
