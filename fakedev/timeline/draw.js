// SPDX-License-Identifier: MIT
// The picture, on canvases: what is in view, and of what would fall on one pixel, the first.
const ROW = 22, LANE_HEAD = 20, DOMAIN = 26, GAP = 8, PAD = 14;
const FONT = '12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
const canvas = byId("lanes"), ink = canvas.getContext("2d");
let colours = {}, waiting = null, redrawing = false;

function readColours() {
	const style = getComputedStyle(document.documentElement);
	for (const name of ["ground", "band", "rule", "text", "soft", "life", "call", "granted", "mapped", "grant-edge", "wait",
		"wait-ground", "wait-edge", "map", "map-edge", "event", "notice", "death", "run", "match", "chosen"])
		colours[name] = style.getPropertyValue("--" + name).trim();
	const tile = document.createElement("canvas");
	tile.width = tile.height = 6;
	const t = tile.getContext("2d");
	t.fillStyle = colours["wait-ground"];
	t.fillRect(0, 0, 6, 6);
	t.strokeStyle = colours.wait;
	t.beginPath();
	t.moveTo(-1, 7);
	t.lineTo(7, -1);
	t.stroke();
	waiting = ink.createPattern(tile, "repeat");
}

// ---- where things are ----

const tops = [];
let tall = 0;
// A lane is as high as the rows that have something in view.
function layout() {
	let domain = null, y = 0;
	for (const lane of lanes)
		lane.rows = 0;
	for (const item of items)
		if (isSpan(item) && item.row > lanes[item.lane].rows && unit(item.from) <= view.to && (item.to < 0 || unit(item.to) >= view.from))
			lanes[item.lane].rows = item.row;
	for (const n of order) {
		if (lanes[n].domain !== domain)
			y += DOMAIN;
		domain = lanes[n].domain;
		tops[n] = y + LANE_HEAD;
		y += LANE_HEAD + ROW * (1 + lanes[n].rows) + GAP;
	}
	if (y !== tall)
		byId("tall").style.height = y + "px";
	tall = y;
}
const plotWidth = () => Math.max(stage.clientWidth - 2 * PAD, 50);
const pixel = (at) => PAD + (at - view.from) / (view.to - view.from) * plotWidth();
const unitAt = (x) => view.from + (x - PAD) / plotWidth() * (view.to - view.from);
const xOf = (call) => pixel(unit(call));
const endOf = (item) => item.to < 0 ? stage.clientWidth + 10 : xOf(item.to);
const rowOf = (item) => isSpan(item) ? item.row : item.origin >= 0 ? items[item.origin].row : 0;
const rowTop = (lane, row) => tops[lane] + ROW * row;
const middleOf = (item) => rowTop(item.lane, rowOf(item)) + ROW / 2;

function fitCanvas(c, width, height) {
	const scale = window.devicePixelRatio || 1;
	if (c.width !== Math.round(width * scale) || c.height !== Math.round(height * scale)) {
		c.width = Math.round(width * scale);
		c.height = Math.round(height * scale);
		c.style.height = height + "px";
	}
	const context = c.getContext("2d");
	context.setTransform(scale, 0, 0, scale, 0, 0);
	context.clearRect(0, 0, width, height);
	context.font = FONT;
	return context;
}

// ---- shapes ----

