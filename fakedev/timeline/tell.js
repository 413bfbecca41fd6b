// SPDX-License-Identifier: MIT
// What is told of what is chosen: a call, or the life of a thing and the calls that made it.
const MOST_TOLD = 60;

function make(name, words, ...inside) {
	const element = document.createElement(name);
	if (words)
		element.textContent = words;
	element.append(...inside);
	return element;
}
const seconds = (call) => (us[call] / 1e6).toFixed(6) + " s";
function lasted(from, to) {
	const took = us[to] - us[from];
	return took < 1e3 ? `${took} µs` : took < 1e6 ? `${(took / 1e3).toFixed(1)} ms` : `${(took / 1e6).toFixed(3)} s`;
}
const kinds = ["Grant", "Map", "Event", "Mark"];
const states = ["granted, mapped by nobody", "mapped", "ended by its granter, still mapped: waits for the timer"];

function tipOf(entry) {
	const item = entry.item;
	if (!item)
		return [make("b", `${seconds(entry.call)}  ${lanes[data.lane[entry.call]].name}`), make("span", texts[data.text[entry.call]])];
	return [make("b", item.name), make("span", `${seconds(item.from)}${isSpan(item) ? item.to < 0 ? ", to the end" : ` to ${seconds(item.to)}` : ""}: ${texts[data.text[item.from]]}`)];
}
function toldCall(call, link) {
	const li = make("li"), when = make("div", `${seconds(call)}  ${lanes[data.lane[call]].name}`);
	when.className = "when";
	li.append(when, make("code", texts[data.text[call]]));
	const did = texts[data.seen[call]];
	if (did) {
		const lines = did.trimEnd().split("\n"), list = make("div");
		list.className = "did";
		for (const line of lines.slice(0, MOST_TOLD))
			list.append(make("div", line));
		if (lines.length > MOST_TOLD)
			list.append(make("div", `${lines.length - MOST_TOLD} more`));
		li.append(list);
	}
	if (link) {
		const button = make("button", "To this call");
		button.type = "button";
		button.onclick = () => choose({ call, item: null });
		li.append(button);
	}
	return li;
}
function chain(heading, numbers) {
	if (!numbers.length)
		return [];
	const list = make("ul");
	list.className = "chain";
	for (const n of numbers.slice(0, MOST_TOLD)) {
		const item = items[n], button = make("button", `${item.name}, ${seconds(item.from)}, ${lanes[item.lane].name}`);
		button.type = "button";
		button.onclick = () => choose(entryOf(item));
		list.append(make("li", "", button));
	}
	if (numbers.length > MOST_TOLD)
		list.append(make("li", `${numbers.length - MOST_TOLD} more`));
	return [make("h3", heading), list];
}
function history(calls) {
	const list = make("ol"), half = MOST_TOLD / 2;
	const some = calls.length > MOST_TOLD ? [...calls.slice(0, half), null, ...calls.slice(-half)] : calls;
	for (const call of some)
		list.append(call === null ? make("li", `${calls.length - MOST_TOLD} calls in between`) : toldCall(call, false));
	return [make("h3", `History: ${calls.length} call${calls.length === 1 ? "" : "s"}`), list];
}
function whenOf(item) {
	if (!isSpan(item))
		return `${kinds[item.kind]} at ${seconds(item.from)}` + (item.kind === EVENT ? `, from ${lanes[data.lane[item.from]].name} to ${lanes[item.target].name}` : `, ${lanes[item.lane].name}`);
	if (item.to < 0)
		return `${kinds[item.kind]} of ${lanes[item.lane].name}, from ${seconds(item.from)}; it is there when the trace ends`;
	return `${kinds[item.kind]} of ${lanes[item.lane].name}, ${seconds(item.from)} to ${seconds(item.to)} (${lasted(item.from, item.to)})`;
}
function statesOf(item) {
	const list = make("ul");
	for (let i = 0; i < item.parts.length; i += 2)
		list.append(make("li", `${seconds(item.parts[i])}  ${states[item.parts[i + 1]]}`));
	return item.parts.length > 2 ? [make("h3", "States"), list] : [];
}
function marks(of, notified) {
	return items.filter((i) => i.kind === MARK ? of.includes(i.mark) : notified && i.kind === EVENT && i.origin >= 0).map((i) => i.n);
}
function tell(entry) {
	const panel = byId("panel");
	if (!entry) {
		const hint = make("p", "Choose something in the picture: here stand its calls, what they did, and what it hangs on.");
		hint.className = "hint";
		panel.replaceChildren(hint, ...chain("Ends", marks([ENDED, EXEC, DESTROYED])), ...chain("Notifications that fired", marks([CLEARED, UNHEARD], true)),
			...chain("Refused or failed", marks([REFUSED, FAILED, REVOKED])));
		byId("said").textContent = "";
		return;
	}
	const item = entry.item;
	if (item) {
		panel.replaceChildren(make("h2", item.name), make("p", whenOf(item)), ...statesOf(item),
			...chain("Chain", item.links), ...history(item.calls));
		byId("said").textContent = `${item.name}. ${whenOf(item)}. ${item.links.map((n) => items[n].name).slice(0, 5).join("; ")}`;
	} else {
		const list = make("ol", "", toldCall(entry.call, false));
		panel.replaceChildren(make("h2", `Call ${entry.call + 1}`), make("p", `Line ${entry.call + 2} of ${data.name}`), list,
			...chain("Belongs to", ofCall.get(entry.call) || []));
		byId("said").textContent = `${texts[data.text[entry.call]]}. ${seconds(entry.call)}. ${texts[data.seen[entry.call]]}`;
	}
}

