/* SPDX-License-Identifier: MIT */
/* Stores: what differs in a shared page since the last call was stored by somebody who has it mapped
 * and has run meanwhile. */
#include "recorder.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gntsim/mm.h>

/* A store that is longer is shortened to its beginning, unless all are wanted. */
#define LONG_STORE 64u
#define KEPT       32u
/* So many stores of which only the beginning is kept; then nothing is. */
#define MOST_SHORTENED 1024u
/* Between changes of so many bytes so few more may as well be stored again. */
#define BULK 16u
#define GAP  4u

void pages_free(struct recorder *r)
{
	for (uint32_t i = 0; i < r->n_pages; i++)
		free(r->pages[i]);
	free(r->pages);
}

static struct page_copy *copy_of(const struct recorder *r, uint32_t frame)
{
	return frame < r->n_pages ? r->pages[frame] : NULL;
}

static struct page_copy *make_copy(struct recorder *r, uint32_t frame)
{
	if (frame >= r->n_pages) {
		uint32_t n = frame + 64;
		struct page_copy **more = reallocarray(r->pages, n, sizeof(struct page_copy *));

		if (!more) {
			r->script.failed = true;
			return NULL;
		}
		memset(more + r->n_pages, 0, (n - r->n_pages) * sizeof(struct page_copy *));
		r->pages = more;
		r->n_pages = n;
	}
	if (!r->pages[frame]) {
		r->pages[frame] = calloc(1, sizeof(**r->pages));
		if (!r->pages[frame])
			r->script.failed = true;
	}
	return r->pages[frame];
}

/* Begins to watch a frame: nobody can have stored to it since the script knows it. */
static struct page_copy *watch(struct recorder *r, uint32_t frame, const unsigned char *frames)
{
	struct page_copy *copy = make_copy(r, frame);

	if (copy && copy->mappers == 0) {
		memcpy(copy->bytes, frames + (size_t)frame * PAGE, PAGE);
		memset(copy->owner, 0, PAGE);
	}
	return copy;
}

static bool add_page(struct process *p, const struct gntsim_page *page, uint64_t addr)
{
	struct seen_page *more =
	    record_more(p->pages, p->n_pages, &p->room_pages, sizeof(*p->pages));

	if (!more)
		return false;
	p->pages = more;
	p->pages[p->n_pages++] =
	    (struct seen_page){addr, page->frame, page->writable, page->readable};
	return true;
}

void pages_refresh(struct recorder *r, const struct trace_call *c, struct process *p)
{
	struct seen_page *old = p->pages;
	uint32_t n_old = p->n_pages;
	struct gntsim_vma vma;

	p->pages = NULL;
	p->n_pages = p->room_pages = 0;
	for (uint64_t addr = 0; p->mm && gntsim_mm_find_vma(p->mm, addr, &vma); addr = vma.end) {
		for (uint64_t at = vma.start; at < vma.end; at += PAGE) {
			struct gntsim_page page;
			struct page_copy *copy;

			if (gntsim_mm_page(p->mm, at, &page) < 0 || page.frame == GNTSIM_NO_FRAME)
				continue;
			copy = watch(r, page.frame, c->frames);
			if (copy && add_page(p, &page, at))
				copy->mappers++;
		}
	}
	for (uint32_t i = 0; i < n_old; i++)
		r->pages[old[i].frame]->mappers--;
	free(old);
}

/* ---- whose a store is ---- */

/* Time that the process has run, all its threads. */
static uint64_t cpu_of(uint32_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid((pid_t)pid, &clock) || clock_gettime(clock, &t))
		return UINT64_MAX;
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void look_who_ran(struct recorder *r)
{
	for (uint32_t i = 0; i < r->world.n_processes; i++) {
		struct process *p = &r->world.processes[i];
		uint64_t cpu;

		if (!p->live || !p->n_pages)
			continue;
		cpu = cpu_of(p->pid);
		p->ran = cpu != p->cpu || cpu == UINT64_MAX;
		p->cpu = cpu;
	}
}

