#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Of a run of meson's tests (testlog.json) those that failed: their names (--names), or the end of what each said."""
import json
import sys

LINES = 40
FINE = {"OK", "EXPECTEDFAIL", "SKIP"}


def failed(path):
    with open(path, encoding="utf-8") as lines:
        return [t for t in map(json.loads, lines) if t["result"] not in FINE]


def main():
    names = sys.argv[1] == "--names"
    for test in failed(sys.argv[-1]):
        if names:
            # As meson test takes it: without the project and the suites.
            print(test["name"].partition(" / ")[2] or test["name"])
            continue
        print(f'{test["result"]} {test["name"]} ({test["duration"]:.1f} s, status {test.get("returncode")})')
        said = ((test.get("stdout") or "") + (test.get("stderr") or "")).splitlines()
        print("\n".join("    " + line for line in said[-LINES:]))


main()