// ---- signs ----

function legend() {
	const signs = [
		["granted", (c) => box(c, 1, 3, 22, 14, colours.granted, colours["grant-edge"]), (i) => i.kind === GRANT && hasState(i, 0)],
		["granted and mapped", (c) => box(c, 1, 3, 22, 14, colours.mapped, colours["grant-edge"]), (i) => i.kind === GRANT && hasState(i, 1)],
		["ended by its granter, still mapped", (c) => box(c, 1, 3, 22, 14, waiting, colours["wait-edge"]), (i) => i.kind === GRANT && hasState(i, 2)],
		["map of a grant", (c) => box(c, 1, 3, 22, 14, colours.map, colours["map-edge"]), (i) => i.kind === MAP],
		["event", (c) => { line(c, colours.event, 1.2, 12, 2, 12, 11); arrowHead(c, colours.event, 12, 18, true); }, (i) => i.kind === EVENT && i.origin < 0],
		["dashed: nobody takes it now", (c) => { c.setLineDash([3, 3]); line(c, colours.event, 1.2, 12, 2, 12, 18); }, (i) => i.kind === EVENT && i.pending],
		["event that reaches its sender", (c) => { c.strokeStyle = colours.event; c.beginPath(); c.arc(12, 10, 4, 0, 7); c.stroke(); }, (i) => i.kind === EVENT && i.target === data.lane[i.from]],
		["event of a notification", (c) => { line(c, colours.notice, 2, 12, 2, 12, 11); arrowHead(c, colours.notice, 12, 18, true); }, (i) => i.kind === EVENT && i.origin >= 0],
		["notification armed", (c) => markSign(c, ARMED, 12, 10), (i) => i.kind === MARK && i.mark === ARMED],
		["byte cleared by a notification", (c) => markSign(c, CLEARED, 12, 10), (i) => i.kind === MARK && i.mark === CLEARED],
		["event of a notification, to nobody", (c) => markSign(c, UNHEARD, 3, 10), (i) => i.kind === MARK && i.mark === UNHEARD],
		["process, program or domain ends", (c) => markSign(c, ENDED, 12, 10), (i) => i.kind === MARK && i.mark <= DESTROYED],
		["refused or failed", (c) => markSign(c, FAILED, 12, 10), (i) => i.kind === MARK && [REFUSED, FAILED, REVOKED].includes(i.mark)],
		["many events, drawn as one", (c) => box(c, 1, 3, 22, 14, colours.run), () => data.runs.length > 0],
	];
	byId("legend").replaceChildren(...signs.filter(([, , used]) => items.some(used)).map(([words, sign]) => {
		const c = make("canvas");
		c.style.width = "24px";
		c.style.height = "20px";
		c.width = 24 * devicePixelRatio;
		c.height = 20 * devicePixelRatio;
		c.getContext("2d").scale(devicePixelRatio, devicePixelRatio);
		c.setAttribute("aria-hidden", "true");
		sign(c.getContext("2d"));
		return make("li", "", c, words);
	}));
}
function hasState(item, state) {
	for (let i = 1; i < item.parts.length; i += 2)
		if (item.parts[i] === state)
			return true;
	return false;
}

// ---- begin ----

function restyle() {
	readColours();
	legend();
	redraw();
}
new ResizeObserver(redraw).observe(stage);
stage.addEventListener("scroll", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", restyle);
document.body.classList.toggle("drawn", document.querySelector(".paper svg") !== null);
byId("scale").setAttribute("aria-pressed", String(view.byTime));
// For scripts: where something stands, and what it is called.
window.timeline = {
	items, lanes,
	where(n) {
		const frame = stage.getBoundingClientRect(), item = items[n], end = Math.min(endOf(item), stage.clientWidth);
		return { x: frame.left + (isSpan(item) ? (Math.max(xOf(item.from), 0) + end) / 2 : xOf(item.from)), y: frame.top + middleOf(item) - stage.scrollTop };
	},
	chosen: () => chosen, view,
};
tell(null);
readColours();
legend();
showAll();