function write(words, x, y, colour, font) {
	ink.font = font || FONT;
	ink.fillStyle = colour;
	ink.fillText(words, x, y);
	ink.font = FONT;
}
function line(c, colour, width, ...points) {
	c.strokeStyle = colour;
	c.lineWidth = width;
	c.beginPath();
	for (let i = 0; i < points.length; i += 2)
		i ? c.lineTo(points[i], points[i + 1]) : c.moveTo(points[i], points[i + 1]);
	c.stroke();
}
function box(c, x, y, width, height, fill, edge) {
	c.fillStyle = fill;
	c.beginPath();
	c.roundRect(x, y, width, height, 2);
	c.fill();
	if (edge) {
		c.strokeStyle = edge;
		c.lineWidth = 1;
		c.stroke();
	}
}
function arrowHead(c, colour, x, y, down) {
	c.fillStyle = colour;
	c.beginPath();
	c.moveTo(x, y);
	c.lineTo(x - 4, y + (down ? -7 : 7));
	c.lineTo(x + 4, y + (down ? -7 : 7));
	c.fill();
}
function diamond(c, x, y, fill, edge) {
	c.beginPath();
	c.moveTo(x, y - 5);
	c.lineTo(x + 5, y);
	c.lineTo(x, y + 5);
	c.lineTo(x - 5, y);
	c.closePath();
	c.fillStyle = fill;
	c.fill();
	c.strokeStyle = edge;
	c.lineWidth = 1.5;
	c.stroke();
}
function markSign(c, mark, x, y) {
	switch (mark) {
	case ENDED: case EXEC: case DESTROYED:
		line(c, colours.death, 2.5, x - 5, y - 5, x + 5, y + 5);
		line(c, colours.death, 2.5, x + 5, y - 5, x - 5, y + 5);
		break;
	case CLEARED: diamond(c, x, y, colours.notice, colours.notice); break;
	case ARMED: diamond(c, x, y, colours.ground, colours.notice); break;
	case UNHEARD:
		c.strokeStyle = colours.notice;
		c.lineWidth = 2;
		c.beginPath();
		c.arc(x + 9, y, 3.5, 0, 7);
		c.stroke();
		break;
	default:
		line(c, colours.death, 1.8, x, y - 5, x + 5, y + 4, x - 5, y + 4, x, y - 5);
		line(c, colours.death, 1.8, x, y - 1, x, y + 2);
	}
}

// ---- the lanes ----

const shown = (y, height) => y + height > 0 && y < ink.canvas.clientHeight;

function drawGround(width, top) {
	let domain = null;
	for (const n of order) {
		const lane = lanes[n], y = tops[n] - LANE_HEAD - top;
		if (lane.domain !== domain) {
			line(ink, colours.rule, 1, 0, y - DOMAIN + 6.5, width, y - DOMAIN + 6.5);
			write(`domain ${lane.domain}`, 0, y - 5, colours.text, "bold " + FONT);
		}
		domain = lane.domain;
		if (!shown(y, LANE_HEAD + ROW * (1 + lane.rows)))
			continue;
		box(ink, 0, y, width, LANE_HEAD + ROW * (1 + lane.rows), colours.band);
		if (lane.pid) {
			const end = lane.ending >= 0 ? xOf(items[lane.ending].from) : width;
			const from = Math.max(xOf(lane.from), 0);
			if (end > from)
				line(ink, colours.life, 3, from, tops[n] + ROW / 2 - top, end, tops[n] + ROW / 2 - top);
		}
	}
}
// Over what crosses them.
function drawNames(top) {
	for (const n of order) {
		box(ink, 6, tops[n] - LANE_HEAD + 3 - top, laneNameEnd(n) - 16, LANE_HEAD - 4, colours.band);
		write(lanes[n].name, 8, tops[n] - 5 - top, colours.soft);
	}
}
function drawRuns(top) {
	if (view.byTime)
		return;
	for (const [first, n, ...perLane] of data.runs) {
		const from = xOf(first), to = xOf(first + n - 1);
		if (to < 0 || from > stage.clientWidth)
			continue;
		for (let i = 0; i < perLane.length; i += 2) {
			const y = tops[perLane[i]] - top;
			if (!lanes[perLane[i]].shown)
				continue;
			box(ink, from - 3, y + 2, to - from + 6, ROW - 4, colours.run);
			const words = `×${perLane[i + 1]}`, at = Math.max(from, laneNameEnd(perLane[i]));
			if (ink.measureText(words).width < to - at)
				write(words, at, y - 5, colours.soft);
		}
	}
}
const laneNameEnd = (n) => 8 + (lanes[n].nameWidth ??= ink.measureText(lanes[n].name).width) + 12;