/* Who stored to a page that was looked at since may have been at rest before. */
static void look_who_ran_since(struct recorder *r)
{
	for (uint32_t i = 0; i < r->world.n_processes; i++) {
		struct process *p = &r->world.processes[i];

		if (p->live && p->n_pages && !p->ran)
			p->ran = cpu_of(p->pid) != p->cpu;
	}
}

static const struct seen_page *page_of(const struct process *p, uint32_t frame)
{
	for (uint32_t i = 0; i < p->n_pages; i++)
		if (p->pages[i].frame == frame)
			return &p->pages[i];
	return NULL;
}

static const struct seen_page *writable_page(const struct process *p, uint32_t frame)
{
	for (uint32_t i = 0; i < p->n_pages; i++)
		if (p->pages[i].frame == frame && p->pages[i].writable)
			return &p->pages[i];
	return NULL;
}

static bool can_store(const struct process *p, uint32_t frame)
{
	return p->live && writable_page(p, frame);
}

struct author {
	uint32_t process; /* or NOBODY */
	uint32_t other;   /* who could have been it as well; or NOBODY */
};

static struct author author_of(const struct recorder *r, uint32_t frame, uint32_t caller,
			       uint8_t owner)
{
	struct author a = {NOBODY, NOBODY};
	uint32_t n = 0, n_ran = 0;
	uint32_t may[2] = {NOBODY, NOBODY}, ran[2] = {NOBODY, NOBODY};

	for (uint32_t i = 0; i < r->world.n_processes; i++) {
		const struct process *p = &r->world.processes[i];

		if (!can_store(p, frame))
			continue;
		if (n < 2)
			may[n] = i;
		n++;
		if (p->ran && n_ran < 2)
			ran[n_ran] = i;
		n_ran += p->ran;
	}
	if (n == 1 || n_ran == 0) {
		a.process = may[0];
		a.other = may[1];
	} else if (n_ran == 1) {
		a.process = ran[0];
	} else {
		/* Who stored these bytes before, or else who is at it now. */
		a.process =
		    owner && can_store(&r->world.processes[owner - 1], frame) ? owner - 1u
		    : caller < r->world.n_processes && can_store(&r->world.processes[caller], frame)
			? caller
			: ran[0];
		a.other = a.process == ran[0] ? ran[1] : ran[0];
	}
	return a;
}

/* ---- stores as steps ---- */

static bool is_text(unsigned char c)
{
	return (c >= ' ' && c < 127) || c == '\n' || c == '\t';
}

static uint32_t text_length(const unsigned char *bytes, uint32_t n)
{
	uint32_t i = 0;

	while (i < n && is_text(bytes[i]))
		i++;
	return i;
}

static uint32_t same_length(const unsigned char *bytes, uint32_t n)
{
	uint32_t i = 1;

	while (i < n && bytes[i] == bytes[0])
		i++;
	return i;
}

static void put_text(struct scn_buf *b, const unsigned char *bytes, uint32_t n)
{
	scn_buf_str(b, "\"");
	for (uint32_t i = 0; i < n; i++) {
		if (bytes[i] == '\n' || bytes[i] == '\t')
			scn_buf_str(b, bytes[i] == '\n' ? "\\n" : "\\t");
		else
			scn_buf_printf(b, bytes[i] == '"' || bytes[i] == '\\' ? "\\%c" : "%c",
				       bytes[i]);
	}
	scn_buf_str(b, "\"");
}

/* Numbers, rather than bytes of something. */
static bool are_small(const unsigned char *bytes, uint32_t n)
{
	for (uint32_t i = 3; i < n; i += 4)
		if (bytes[i])
			return false;
	return true;
}

