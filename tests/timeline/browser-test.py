#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""browser-test.py GNTSIM TRACED CRASH [SCREENSHOTS]: the page of gntsim timeline as a person has it, in
Chromium: nothing is complained of, nothing asked of a network, no word is cut; a grant that is clicked
tells its history; keys and search work."""
import os
import subprocess
import sys
import tempfile

import webdriver
from webdriver import DOWN, END, ENTER, ESCAPE, HOME, LEFT, RIGHT, TAB, UP

# What is written on a canvas, and whether there is room for it there.
WATCH = """
window.written = [];
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (words, x, y) {
	const width = this.measureText(words).width, room = this.canvas.clientWidth || 1e9;
	window.written.push([words, x, x + width, room]);
	return write.call(this, words, x, y);
};
"""
CUT = """
const cut = [];
for (const element of document.querySelectorAll("body *")) {
	if (element.closest("script, .paper, .unseen, canvas, svg, #tall") || element.id === "stage" || !element.offsetParent)
		continue;
	if (element.tagName !== "INPUT" && element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== "inline")
		cut.push(element.tagName + " " + element.id + ": " + element.textContent.slice(0, 60));
	const box = element.getBoundingClientRect();
	if (box.right > innerWidth + 1 || box.left < -1)
		cut.push(element.tagName + " leaves the window: " + element.textContent.slice(0, 60));
}
const input = document.getElementById("find"), pen = document.createElement("canvas").getContext("2d");
pen.font = getComputedStyle(input).font;
if (pen.measureText(input.placeholder).width > input.clientWidth)
	cut.push("the placeholder");
if (document.documentElement.scrollWidth > innerWidth)
	cut.push("the page is wider than the window");
for (const [words, from, to, room] of window.written)
	if (from < -0.5 || to > room + 0.5)
		cut.push("on a canvas: " + words);