function drawCalls(top) {
	const last = new Float64Array(lanes.length).fill(-9);
	const end = stage.clientWidth;
	for (let i = nearestCall(unitAt(0)); i < N; i++) {
		const lane = data.lane[i], x = xOf(i);
		if (x > end)
			break;
		if (!lanes[lane].shown || x < 0 || (x - last[lane] < 1 && !failed[i]))
			continue;
		last[lane] = x;
		const y = tops[lane] - top;
		line(ink, failed[i] ? colours.death : colours.call, 1.5, x, y + 5, x, y + ROW - 5);
	}
}
function drawSpan(item, top, busy) {
	const y = rowTop(item.lane, item.row) - top, from = xOf(item.from), to = endOf(item);
	if (to < 0 || from > stage.clientWidth || !shown(y, ROW))
		return;
	const key = item.lane * 4096 + item.row, before = busy.get(key) ?? -9;
	if (to - from < 2 && to - before < 1)
		return;
	busy.set(key, Math.max(to, from + 2));
	const left = Math.max(from, -8), right = Math.min(Math.max(to, from + 2), stage.clientWidth + 8);
	if (item.kind === MAP) {
		box(ink, left, y + 2, right - left, ROW - 5, colours.map, colours["map-edge"]);
	} else {
		for (let i = 0; i < item.parts.length; i += 2) {
			const a = Math.max(xOf(item.parts[i]), left);
			const b = i + 2 < item.parts.length ? Math.min(xOf(item.parts[i + 2]), right) : right;
			const state = item.parts[i + 1];
			if (b > a)
				box(ink, a, y + 2, Math.max(b - a, 1), ROW - 5, [colours.granted, colours.mapped, waiting][state],
					state === 2 ? colours["wait-edge"] : colours["grant-edge"]);
		}
	}
	if (right - left < 30)
		return;
	for (const words of [item.name, item.short]) {
		const width = ink.measureText(words).width, at = wordsBegin(item, from, width);
		if (at + width < Math.min(right, stage.clientWidth) - 3)
			return write(words, at, y + 15, colours.text);
	}
}
// Right of what stands where the words would: a notification is armed soon after a beginning.
function wordsBegin(item, from, width) {
	let at = Math.max(from, 0) + 5;
	for (const n of item.links) {
		if (items[n].kind !== MARK)
			continue;
		const x = xOf(items[n].from);
		if (x - 7 < at + width && x + 9 > at)
			at = x + 9;
	}
	return at;
}
// What begins between two pixels.
function itemsIn(from, to) {
	const place = (x) => firstAt(items.length, (i) => items[i].from, unitAt(x));
	return items.slice(place(from), place(to));
}
function drawEvents(top) {
	const last = new Map(), list = itemsIn(0, stage.clientWidth);
	// Where they would hide what they pass, they are pale.
	const many = list.filter((i) => i.kind === EVENT).length > stage.clientWidth / 6;
	for (const item of list) {
		if (item.kind !== EVENT || !lanes[item.target].shown)
			continue;
		const x = xOf(item.from);
		const sender = data.lane[item.from], key = sender * 65536 + item.target + (item.origin < 0 ? 0 : 0.5);
		if (x - (last.get(key) ?? -9) < 1)
			continue;
		last.set(key, x);
		const colour = item.origin < 0 ? colours.event : colours.notice;
		const [from, to] = eventEnds(item, top), down = to > from;
		ink.globalAlpha = many && item.origin < 0 ? 0.12 : 1;
		if (Math.abs(to - from) < 1) {
			ink.strokeStyle = colour;
			ink.lineWidth = 1.2;
			ink.beginPath();
			ink.arc(x, to, 4, 0, 7);
			ink.stroke();
			continue;
		}
		ink.setLineDash(item.pending ? [3, 3] : []);
		line(ink, colour, item.origin < 0 ? 1.2 : 2, x, from, x, to + (down ? -7 : 7));
		ink.setLineDash([]);
		arrowHead(ink, colour, x, to, down);
	}
	ink.globalAlpha = 1;
}
function eventEnds(item, top) {
	const sender = data.lane[item.from];
	const from = item.origin >= 0 ? middleOf(items[item.origin]) : (tops[sender] ?? tops[item.target]) + ROW / 2;
	return [from - top, tops[item.target] + ROW / 2 - top];
}
function drawMarks(top) {
	const last = new Map(), labels = new Map();
	for (const item of itemsIn(-20, stage.clientWidth + 20)) {
		if (item.kind !== MARK || !lanes[item.lane].shown)
			continue;
		const x = xOf(item.from), y = middleOf(item) - top;
		if (!shown(y - ROW, 2 * ROW))
			continue;
		const key = item.mark * 65536 + item.lane * 64 + rowOf(item) % 64;
		if (x - (last.get(key) ?? -9) < 2)
			continue;
		last.set(key, x);
		markSign(ink, item.mark, x, y);
		const width = ink.measureText(item.short).width, from = labels.get(item.lane) ?? laneNameEnd(item.lane);
		const at = Math.min(x - 4, stage.clientWidth - width - 4);
		if (rowOf(item) === 0 && at >= from) {
			box(ink, at - 2, rowTop(item.lane, 0) - top - 16, width + 4, 14, colours.band);
			write(item.short, at, rowTop(item.lane, 0) - top - 5, colours.death);
			labels.set(item.lane, at + width + 8);
		}
	}
}
function outlineOf(entry, top) {
	const item = entry.item;
	if (!item)
		return [xOf(entry.call) - 5, tops[data.lane[entry.call]] - top + 1, 10, ROW - 2];
	if (isSpan(item)) {
		const from = Math.max(xOf(item.from), -8), to = Math.min(Math.max(endOf(item), from + 3), stage.clientWidth + 8);
		return [from - 1.5, rowTop(item.lane, item.row) - top + 0.5, to - from + 3, ROW - 2];
	}
	if (item.kind === EVENT) {
		const [from, to] = eventEnds(item, top);
		return [xOf(item.from) - 7, Math.min(from, to) - 5, 14, Math.abs(to - from) + 10];
	}
	return [xOf(item.from) - 9, middleOf(item) - top - 9, item.mark === UNHEARD ? 24 : 18, 18];
}
function outline(entry, top, colour, dash = []) {
	if (!entry || (!entry.item && !lanes[data.lane[entry.call]].shown))
		return;
	ink.strokeStyle = colour;
	ink.lineWidth = dash.length ? 1.5 : 2.5;
	ink.setLineDash(dash);
	ink.beginPath();
	ink.roundRect(...outlineOf(entry, top), 4);
	ink.stroke();
	ink.setLineDash([]);
}
function drawChosen(top, height) {
	for (let i = 0, last = -9; i < matches.length; i++) {
		const x = xOf(matches[i].call);
		if (x < 0 || x > stage.clientWidth || x - last < 3)
			continue;
		last = x;
		outline(matches[i], top, colours.match);
	}
	outline(hovered, top, colours.soft);
	if (!chosen)
		return;
	line(ink, colours.chosen, 1, xOf(chosen.call), 0, xOf(chosen.call), height);
	if (chosen.item)
		for (const n of chosen.item.links.slice(0, 500))
			outline(entryOf(items[n]), top, colours.chosen, [4, 3]);
	outline(chosen, top, colours.chosen);
}