void put_bytes(struct scn_buf *b, const unsigned char *bytes, uint32_t n, bool aligned)
{
	const char *between = "";

	if (aligned && n % 4 == 0 && are_small(bytes, n) && n <= 32 && text_length(bytes, n) < 4 &&
	    (n == 4 || same_length(bytes, n) < n)) {
		for (uint32_t i = 0; i < n; i += 4) {
			uint32_t value;

			memcpy(&value, bytes + i, 4);
			scn_buf_printf(b, "%su32(%u)", i ? " " : "", value);
		}
		return;
	}
	for (uint32_t i = 0; i < n;) {
		uint32_t text = text_length(bytes + i, n - i);
		uint32_t same = same_length(bytes + i, n - i);

		scn_buf_str(b, between);
		between = " ";
		if (same >= 8) {
			scn_buf_printf(b, "fill(%u, %u)", bytes[i], same);
			i += same;
		} else if (text >= 4 || (text == n && text > 1)) {
			put_text(b, bytes + i, text);
			i += text;
		} else {
			scn_buf_printf(b, "%u", bytes[i++]);
		}
	}
}

uint32_t pages_kept(const struct recorder *r, const unsigned char *bytes, uint32_t n)
{
	if (r->stores == RECORD_STORES_ALL || r->stores == RECORD_STORES_EXACT || n <= LONG_STORE ||
	    same_length(bytes, n) == n)
		return n;
	return KEPT;
}

/* Of a stream the script has the beginning only. */
static uint32_t kept_of_store(struct recorder *r, const unsigned char *bytes, uint32_t n)
{
	uint32_t kept = pages_kept(r, bytes, n);
	struct step *s;

	if (kept == n)
		return n;
	if (++r->n_shortened <= MOST_SHORTENED)
		return kept;
	if (r->n_shortened == MOST_SHORTENED + 1) {
		s = script_step(&r->script, STEP_NOTE, NOBODY);
		scn_buf_printf(&s->text, "From here on stores of more than %u bytes are left out.",
			       LONG_STORE);
	}
	return 0;
}

static void add_news(struct recorder *r, uint32_t frame, uint32_t offset, uint32_t len, uint32_t by)
{
	for (uint32_t i = 0; i < r->n_news; i++) {
		struct news *n = &r->news[i];

		if (n->frame == frame && n->offset == offset && n->by == by) {
			n->len = n->len > len ? n->len : len;
			return;
		}
	}
	if (r->n_news == MOST_NEWS)
		memmove(r->news, r->news + 1, --r->n_news * sizeof(*r->news));
	r->news[r->n_news++] = (struct news){frame, offset, len < KEPT ? len : KEPT, by};
}

static void put_store_text(const struct recorder *r, struct scn_buf *b, struct author a,
			   uint64_t addr, const unsigned char *bytes, uint32_t n)
{
	scn_buf_str(b, "store(");
	put_address(&r->world, b, a.process, addr);
	scn_buf_str(b, ", ");
	put_bytes(b, bytes, n, addr % 4 == 0);
	scn_buf_str(b, ")");
}

static void put_store(struct recorder *r, struct author a, uint64_t addr,
		      const unsigned char *bytes, uint32_t n, uint32_t kept)
{
	const struct process *p = &r->world.processes[a.process];
	struct step *s = script_step(&r->script, STEP_CALL, p->script);

	put_store_text(r, &s->text, a, addr, bytes, kept);
	if (kept < n)
		scn_buf_printf(&s->note, "%u of %u bytes", kept, n);
	if (a.other == NOBODY)
		return;
	s->unsure = true;
	scn_buf_str(&s->note, s->note.len ? "; or by " : "or by ");
	put_process(&s->note, r->world.processes[a.other].script);
	scn_buf_str(&s->note, ": both ran");
}

void pages_store_again(struct recorder *r, uint32_t frame, uint32_t offset,
		       const unsigned char *bytes, uint32_t n, uint8_t owner)
{
	struct author a = {owner ? owner - 1u : NOBODY, NOBODY};
	const struct seen_page *page;

	if (!owner || !can_store(&r->world.processes[owner - 1], frame))
		a = author_of(r, frame, NOBODY, 0);
	page = a.process == NOBODY ? NULL : writable_page(&r->world.processes[a.process], frame);
	if (page)
		put_store(r, a, page->addr + offset, bytes, n, n);
	else
		memset(r->pages[frame]->missing + offset, true, n);
}

