#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""picture-test.py GNTSIM SOURCE-ROOT: the picture on the README's first screen is what ci/picture makes of a
crash now, but for times and processes' numbers: the same signs as often, the same words."""
import collections
import os
import re
import subprocess
import sys
import tempfile


def signs(path):
    """How often a sign that tells of the crash is in it. Calls vary: a client asks until the server is there,
    who reads when is a race, and whether the server's port is still there for the client's own notification."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text = text[text.index("</style>"):]
    found = collections.Counter(re.findall(r'class="(granted|mapped|deferred|map|cleared|armed|death|title)"', text))
    words = set(re.findall(r">((?:grant|map of|domain|A vchan) [^<]*)</text>", text))
    return found, words


def main():
    gntsim, root = sys.argv[1:]
    if not os.path.exists("/usr/lib/xen-4.17/bin/vchan-socket-proxy"):
        print("skipped: no vchan-socket-proxy (package xen-utils-4.17)")
        sys.exit(77)
    kept = os.path.join(root, "docs/crash.svg")
    with tempfile.TemporaryDirectory() as room:
        made = os.path.join(room, "crash.svg")
        subprocess.run([sys.executable, os.path.join(root, "ci/picture.py"), gntsim, made], check=True)
        assert signs(made) == signs(kept), f"ci/picture makes\n{signs(made)}\ndocs/crash.svg has\n{signs(kept)}"
        assert signs(made)[0]["death"] >= 2 and signs(made)[0]["deferred"] >= 1, signs(made)
    size = os.path.getsize(kept)
    assert size < 40000, f"{kept} has {size} bytes"
    with open(os.path.join(root, "README.md"), encoding="utf-8") as readme:
        assert "(docs/crash.svg)" in "".join(readme.readlines()[:40]), "it is not on the first screen"


if __name__ == "__main__":
    main()