// ---- the rest ----

function drawAxis() {
	const c = fitCanvas(byId("axis"), stage.clientWidth, 24);
	line(c, colours.rule, 1, 0, 0.5, stage.clientWidth, 0.5);
	const digits = us[N - 1] - us[0] > 1e7 ? 3 : 6;
	let end = -9;
	for (let x = PAD; x < stage.clientWidth; x += 8) {
		const at = view.byTime ? unitAt(x) : 0, call = view.byTime ? 0 : nearestCall(unitAt(x) - 0.25);
		const place = view.byTime ? x : xOf(call);
		const words = ((view.byTime ? us[0] + Math.max(at, 0) : us[call]) / 1e6).toFixed(digits) + " s";
		const width = c.measureText(words).width;
		if (place < end + 24 || place + width > stage.clientWidth || place < 0)
			continue;
		line(c, colours.rule, 1, place, 0, place, 6);
		c.fillStyle = colours.soft;
		c.fillText(words, place, 18);
		end = place + width;
	}
}
// All of it changes with the scale, the width and the colours only.
let whole = null;
function overviewOf(width) {
	const key = [width, view.byTime, devicePixelRatio, colours.ground].join();
	if (whole && whole.key === key)
		return whole.canvas;
	whole = { key, canvas: make("canvas") };
	const c = fitCanvas(whole.canvas, width, 34), [low, high] = limits(), at = (call) => (unit(call) - low) / (high - low) * width;
	const columns = new Uint32Array(Math.ceil(width) + 1);
	box(c, 0, 4, width, 26, colours.band);
	for (let i = 0; i < N; i++)
		columns[Math.min(Math.max(Math.floor(at(i)), 0), columns.length - 1)]++;
	const most = Math.log1p(Math.max(...columns));
	c.fillStyle = colours.life;
	columns.forEach((n, x) => { if (n) c.fillRect(x, 30 - 22 * Math.log1p(n) / most, 1, 22 * Math.log1p(n) / most); });
	for (const item of items)
		if (item.kind === MARK && (item.mark === ENDED || item.mark === DESTROYED || item.mark === REFUSED))
			line(c, colours.death, 1.5, at(item.from), 4, at(item.from), 30);
	return whole.canvas;
}
function drawOverview() {
	const width = stage.clientWidth, c = fitCanvas(byId("overview"), width, 34), [low, high] = limits();
	c.drawImage(overviewOf(width), 0, 0, width, 34);
	c.strokeStyle = colours.chosen;
	c.lineWidth = 2;
	c.strokeRect((view.from - low) / (high - low) * width + 1, 3, Math.max((view.to - view.from) / (high - low) * width - 2, 3), 28);
}
function paint() {
	redrawing = false;
	const width = stage.clientWidth, height = Math.max(Math.min(stage.clientHeight, tall), 60), top = stage.scrollTop;
	if (width === 0)
		return; // on paper
	fitCanvas(canvas, width, height);
	drawGround(width, top);
	drawRuns(top);
	drawCalls(top);
	const busy = new Map();
	for (const item of items)
		if (isSpan(item))
			drawSpan(item, top, busy);
	drawEvents(top);
	drawNames(top);
	drawMarks(top);
	drawChosen(top, height);
	drawAxis();
	drawOverview();
}
function redraw() {
	if (redrawing)
		return;
	redrawing = true;
	requestAnimationFrame(paint);
}

