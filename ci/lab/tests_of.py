#!/usr/bin/env python3
"""tests_of.py BUILD PATIENCE TEST...: a build tree's tests as calls for ci/lab/play-tests: those of a suite (unit), or
by name ('notify-* pv-pvh'), with PATIENCE times their time; "yama" are places that Yama makes."""
import fnmatch
import json
import pathlib
import shlex
import subprocess
import sys

PLACES = pathlib.Path(__file__).resolve().parents[2] / "tests/places/places"
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
    return ["try", test["name"], str(test["timeout"] * patience), test["workdir"] or build, *variables, *test["cmd"]]


def main():
    build, patience, wanted = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    tests = json.loads(subprocess.run(["meson", "introspect", "--tests", build], check=True,
                                      stdout=subprocess.PIPE).stdout)
    done = set()
    for want in wanted:
        chosen = [t for t in tests if want in [s.split(":")[-1] for s in t["suite"]]]
        chosen = chosen or [t for t in tests if fnmatch.fnmatchcase(t["name"], want)]
        if not chosen and want != "yama":
            sys.exit(f"{build} has no test '{want}'")
        for test in chosen:
            if test["name"] not in done:
                done.add(test["name"])
                print(shlex.join(call(test, build, patience)))
    if "yama" in wanted:
        for scope, place in YAMA:
            print(shlex.join(["yama", str(scope), str(PLACES), place, build]))


main()
