// SPDX-License-Identifier: MIT
// What the page holds, and how one moves in it. draw.js paints, tell.js says what is chosen.
const GRANT = 0, MAP = 1, EVENT = 2, MARK = 3;
const ENDED = 0, EXEC = 1, DESTROYED = 2, REFUSED = 3, FAILED = 4, CLEARED = 5, UNHEARD = 6, REVOKED = 7, ARMED = 8;
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const { lanes, order, texts } = data;
const stage = byId("stage");
const N = data.text.length;

// Times come as differences; a step is a call's, and a long run of events has little room.
const us = new Float64Array(N), step = new Float64Array(N);
const failed = new Uint8Array(N);
let steps = 0;
{
	let run = 0;
	for (let i = 0, at = 0; i < N; i++) {
		at += data.us[i];
		us[i] = at;
		while (run < data.runs.length && i >= data.runs[run][0] + data.runs[run][1])
			run++;
		step[i] = steps;
		steps += run < data.runs.length && i >= data.runs[run][0] ? data.long / data.runs[run][1] : 1;
	}
	for (const n of data.failed)
		failed[n] = 1;
}
const items = data.items.map((i, n) => ({
	n, kind: i[0], mark: i[1], lane: i[2], row: i[3], from: i[4], to: i[5], target: i[6], origin: i[7],
	pending: i[8] & 1, name: texts[i[9]], short: texts[i[10]], calls: i[11], links: i[12], parts: i[13],
}));
const isSpan = (item) => item.kind === GRANT || item.kind === MAP;

// A place in the picture: a call, or something that a call made. In a lane they stand in order.
const entries = lanes.map(() => []);
const ofCall = new Map();
{
	const made = new Map();
	for (const item of items) {
		const list = made.get(item.from) || [];
		list.push(item);
		made.set(item.from, list);
		for (const call of item.calls) {
			const known = ofCall.get(call) || [];
			known.push(item.n);
			ofCall.set(call, known);
		}
	}
	for (let i = 0; i < N; i++) {
		entries[data.lane[i]].push({ call: i, item: null });
		for (const item of made.get(i) || [])
			entries[item.lane].push(item.entry = { call: i, item });
	}
}
const entryOf = (item) => item.entry;
const sameEntry = (a, b) => a && b && a.call === b.call && a.item === b.item;
const laneOf = (entry) => entry.item ? entry.item.lane : data.lane[entry.call];

// ---- what is shown ----

const view = { byTime: data.byTime, from: 0, to: 1 };
let chosen = null, hovered = null;
let matches = [], match = -1;

