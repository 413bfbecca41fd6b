"""What a mutant of a driver comes to: which scenario catches it."""
import os
import re
from collections import Counter, namedtuple

from drivers.play import Result
from drivers.rules import MODULES

# kind: "caught", "crashed", "hung", "warned" (the kernel, in its log), "does not boot", "error" or "survived"
Verdict = namedtuple("Verdict", "kind by why")


def words(text):
    return set(re.split(r"[^a-z0-9]+", text.lower())) - {"", "ioctl", "ref", "scn", "scenarios", "conformance"}


def order(leg, scenarios, path, function, caught):
    """The scenarios, the likeliest first: those that caught what is near, then those that are about it."""
    driver = os.path.splitext(path)[0]
    about = words(function.replace("_", " ")) | {driver}
    near = Counter(by for known, by in caught if known == f"{path}:{function}")
    same = Counter(by for known, by in caught if known.startswith(f"{path}:"))

    def rank(scenario):
        return (leg.is_alone(scenario), -near[scenario], -len(about & words(scenario)),
                -same[scenario], scenario)

    return sorted(scenarios, key=rank)


def kind_of(message):
    if "the guest's kernel crashed" in message:
        return "crashed"
    return "hung" if "no result within" in message else "caught"


def first_failure(leg, modules, scenarios):
    """The first result that is none of a driver that works; None: all are. What the kernel warns of is the last."""
    played, n, skipped, warned = leg.play(modules, scenarios), 0, [], None
    try:
        for result in played:
            if not result.ok:
                return result
            if result.skipped == "warned":
                warned = warned or (None if leg.warns(result.path) else result)
                continue
            n += 1
            if result.skipped:
                skipped.append(result.path)
    finally:
        played.close()
    if n != len(scenarios):
        return Result(False, "error", "?", f"{n} results of {len(scenarios)}")
    missed = [path for path, known in leg.plain(skipped).items() if known == "passes"]
    return Result(False, "skipped", missed[0], "skipped") if missed else warned


def judge(leg, name, module, scenarios):
    """The verdict of a leg on this module. A failure must not show on the driver as it is, and one that a busy host
    can be guilty of must show twice; where it hangs, the driver as it is must pass right then."""
    modules = {MODULES[other]: file for other, file in leg.tree.modules.items()}
    modules[MODULES[name]] = module
    before = set()
    while True:
        failed = first_failure(leg, modules, scenarios)
        if failed is None:
            return Verdict("survived", "", "")
        if failed.path is None:
            boots = not re.search(r"does not load|has no /dev/xen|crashed|hangs", failed.message)
            return Verdict("error" if boots else "does not boot", "", failed.message)
        if failed.skipped == "warned":
            return Verdict("warned", failed.path, failed.message)
        if failed.skipped == "error":
            return Verdict("error", failed.path, failed.message)
        again, kind = failed, kind_of(failed.message)
        # One that fails only after the others is caught by all of them.
        if (kind == "hung" or (kind == "caught" and leg.is_timed(failed.path))) and failed.path not in before:
            again = first_failure(leg, modules, [failed.path])
            again = None if again and again.skipped == "warned" else again
        before.add(failed.path)
        if again and again.skipped != "error" and leg.plain([failed.path])[failed.path] == "passes":
            kind = kind_of(again.message)
            if kind == "hung" and not leg.passes_now(failed.path):
                return Verdict("error", failed.path, "the driver as it is hangs there too: is this host too busy?")
            return Verdict(kind, failed.path, again.message)
        if again:
            scenarios = [path for path in scenarios if path != failed.path]
        if len(before) > 2:
            return Verdict("error", failed.path, f"another scenario fails each time: {failed.message}")
