#!/usr/bin/env python3
"""tests_of.py BUILD PATIENCE TEST...: a build tree's tests as calls for ci/lab/play-tests: those of a suite (unit), or
by name ('notify-* pv-pvh'; of a suite's alone 'clients:notify-* pv-pvh'), with PATIENCE times their time; "clients
ptrace" are all client programs on that front, "kill FRONT" is the kill test, each call once, on a front, "yama" are
places that Yama makes."""
import fnmatch
import json
import pathlib
import shlex
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PLACES = SOURCE / "tests/places/places"
DOMAINS = "0:pv,1:pvh,2:pv"
YAMA = [
    (1, "root ptrace=yes socket=yes fuse=yes"),
    (1, "user ptrace=yes socket=yes"),
    (2, "root ptrace=yes socket=yes fuse=yes"),
    (2, "user ptrace=no socket=yes"),
    (3, "root ptrace=no socket=yes fuse=no"),
    (3, "user ptrace=no socket=yes"),
]


def call(test, build, patience):
    variables = [f"{name}={value}" for name, value in test["env"].items()]
    variables.append(f"GNTSIM_TEST_PATIENCE={5 * patience}")  # of a play's call: it has 20 s here
    return ["try", test["name"], str(test["timeout"] * patience), test["workdir"] or build, *variables, *test["cmd"]]


def clients(build, patience):
    names = sorted(source.stem for source in (SOURCE / "tests/clients/cases").rglob("*.c"))
    names.remove("other-files")
    return ["try", "clients ptrace", str(300 * patience), build, f"GNTSIM_TEST_DOMAINS={DOMAINS}",
            f"GNTSIM_TEST_LIMIT={120 * patience}", str(SOURCE / "tests/ptrace/clients"), build, *names]


def kill(build, patience, front):
    limit = str(120 * patience)
    return ["try", "kill " + front, limit, build, "GNTSIM_TEST_FRONT=" + front, f"GNTSIM_TEST_EXE={build}/gntsim",
            build + "/tests/clients/stage", "--virtual-time", "--limit", limit, "--domains", DOMAINS,
            str(SOURCE / "tests/fuse/front"), build + "/tests/ptrace/kill-handshake-once"]


def special(want, build, patience):
    """What is no test of the tree's; None: it is."""
    if want == "clients ptrace":
        return [clients(build, patience)]
    if want.startswith("kill ") and want[5:] in ("socket", "fuse", "ptrace"):
        return [kill(build, patience, want[5:])]
    if want == "yama":
        return [["yama", str(scope), str(PLACES), place, build] for scope, place in YAMA]
    return None


def of_suite(tests, suite):
    return [t for t in tests if suite in [s.split(":")[-1] for s in t["suite"]]]


def by_name(tests, want):
    suite, colon, pattern = want.rpartition(":")
    return [t for t in (of_suite(tests, suite) if colon else tests) if fnmatch.fnmatchcase(t["name"], pattern)]


def main():
    build, patience, wanted = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    tests = json.loads(subprocess.run(["meson", "introspect", "--tests", build], check=True,
                                      stdout=subprocess.PIPE).stdout)
    done = set()
    for want in wanted:
        calls = special(want, build, patience)
        if calls is None:
            chosen = of_suite(tests, want) or by_name(tests, want)
            if not chosen:
                sys.exit(f"{build} has no test '{want}'")
            calls = [call(test, build, patience) for test in chosen]
        for it in calls:
            line = shlex.join(it)
            if line not in done:
                done.add(line)
                print(line)


main()