const unit = (call) => view.byTime ? us[call] - us[0] : step[call] + 0.5;
function limits() {
	const length = view.byTime ? Math.max(us[N - 1] - us[0], 1) : steps;
	const room = view.byTime ? length * 0.02 : 0;
	return [-room, length + room];
}
function show(from, to) {
	const [low, high] = limits(), least = view.byTime ? 4 : 2;
	const length = Math.min(Math.max(to - from, least), high - low);
	view.from = Math.min(Math.max((from + to - length) / 2, low), high - length);
	view.to = view.from + length;
	layout();
	redraw();
}
const showAll = () => show(...limits());
function zoom(factor, around) {
	const at = around ?? (chosen && isInView(unit(chosen.call)) ? unit(chosen.call) : (view.from + view.to) / 2);
	const length = (view.to - view.from) * factor, [low, high] = limits();
	const share = (at - view.from) / (view.to - view.from);
	const from = Math.min(Math.max(at - share * length, low), Math.max(high - length, low));
	show(from, from + length);
}
const isInView = (at) => at >= view.from && at <= view.to;
function pan(share) {
	const by = (view.to - view.from) * share, [low, high] = limits();
	const move = Math.min(Math.max(by, low - view.from), high - view.to);
	show(view.from + move, view.to + move);
}
function setScale(byTime) {
	const whole = [view.from, view.to].every((at, i) => at === limits()[i]);
	const middle = chosen ? chosen.call : nearestCall((view.from + view.to) / 2);
	const share = (view.to - view.from) / (limits()[1] - limits()[0]);
	view.byTime = byTime;
	byId("scale").setAttribute("aria-pressed", String(byTime));
	const [low, high] = limits(), half = (high - low) * share / 2;
	if (whole)
		showAll();
	else
		show(unit(middle) - half, unit(middle) + half);
}
// The first of so many that is not before a place; they stand in order.
function firstAt(n, callOf, at) {
	let low = 0, high = n;
	while (low < high) {
		const middle = (low + high) >> 1;
		if (unit(callOf(middle)) < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
const nearestCall = (at) => Math.min(firstAt(N, (i) => i, at), N - 1);

// ---- choosing ----

function reveal(entry) {
	const at = unit(entry.call), most = view.byTime ? Infinity : 200;
	if (view.to - view.from > most && matches.length)
		show(at - most / 4, at + most / 4);
	else if (!isInView(at) || at > view.to - (view.to - view.from) * 0.03)
		show(at - (view.to - view.from) / 2, at + (view.to - view.from) / 2);
	const y = rowTop(entry.item ? entry.item.lane : data.lane[entry.call], entry.item ? rowOf(entry.item) : 0);
	if (y < stage.scrollTop + 30)
		stage.scrollTop = y - 50;
	else if (y + ROW > stage.scrollTop + stage.clientHeight)
		stage.scrollTop = y + ROW - stage.clientHeight + 10;
}
function choose(entry, quiet) {
	chosen = entry;
	tell(entry);
	if (entry && !quiet)
		reveal(entry);
	redraw();
}
function move(by) {
	if (!chosen)
		return choose(entries[order[0]][0]);
	const list = entries[laneOf(chosen)];
	const at = list.findIndex((entry) => sameEntry(entry, chosen));
	choose(list[Math.min(Math.max(at + by, 0), list.length - 1)]);
}
function moveEnd(last) {
	const list = entries[chosen ? laneOf(chosen) : order[0]];
	choose(list[last ? list.length - 1 : 0]);
}
function moveLane(by) {
	if (!chosen)
		return move(0);
	const at = order.indexOf(laneOf(chosen)), next = order[Math.min(Math.max(at + by, 0), order.length - 1)];
	if (next === laneOf(chosen))
		return;
	const list = entries[next];
	let best = list[0];
	for (const entry of list)
		if (Math.abs(entry.call - chosen.call) < Math.abs(best.call - chosen.call))
			best = entry;
	choose(best);
}

// ---- searching ----

function search(words) {
	const wanted = words.trim().toLowerCase();
	matches = [];
	match = -1;
	if (wanted) {
		const holds = texts.map((text) => text.toLowerCase().includes(wanted));
		for (let i = 0; i < N; i++)
			if (lanes[data.lane[i]].shown && (holds[data.text[i]] || holds[data.seen[i]]))
				matches.push({ call: i, item: null });
		for (const item of items)
			if (item.name.toLowerCase().includes(wanted))
				matches.push(entryOf(item));
		matches.sort((a, b) => a.call - b.call || (b.item !== null) - (a.item !== null));
	}
	byId("found").textContent = !wanted ? "" : matches.length ? `${matches.length} found` : "nothing found";
	redraw();
}
function goMatch(by) {
	if (!matches.length)
		return;
	match = match < 0 && by < 0 ? matches.length - 1 : (match + by + matches.length) % matches.length;
	byId("found").textContent = `${match + 1} of ${matches.length}`;
	choose(matches[match]);
}

// ---- keys and pointer ----

const keys = {
	ArrowLeft: () => move(-1), ArrowRight: () => move(1), ArrowUp: () => moveLane(-1), ArrowDown: () => moveLane(1),
	Home: () => moveEnd(false), End: () => moveEnd(true), PageUp: () => pan(-0.8), PageDown: () => pan(0.8),
	"+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: showAll,
	t: () => setScale(!view.byTime), T: () => setScale(!view.byTime),
	Enter: () => byId("panel").focus(), Escape: () => choose(null),
};
stage.addEventListener("keydown", (e) => {
	const action = keys[e.key];
	if (!action || e.ctrlKey || e.altKey || e.metaKey)
		return;
	e.preventDefault();
	action();
});
document.addEventListener("keydown", (e) => {
	if (e.key === "/" && e.target !== byId("find")) {
		e.preventDefault();
		byId("find").focus();
		byId("find").select();
	} else if (e.key === "Escape" && e.target !== stage) {
		stage.focus();
	}
});
byId("find").addEventListener("input", (e) => search(e.target.value));
byId("find").addEventListener("keydown", (e) => {
	if (e.key === "Enter")
		goMatch(e.shiftKey ? -1 : 1);
});
byId("before").onclick = () => goMatch(-1);
byId("after").onclick = () => goMatch(1);
byId("in").onclick = () => zoom(0.5);
byId("out").onclick = () => zoom(2);
byId("fit").onclick = showAll;
byId("scale").onclick = () => setScale(!view.byTime);

let drag = null;
stage.addEventListener("pointerdown", (e) => {
	if (e.button === 0)
		drag = { x: e.clientX, from: view.from, to: view.to, moved: false };
});
stage.addEventListener("pointermove", (e) => {
	if (drag && e.buttons & 1 && (drag.moved || Math.abs(e.clientX - drag.x) > 4)) {
		const by = (drag.x - e.clientX) / plotWidth() * (drag.to - drag.from), [low, high] = limits();
		const clipped = Math.min(Math.max(by, low - drag.from), high - drag.to);
		drag.moved = true;
		hideTip();
		show(drag.from + clipped, drag.to + clipped);
		return;
	}
	hover(e);
});
stage.addEventListener("pointerleave", () => { hovered = null; hideTip(); redraw(); });
stage.addEventListener("pointerup", (e) => {
	const moved = drag && drag.moved;
	drag = null;
	if (!moved && e.button === 0)
		choose(entryAt(e.clientX, e.clientY), true), hideTip();
});
stage.addEventListener("wheel", (e) => {
	const box = stage.getBoundingClientRect();
	if (e.ctrlKey) {
		e.preventDefault();
		zoom(e.deltaY > 0 ? 1.25 : 0.8, unitAt(e.clientX - box.left));
	} else if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) {
		e.preventDefault();
		pan((e.deltaX || e.deltaY) / 800);
	}
}, { passive: false });
byId("overview").addEventListener("pointerdown", (e) => { e.target.setPointerCapture(e.pointerId); overviewTo(e); });
byId("overview").addEventListener("pointermove", (e) => { if (e.buttons & 1) overviewTo(e); });
function overviewTo(e) {
	const box = e.target.getBoundingClientRect(), [low, high] = limits(), half = (view.to - view.from) / 2;
	const at = low + (e.clientX - box.left) / box.width * (high - low);
	const middle = Math.min(Math.max(at, low + half), high - half);
	show(middle - half, middle + half);
}