// ---- what is under the pointer ----

function distance(entry, x, y) {
	const [left, up, width, height] = outlineOf(entry, stage.scrollTop);
	const dx = Math.max(left - x, 0, x - left - width), dy = Math.max(up - y, 0, y - up - height);
	return Math.hypot(dx, dy);
}
// What is small is meant rather than what is behind it.
function entryAt(clientX, clientY) {
	const frame = stage.getBoundingClientRect(), x = clientX - frame.left, y = clientY - frame.top;
	const lane = order.find((n) => y + stage.scrollTop < tops[n] + ROW * (1 + lanes[n].rows) + GAP / 2);
	let best = null, nearest = 5;
	const look = (entry) => {
		const far = distance(entry, x, y);
		if (far < nearest) {
			best = entry;
			nearest = far;
		}
	};
	// Items, as calls, stand in the order of their beginnings.
	const near = (list, callOf) => [firstAt(list.length, callOf, unitAt(x - 30)), firstAt(list.length, callOf, unitAt(x + 30))];
	const [from, to] = near(items, (i) => items[i].from);
	for (const kind of [MARK, EVENT]) {
		for (let i = from; i < to; i++)
			if (items[i].kind === kind && lanes[items[i].lane].shown && (kind === MARK || lanes[items[i].target].shown))
				look(entryOf(items[i]));
		if (best)
			return best;
	}
	if (!best && lane !== undefined) {
		const list = entries[lane], [first, end] = near(list, (i) => list[i].call);
		for (let i = first; i < end; i++)
			if (!list[i].item)
				look(list[i]);
	}
	for (let i = 0; i < items.length && !best; i++)
		if (isSpan(items[i]) && items[i].lane === lane && xOf(items[i].from) < x + 6 && endOf(items[i]) > x - 6)
			look(entryOf(items[i]));
	return best;
}
function hideTip() {
	byId("tip").hidden = true;
}
function hover(e) {
	const entry = e.pointerType === "touch" ? null : entryAt(e.clientX, e.clientY), tip = byId("tip");
	if (!entry && !hovered)
		return;
	if (!sameEntry(entry, hovered))
		redraw();
	hovered = entry;
	if (!entry)
		return hideTip();
	tip.replaceChildren(...tipOf(entry));
	tip.hidden = false;
	const width = tip.offsetWidth, height = tip.offsetHeight;
	tip.style.left = Math.max(Math.min(e.clientX + 14, innerWidth - width - 8), 4) + "px";
	tip.style.top = (e.clientY + 18 + height > innerHeight ? Math.max(e.clientY - height - 10, 4) : e.clientY + 18) + "px";
}
