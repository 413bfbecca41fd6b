#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""same-words.py PAGE TEXT-TRACE: the page tells of each call, and of what it did, in the words of the text
trace of another run of the same program."""
import re
import sys

from page import data


def plain(text):
    text = re.sub(r"traced_\d+|pid \d+", "P", text)
    return re.sub(r"0x7[0-9a-f]{11}", "ADDRESS", text)


held = data(sys.argv[1])
told = []
for text, seen in zip(held["text"], held["seen"]):
    told.append(plain(held["texts"][text]))
    told += [plain(line) for line in held["texts"][seen].splitlines()]
written = []
with open(sys.argv[2], encoding="utf-8") as file:
    next(file)
    for line in file:
        line = re.sub(r"    # \d+\.\d{6}( tid \d+)?\n$", "", line).rstrip("\n")
        written.append(plain(re.sub(r"^#     ", "", line)))
for page, trace in zip(told, written):
    assert page == trace, f"the page says\n  {page}\nthe trace\n  {trace}"
assert len(told) == len(written) > 20, (len(told), len(written))