/* Who stored any of the bytes before, or of the numbers that they are parts of. */
static uint8_t owner_of(const struct page_copy *copy, uint32_t from, uint32_t to)
{
	for (uint32_t i = from & ~3u; i < ((to + 3) & ~3u); i++)
		if (copy->owner[i])
			return copy->owner[i];
	return 0;
}

static bool is_one_owner(const struct page_copy *copy, uint32_t word, uint32_t process)
{
	for (uint32_t i = word; i < word + 4; i++)
		if (copy->owner[i] && copy->owner[i] != process + 1)
			return false;
	return true;
}

static void take_run(struct recorder *r, uint32_t frame, const unsigned char *now, uint32_t from,
		     uint32_t to, uint32_t caller)
{
	struct page_copy *copy = r->pages[frame];
	struct author a = author_of(r, frame, caller, owner_of(copy, from, to));
	const struct seen_page *page;
	uint32_t n = to - from, kept = kept_of_store(r, now + from, n);

	/* The whole of a number of which some bytes changed, if all of it is that process's. */
	if (a.process != NOBODY && n > 1 && n < 4 && from / 4 == (to - 1) / 4 &&
	    is_one_owner(copy, from & ~3u, a.process)) {
		from &= ~3u;
		to = from + 4;
		n = kept = 4;
	}
	page = a.process == NOBODY ? NULL : writable_page(&r->world.processes[a.process], frame);
	memcpy(copy->bytes + from, now + from, n);
	if (!page)
		return;
	if (kept) {
		put_store(r, a, page->addr + from, now + from, n, kept);
		add_news(r, frame, from, kept, a.process);
	}
	memset(copy->owner + from, a.process < 255 ? (int)a.process + 1 : 0, n);
	memset(copy->missing + from, false, kept);
	memset(copy->missing + from + kept, true, n - kept);
}

/* Where a change that begins at `from` ends. Unchanged bytes belong to it in the midst of much, and within a
 * number that nobody else has a part of. */
static uint32_t run_end(const struct page_copy *copy, const unsigned char *now, uint32_t from)
{
	uint32_t end = from + 1;

	for (uint32_t i = end; i < PAGE && i - end < GAP; i++) {
		bool in_word =
		    i / 4 == from / 4 && (!copy->owner[i] || copy->owner[i] == copy->owner[from]);

		if (now[i] != copy->bytes[i])
			end = i + 1;
		else if (!in_word && end - from < BULK)
			break;
	}
	return end;
}

static void compare_page(struct recorder *r, uint32_t frame, const unsigned char *now,
			 uint32_t caller)
{
	const struct page_copy *copy = r->pages[frame];
	unsigned char seen[PAGE];

	/* It may change while it is looked at. */
	memcpy(seen, now, PAGE);
	for (uint32_t i = 0; i < PAGE;) {
		uint32_t end = i + 1;

		if (seen[i] != copy->bytes[i]) {
			end = run_end(copy, seen, i);
			take_run(r, frame, seen, i, end, caller);
		}
		i = end;
	}
}

/* One that goes on where the last one ended, with nothing in between, is of the same step. */
static bool goes_on(const struct recorder *r, uint32_t process, uint64_t addr, uint64_t offset,
		    uint32_t n)
{
	const struct last_store *l = &r->last_store;

	return l->len && l->step + 1 == r->script.n_steps && l->process == process &&
	       l->addr + l->len == addr && l->offset + l->len == offset && l->len + n <= PAGE &&
	       offset % PAGE;
}

void pages_stored(struct recorder *r, uint32_t pid, uint64_t addr, uint64_t offset,
		  const unsigned char *bytes, uint32_t n)
{
	const struct process *p = world_find_process(&r->world, pid);
	uint32_t frame = (uint32_t)(offset / PAGE), process, from;
	struct page_copy *copy = p && n ? make_copy(r, frame) : NULL;
	struct last_store *l = &r->last_store;
	struct author a;

	if (!copy)
		return;
	process = (uint32_t)(p - r->world.processes);
	a = (struct author){process, NOBODY};
	from = (uint32_t)(offset % PAGE);
	memcpy(copy->bytes + from, bytes, n);
	memset(copy->owner + from, process < 255 ? (int)process + 1 : 0, n);
	memset(copy->missing + from, false, n);
	if (goes_on(r, process, addr, offset, n)) {
		struct step *s = &r->script.steps[l->step];

		memcpy(l->bytes + l->len, bytes, n);
		l->len += n;
		scn_buf_free(&s->text);
		put_store_text(r, &s->text, a, l->addr, l->bytes, l->len);
	} else {
		l->addr = addr;
		l->offset = offset;
		l->process = process;
		l->len = n;
		memcpy(l->bytes, bytes, n);
		put_store(r, a, addr, bytes, n, n);
		l->step = r->script.n_steps - 1;
	}
	add_news(r, frame, (uint32_t)(l->offset % PAGE), l->len, process);
}