return cut;
"""


class Page:
    def __init__(self, browser, shots):
        self.browser = browser
        self.shots = shots

    def open(self, path, width=1280, height=900, dark=False):
        self.browser.dark(dark)
        self.browser.size(width, height)
        self.browser.open(path)
        self.browser.drawn()
        assert self.browser.run("return timeline.items.length") > 5

    def nothing_cut(self, what):
        self.browser.run("window.written = []; window.dispatchEvent(new Event('resize')); document.getElementById('fit').click()")
        self.browser.drawn()
        assert len(self.browser.run("return window.written")) > 3, f"{what}: nothing is written on the canvas"
        cut = self.browser.run(CUT)
        assert cut == [], f"{what}: cut: {cut}"

    def shoot(self, name):
        if self.shots:
            self.browser.screenshot(os.path.join(self.shots, name + ".png"))

    def quiet(self):
        said = self.browser.log()
        assert said == [], said
        asked = self.browser.run("return performance.getEntriesByType('resource').map((r) => r.name)")
        assert asked == [], asked

    def item(self, name):
        n = self.browser.run("return timeline.items.findIndex((item) => item.name === arguments[0])", name)
        assert n >= 0, f"no {name}"
        return n

    def where(self, name):
        place = self.browser.run("return timeline.where(arguments[0])", self.item(name))
        return place["x"], place["y"]

    def panel(self):
        return self.browser.run("return document.getElementById('panel').innerText")

    def heading(self):
        return self.browser.run("return document.querySelector('#panel h2')?.textContent")

    def focused(self):
        return self.browser.run("return document.activeElement.id")


def looks(page, crash):
    for width in (1280, 400):
        for dark in (False, True):
            page.open(crash, width, 900 if width > 400 else 1400, dark)
            what = f"{width} px{', dark' if dark else ''}"
            page.nothing_cut(what)
            page.shoot(f"{width}{'-dark' if dark else ''}")
            page.browser.click(*page.where("grant 8 of dom0 for dom1"))
            assert page.heading() == "grant 8 of dom0 for dom1", page.panel()
            page.nothing_cut(what + ", a grant chosen")
            page.shoot(f"{width}{'-dark' if dark else ''}-grant")
            colours = page.browser.run("const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]")
            assert (colours[1] == "rgb(18, 23, 30)") == dark, colours
    page.quiet()


def tells(page, crash):
    page.open(crash)
    x, y = page.where("grant 8 of dom0 for dom1")
    page.browser.hover(x, y)
    tip = page.browser.until("const tip = document.getElementById('tip'); return !tip.hidden && tip.innerText")
    assert "grant 8 of dom0 for dom1" in tip and "IOCTL_GNTALLOC_ALLOC_GREF" in tip, tip
    page.browser.click(x, y)
    told = page.panel()
    for part in ("map of grant 8 of dom0", "IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom1, flags=GNTALLOC_FLAG_WRITABLE, count=1}",
                 "notification of grant 8 of dom0 is armed: byte 21, event through port",
                 "notification of grant 8 of dom0 fires: byte 21 cleared", "kill -9 vchan_socket_pr_",
                 "grant 8 of dom0 is given up while it is mapped: it waits for the timer",
                 "ended by its granter, still mapped"):
        assert part in told, f"{part!r} is not told:\n{told}"
    said = page.browser.run("return document.getElementById('said').textContent")
    assert said.startswith("grant 8 of dom0 for dom1."), said
    # Along the chain: to the map, to the notification of its end.
    page.browser.run("""[...document.querySelectorAll('#panel .chain button')]
        .find((b) => b.textContent.startsWith('map of grant 8')).click()""")
    assert page.heading() == "map of grant 8 of dom0", page.panel()
    assert "IOCTL_GNTDEV_MAP_GRANT_REF, {count=1, refs=[{domid=dom0, ref=8}]}" in page.panel(), page.panel()
    # What is small is meant rather than what is behind it.
    page.browser.click(*page.where("notification: byte cleared"))
    assert page.heading() == "notification: byte cleared", page.panel()
    x, y = page.where("process ends: killed, or its exit")
    page.browser.click(x, y)
    assert page.heading() == "process ends: killed, or its exit", page.panel()
    assert "its memory is gone" in page.panel(), page.panel()
    page.quiet()


def keys(page, crash):
    page.open(crash)
    for _ in range(12):
        page.browser.keys(TAB)
        if page.focused() == "stage":
            break
    assert page.focused() == "stage", page.focused()
    place = "const c = timeline.chosen(); return c && [c.call, c.item ? c.item.n : -1, document.querySelector('#panel h2').textContent]"
    page.browser.keys(HOME)
    first = page.browser.run(place)
    page.browser.keys(RIGHT)
    second = page.browser.run(place)
    assert second[0] > first[0], (first, second)
    page.browser.keys(LEFT)
    assert page.browser.run(place) == first
    page.browser.keys(END)
    last = page.browser.run(place)
    assert last[0] > second[0], (second, last)
    # To every item of a lane by arrows alone.
    lane = "const c = timeline.chosen(); return c.item ? c.item.lane : null"
    met = set()
    page.browser.keys(DOWN + HOME)
    for _ in range(200):
        before = page.browser.run(place)
        met.add(before[1])
        page.browser.keys(RIGHT)
        if page.browser.run(place) == before:
            break
    page.browser.keys(LEFT * 0 + UP)
    its = page.browser.run("const lane = timeline.items[arguments[0]].lane; return timeline.items.filter((i) => i.lane === lane).map((i) => i.n)",
                           page.item("grant 8 of dom0 for dom1"))
    assert set(its) <= met, (its, met)
    whole = page.browser.run("return timeline.view.to - timeline.view.from")
    page.browser.keys("++")
    assert page.browser.run("return timeline.view.to - timeline.view.from") < whole / 3
    page.browser.keys("-")
    page.browser.keys("0")
    assert page.browser.run("return timeline.view.to - timeline.view.from") == whole
    page.browser.keys("t")
    assert page.browser.run("return timeline.view.byTime") is True
    page.nothing_cut("true to time")
    page.shoot("time")
    page.browser.run("document.getElementById('stage').focus()")
    page.browser.keys("t")
    page.browser.keys(ENTER)
    assert page.focused() == "panel", page.focused()
    page.browser.keys(ESCAPE)
    assert page.focused() == "stage", page.focused()
    page.browser.keys(ESCAPE)
    assert page.browser.run("return timeline.chosen()") is None
    assert page.browser.run(lane.replace("return c.item", "return c && c.item")) is None
    page.quiet()


def searches(page, crash):
    page.open(crash)
    page.browser.run("document.getElementById('stage').focus()")
    page.browser.keys("/")
    assert page.focused() == "find"
    page.browser.keys("SET_unmap_notify")
    found = page.browser.run("return document.getElementById('found').textContent")
    assert found == "2 found", found
    page.browser.keys(ENTER)
    assert "IOCTL_GNTALLOC_SET_UNMAP_NOTIFY" in page.panel(), page.panel()
    page.browser.keys(ENTER)
    assert "IOCTL_GNTDEV_SET_UNMAP_NOTIFY" in page.panel(), page.panel()
    assert page.browser.run("return document.getElementById('found').textContent") == "2 of 2"
    page.shoot("search")
    page.browser.run("const f = document.getElementById('find'); f.value = 'no such thing'; f.dispatchEvent(new Event('input'))")
    assert page.browser.run("return document.getElementById('found').textContent") == "nothing found"
    page.quiet()


def prints(page, crash):
    page.open(crash)
    pdf = page.browser.print()
    assert pdf.startswith(b"%PDF"), pdf[:20]
    page.browser.chrome("Emulation.setEmulatedMedia", media="print")
    shown = page.browser.run("""const shown = (s) => { const e = document.querySelector(s); return e && e.getBoundingClientRect().height > 50; };
        return [shown(".paper svg"), shown("#picture"), shown(".tools")]""")
    assert shown == [True, False, False], shown
    page.shoot("print")
    page.browser.chrome("Emulation.setEmulatedMedia", media="")
    page.browser.drawn()
    page.quiet()


def refusals(page, traced):
    page.open(traced)
    page.browser.click(*page.where("map refused: grant 4711 of dom0"))
    assert page.heading() == "map refused: grant 4711 of dom0", page.panel()
    assert "GNTST_bad_gntref" in page.panel() and "= -1 EINVAL" in page.panel(), page.panel()
    page.quiet()


def is_usable_with_many(page, many):
    page.open(many)
    nodes = page.browser.run("return document.getElementsByTagName('*').length")
    assert nodes < 500, f"{nodes} elements"
    assert page.browser.run("return timeline.items.length") > 20000
    page.nothing_cut("many calls")
    page.shoot("many")
    page.browser.run("document.getElementById('find').focus()")
    page.browser.keys("grant 7770 of")
    assert page.browser.run("return document.getElementById('found').textContent") not in ("", "nothing found")
    page.browser.keys(ENTER)
    assert "grant 7770 of dom0" in page.panel(), page.panel()
    shown = page.browser.run("return timeline.view.to - timeline.view.from")
    assert shown <= 200, f"{shown} steps are in view: nobody sees what was found"
    page.browser.click(*page.where("grant 7770 of dom0 for dom1"))
    assert page.heading() == "grant 7770 of dom0 for dom1", page.panel()
    for part in ("ALLOC_GREF", "MAP_GRANT_REF", "munmap", "DEALLOC_GREF"):
        assert part in page.panel(), (part, page.panel())
    page.shoot("many-found")
    page.quiet()


def main():
    gntsim, traced, crash = sys.argv[1:4]
    shots = sys.argv[4] if len(sys.argv) > 4 else None
    with tempfile.TemporaryDirectory() as room, webdriver.Browser() as browser:
        browser.chrome("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        pages = [os.path.join(room, name) for name in ("crash.html", "traced.html")]
        trace = os.path.join(room, "trace")
        subprocess.run([gntsim, "run", "--trace", trace, "--trace-format", "json", "--", traced], check=True)
        for source, page in ((crash, pages[0]), (trace, pages[1])):
            subprocess.run([gntsim, "timeline", source, "-o", page], check=True)
        page = Page(browser, shots)
        for test in (looks, tells, keys, searches, prints):
            test(page, pages[0])
            print(f"{test.__name__}: ok")
        refusals(page, pages[1])
        print("refusals: ok")
        many = os.path.join(room, "many")
        with open(many, "w", encoding="utf-8") as file:
            subprocess.run([sys.executable, os.path.join(os.path.dirname(__file__), "many.py"), "100000"],
                           stdout=file, check=True)
        subprocess.run([gntsim, "timeline", many, "-o", many + ".html"], check=True)
        is_usable_with_many(page, many + ".html")
        print("many: ok")


if __name__ == "__main__":
    main()
