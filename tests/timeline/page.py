# SPDX-License-Identifier: MIT
"""What a page of gntsim timeline holds, for tests."""
import json
import re


def data(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    found = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert len(found) == 1, f"{path}: {len(found)} blocks of data"
    return json.loads(found[0])
