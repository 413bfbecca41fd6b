#!/usr/bin/python3
"""ci/mutants.py and what ci/mutate-drivers makes of it, without a kernel or an emulator."""
import os
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../ci"))
try:
    from mutants import mutants_of
except ImportError as missing:
    print(f"skipped: {missing} (package python3-clang-14)")
    sys.exit(77)
from drivers.play import Leg, results  # noqa: E402
from drivers.rules import is_rule  # noqa: E402
from drivers.verdict import Verdict, judge, order  # noqa: E402
from mutation import spread  # noqa: E402

FAILED = []


def expect(what, wanted, got):
    if wanted != got:
        FAILED.append(what)
        print(f"FAILED: {what}: expected {wanted}, got {got}")


SOURCE = """
void pr_debug(const char *text);
int driver_bind(int n, int limit)
{
	if (n < limit)
		return 1;
	if (!n)
		return 2;
	for (int i = 0; i < n; i++)
		limit++;
	pr_debug("bound");
	return limit && n;
}
int driver_exit(void) { return 3; }
"""


def check_mutants():
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/driver.c"
        with open(path, "w", encoding="utf-8") as file:
            file.write(SOURCE)
        source, mutants = mutants_of(path, [])
        again = mutants_of(path, [])[1]
    told = {(m.function, m.rule, source.text[m.start:m.end].decode(), m.text) for m in mutants}
    expect("mutants of driver_bind's comparisons", {("<", "<="), ("<", ">=")},
           {(before, text) for function, rule, before, text in told if rule == "comparison"})
    expect("a statement in a for is one, what its parentheses hold is none", {"limit++;", 'pr_debug("bound");'},
           {before for _, rule, before, _ in told if rule == "statement"})
    expect("two checks in a row are swapped once", 1, sum(rule == "order" for _, rule, _, _ in told))
    expect("logic", {("&&", "||")}, {(before, text) for _, rule, before, text in told if rule == "logic"})
    expect("driver_exit's constant", {("3", "4"), ("3", "2")},
           {(before, text) for function, _, before, text in told if function == "driver_exit"})
    expect("no two have one name", len(mutants), len({m.name for m in mutants}))
    expect("names stay", [m.name for m in mutants], [m.name for m in again])
    expect("what writes the log is no rule", ["limit++;"],
           [source.text[m.start:m.end].decode() for m in mutants if m.rule == "statement" and is_rule(m, source)])


def check_results():
    tap = """TAP version 13
# substrate: xen
ok 1 - a/one.scn
ok 2 - a/two.scn [dom0 pv] # SKIP no such guest
not ok 3 - a/three.scn
  ---
  kind: failure
  message: |
    a/three.scn:7: expected 0
    got 1
  ...
not ok 4 - a/four.scn
  ---
  kind: error
  message: |
    the time was up
  ...
"""
    got = [(r.ok, r.skipped, r.path, r.message) for r in results(tap.splitlines(True))]
    expect("results of TAP", [(True, "", "a/one.scn", ""), (True, "skipped", "a/two.scn", "[dom0 pv] # SKIP no such guest"),
                              (False, "", "a/three.scn", "a/three.scn:7: expected 0 got 1"),
                              (False, "error", "a/four.scn", "the time was up")], got)
    got = [(r.path, r.message) for r in results(["1..0 # SKIP xen-gntdev does not load: words\n"])]
    expect("a module that does not load", [(None, "xen-gntdev does not load: words")], got)


class FakeLeg:
    """Runs that are told, one after the other: the lines of each."""

    class tree:  # noqa: N801
        modules = {"gntdev.c": "plain.ko"}

    busy = False

    def __init__(self, *runs):
        self.runs, self.asked = list(runs), []

    def play(self, modules, paths):
        self.asked.append((dict(modules), list(paths)))
        yield from results(self.runs.pop(0))

    def plain(self, paths):
        return {path: "skipped" if "nowhere" in path else "passes" for path in paths}

    def passes_now(self, path):
        return not self.busy

    def is_timed(self, path):
        return path == "b"

    def is_alone(self, path):
        return "alone" in path

    def warns(self, place):
        return place == "evtchn.c:evtchn_bind"


def bad(path, message="expected 0"):
    return [f"not ok 1 - {path}\n", "  ---\n", "  kind: failure\n", f"    {message}\n", "  ...\n"]


