#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""embed.py FILE...: writes C, on standard output: each file's text as a string that is called after it."""
import os
import re
import sys

print("/* Made by embed.py. */\n#include \"timeline/embedded.h\"\n")
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        data = file.read() + b"\0"
    name = re.sub(r"\W", "_", os.path.basename(path))
    rows = (data[i:i + 20] for i in range(0, len(data), 20))
    print(f"const char tl_{name}[] = {{")
    for row in rows:
        # (As a character: whether it has a sign is the processor's.)
        print("\t" + ", ".join(str(byte) if byte < 128 else f"'\\x{byte:02x}'" for byte in row) + ",")
    print("};")