void pages_compare(struct recorder *r, const struct trace_call *c, uint32_t caller)
{
	if (r->stores == RECORD_STORES_NONE || r->stores == RECORD_STORES_EXACT)
		return;
	look_who_ran(r);
	for (uint32_t frame = 0; frame < r->n_pages; frame++) {
		const unsigned char *page = c->frames + (size_t)frame * PAGE;
		unsigned char now[PAGE];

		if (!r->pages[frame] || !r->pages[frame]->mappers ||
		    !memcmp(r->pages[frame]->bytes, page, PAGE))
			continue;
		/* It may go on to change. */
		memcpy(now, page, PAGE);
		look_who_ran_since(r);
		compare_page(r, frame, now, caller);
	}
}

void pages_written(struct recorder *r, const unsigned char *frames, uint32_t frame, uint32_t offset,
		   uint32_t len, uint32_t known)
{
	struct page_copy *copy = frame == UINT32_MAX ? NULL : make_copy(r, frame);

	if (!copy || offset >= PAGE || len > PAGE - offset)
		return;
	memcpy(copy->bytes + offset, frames + (size_t)frame * PAGE + offset, len);
	known = known < len ? known : len;
	memset(copy->missing + offset, false, known);
	memset(copy->missing + offset + known, true, len - known);
}

bool pages_has_all(const struct recorder *r, uint32_t frame, uint32_t offset, uint32_t len)
{
	const struct page_copy *copy = copy_of(r, frame);

	return !copy ||
	       (offset < PAGE && len <= PAGE - offset && !memchr(copy->missing + offset, 1, len));
}

void pages_fresh(struct recorder *r, uint32_t frame)
{
	struct page_copy *copy = copy_of(r, frame);

	if (copy)
		memset(copy->missing, false, PAGE);
}

/* ---- loads ---- */

static void put_load(struct recorder *r, uint32_t process, uint64_t addr,
		     const unsigned char *bytes, uint32_t n)
{
	struct step *s = script_step(&r->script, STEP_CALL, r->world.processes[process].script);

	scn_buf_str(&s->text, "load(");
	put_address(&r->world, &s->text, process, addr);
	scn_buf_printf(&s->text, ", %u)", n);
	put_bytes(&s->result, bytes, n, addr % 4 == 0);
}

void pages_look(struct recorder *r, uint32_t process)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < r->n_news; i++) {
		struct news n = r->news[i];
		const struct seen_page *page = page_of(&r->world.processes[process], n.frame);
		const struct page_copy *copy = copy_of(r, n.frame);

		if (n.by == process || !page || !page->readable || !copy) {
			r->news[left++] = n;
			continue;
		}
		if (!memchr(copy->missing + n.offset, 1, n.len))
			put_load(r, process, page->addr + n.offset, copy->bytes + n.offset, n.len);
	}
	r->n_news = left;
}

void pages_show_cleared(struct recorder *r)
{
	static const unsigned char zero;

	for (uint32_t i = 0; i < r->n_cleared; i++) {
		for (uint32_t k = 0; k < r->world.n_processes; k++) {
			const struct process *p = &r->world.processes[k];
			const struct seen_page *page =
			    p->live ? page_of(p, r->cleared[i].frame) : NULL;

			if (!page || !page->readable)
				continue;
			put_load(r, k, page->addr + r->cleared[i].offset % PAGE, &zero, 1);
			break;
		}
	}
}