def check_judge():
    def judged(*runs):
        leg = FakeLeg(*runs)
        return judge(leg, "gntdev.c", "mutant.ko", ["a", "b"]), leg

    both = ["ok 1 - a\n", "ok 2 - b\n"]
    verdict, leg = judged(both)
    expect("nothing notices", Verdict("survived", "", ""), verdict)
    expect("with the mutant's module", {"xen-gntdev": "mutant.ko"}, leg.asked[0][0])
    verdict, leg = judged(["ok 1 - a\n", *bad("b")], bad("b"))
    expect("caught", Verdict("caught", "b", "expected 0"), verdict)
    expect("by itself, again", ["b"], leg.asked[1][1])
    expect("where no time passes, at once", Verdict("caught", "a", "expected 0"), judged(bad("a"))[0])
    expect("once is not enough", "survived", judged(bad("b"), both[1:], both)[0].kind)
    expect("after the others, twice", Verdict("caught", "b", "expected 0"), judged(bad("b"), ["ok 1 - b\n"], bad("b"))[0])
    expect("what passed before is skipped", "caught", judged([*both[:1], "ok 2 - b # SKIP no\n"], ["ok 1 - b # SKIP no\n"])[0].kind)
    expect("a player that stops short", "error", judged(["ok 1 - a\n"])[0].kind)
    expect("a crash", "crashed", judged(bad("a", "the guest's kernel crashed: BUG"))[0].kind)
    expect("a hang", "hung", judged(*[bad("a", "no result within 60 seconds")] * 2)[0].kind)
    FakeLeg.busy = True
    expect("a hang on a host where nothing goes on", "error", judged(*[bad("a", "no result within 60 seconds")] * 2)[0].kind)
    FakeLeg.busy = False
    warned = "# xen-lab: a kernel warned: [ 9.1] WARNING: CPU: 0 PID: 7 at /a/evtchn.c:171 evtchn_{}+0x1/0x2 [x]"
    verdict, leg = judged([*both, warned.format("interrupt")])
    expect("a warning", ("warned", "evtchn.c:evtchn_interrupt"), verdict[:2])
    expect("a warning of the driver as it is", "survived", judged([*both, warned.format("bind")])[0].kind)
    expect("a warning, and a failure", "caught", judged([warned.format("interrupt"), *bad("a")])[0].kind)
    expect("no lab", "error", judged(["1..0 # SKIP no lab at ci/xen-lab\n"])[0].kind)
    expect("no module", "does not boot", judged(["1..0 # SKIP xen-gntdev does not load\n"])[0].kind)


def check_order():
    scenarios = ["scenarios/conformance/gntalloc/notify/x.scn", "scenarios/conformance/gntdev/map/far.scn",
                 "scenarios/conformance/gntdev/notify/alone.scn", "scenarios/conformance/gntdev/notify/y.scn"]
    expect("its own folder first, what needs a boot of its own last",
           ["scenarios/conformance/gntdev/notify/y.scn", "scenarios/conformance/gntalloc/notify/x.scn",
            "scenarios/conformance/gntdev/map/far.scn", "scenarios/conformance/gntdev/notify/alone.scn"],
           order(FakeLeg(), scenarios, "gntdev.c", "gntdev_ioctl_notify", []))
    near = [("gntdev.c:gntdev_ioctl_notify", "scenarios/conformance/gntdev/map/far.scn")]
    expect("what caught a neighbour before that", "scenarios/conformance/gntdev/map/far.scn",
           order(FakeLeg(), scenarios, "gntdev.c", "gntdev_ioctl_notify", near)[0])


def check_sample():
    items = list(range(300))
    sample = spread(items, 1)
    expect("nobody is left out of a sample of all", items, sorted(sample))
    expect("the same each time", sample, spread(items, 1))
    expect("another seed, another sample", True, sample[:20] != spread(items, 2)[:20])
    for n in (30, 60, 150):
        parts = [sum(part * 100 <= item < part * 100 + 100 for item in sample[:n]) for part in range(3)]
        expect(f"{n} are of all parts: {parts}", True, max(parts) - min(parts) <= 3)


def check_plain():
    """Who fails on the driver as it is, is played twice before it is believed."""
    with tempfile.TemporaryDirectory() as folder:
        leg = Leg.__new__(Leg)
        leg.state, leg.lock, leg.known, leg.wide, leg.learnt = f"{folder}/plain.json", threading.Lock(), {}, False, set()
        leg.texts = {f"conformance/gntdev/{name}.scn": text for name, text in
                     (("a", ""), ("b", ""), ("c", ""), ("alone", "needs empty_machine\n"))}
        leg.tree = FakeLeg.tree
        a, b, c, alone = (f"conformance/gntdev/{name}.scn" for name in ("a", "b", "c", "alone"))
        runs = FakeLeg([*bad(a), *bad(b), f"ok 3 - {c}\n"], [f"ok 1 - {a}\n", *bad(b)])
        leg.play = runs.play
        leg.learn("gntdev")
        expect("what shares a guest is learnt at once, what failed again", [[a, b, c], [a, b]],
               [paths for _, paths in runs.asked])
        expect("once is nothing", {a: "passes", b: "fails", c: "passes"}, leg.plain([a, b, c]))
        expect("who fails as it is isn't asked", [a, alone, c], leg.asked("gntdev"))


check_mutants()
check_results()
check_sample()
check_plain()
check_judge()
check_order()
sys.exit(bool(FAILED))
