#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""broken-test.py GNTSIM CRASH [SEED TRACES]: traces in which lines are lost, doubled and changed places, and
numbers and words are others: each is drawn, or refused with its line, and nothing else."""
import os
import random
import re
import subprocess
import sys
import tempfile

NUMBERS = (0, 1, 2, 3, 8, 65535, 2 ** 31, 2 ** 32 - 1, 2 ** 63, 2 ** 64 - 1)


def change_number(chance, line):
    places = list(re.finditer(rb"(?<=:)\d+", line))
    if not places:
        return line
    at = chance.choice(places)
    return line[:at.start()] + str(chance.choice(NUMBERS)).encode() + line[at.end():]


def change_byte(chance, line):
    at = chance.randrange(len(line))
    return line[:at] + bytes([chance.randrange(256)]) + line[at + 1:]


def breaking(chance, lines):
    at, other = (chance.randrange(1, len(lines)) for _ in range(2))
    match chance.randrange(20):
        case 0 | 1 | 2 | 3:
            del lines[at]
        case 4 | 5 | 6 | 7:
            lines.insert(at, lines[other])
        case 8 | 9 | 10:
            lines[at], lines[other] = lines[other], lines[at]
        case 11 | 12 | 13:
            lines[at] = re.sub(rb"true|false", lambda _: chance.choice((b"true", b"false")), lines[at])
        case 14:
            lines[at] = change_byte(chance, lines[at])
        case _:
            lines[at] = change_number(chance, lines[at])


def main():
    gntsim, crash = sys.argv[1:3]
    seed, traces = (int(word) for word in sys.argv[3:]) if len(sys.argv) > 3 else (1, 150)
    chance = random.Random(seed)
    with open(crash, "rb") as file:
        whole = file.read().splitlines()
    drawn = refused = 0
    with tempfile.TemporaryDirectory() as room:
        trace = os.path.join(room, "t")
        for n in range(traces):
            lines = list(whole)
            for _ in range(chance.randint(1, 6)):
                breaking(chance, lines)
            with open(trace, "wb") as file:
                file.write(b"\n".join(lines) + b"\n")
            done = subprocess.run([gntsim, "timeline", trace, "-o", trace + (".svg", ".html", ".json")[n % 3]], check=False,
                                  capture_output=True, timeout=60)
            said = done.stderr.decode(errors="replace")
            drawn += done.returncode == 0
            refused += done.returncode == 125
            if done.returncode == 0:
                assert said == "", (n, said)
            else:
                assert done.returncode == 125 and re.fullmatch(rf"gntsim: timeline: {re.escape(trace)}:\d+: .+\n", said), (n, done.returncode, said)
    print(f"{drawn} drawn, {refused} refused")
    assert drawn > traces / 5 and refused > traces / 20, "these are not the traces that were meant"


if __name__ == "__main__":
    main()
