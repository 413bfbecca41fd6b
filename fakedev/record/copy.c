/* SPDX-License-Identifier: MIT */
/* GRANT_COPY as a step: memory of the program's own that the script needs too, and what came of the copy. */
#include "recorder.h"

#include <errno.h>
#include <stdlib.h>

#include "lang/constants.h"
#include "lang/print_struct.h"
#include "uapi.h"

/* What one segment copies; its length has 16 bits. Too much for a small stack, and only one thread records. */
static unsigned char segment[65536];

/* Memory of the program's own, as the script needs some of its own. */
static void make_buffer(struct recorder *r, uint32_t process, uint64_t addr, uint32_t len)
{
	uint64_t start = addr & ~(uint64_t)(PAGE - 1);
	uint64_t size = ((addr + len + PAGE - 1) & ~(uint64_t)(PAGE - 1)) - start;
	struct mapping *m;
	struct step *s;
	uint32_t var;

	if (world_find_mapping(&r->world, process, addr) || len == 0 || addr < PAGE)
		return;
	var = script_var(&r->script, "buffer",
			 process < r->world.n_processes ? r->world.processes[process].script
							: NOBODY);
	m = world_mapping(&r->world);
	if (!m)
		return;
	*m = (struct mapping){process, var, start, size, size, true, UINT32_MAX};
	s = script_step(&r->script, STEP_CALL, r->world.processes[process].script);
	s->bind = var;
	scn_buf_printf(&s->text,
		       "mmap(NULL, %llu, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)",
		       (unsigned long long)size);
}

static void fill_buffer(struct recorder *r, const struct trace_call *c, uint32_t process,
			uint64_t addr, uint32_t len)
{
	const struct mapping *m = world_find_mapping(&r->world, process, addr);
	struct step *s;

	if (!m || !m->own || len == 0 || len > sizeof(segment) || r->stores == RECORD_STORES_NONE ||
	    !trace_memory_before(c->memory, addr, segment, len))
		return;
	s = script_step(&r->script, STEP_CALL, r->world.processes[process].script);
	scn_buf_str(&s->text, "store(");
	put_address(&r->world, &s->text, process, addr);
	scn_buf_str(&s->text, ", ");
	put_bytes(&s->text, segment, pages_kept(r, segment, len), addr % 4 == 0);
	scn_buf_str(&s->text, ")");
}

static uint32_t fetch_segments(const struct trace_call *c, bool after,
			       struct gntdev_grant_copy_segment **out)
{
	struct ioctl_gntdev_grant_copy head;
	uint64_t at;

	*out = NULL;
	if (!trace_memory_before(c->memory, c->addr, &head, sizeof(head)) || head.count > 4096)
		return 0;
	*out = calloc(head.count + 1u, sizeof(**out));
	at = (uint64_t)(uintptr_t)head.segments;
	for (uint32_t i = 0; *out && i < head.count; i++) {
		uint64_t where = at + i * sizeof(**out);
		bool had = trace_memory_before(c->memory, where, &(*out)[i], sizeof(**out));

		if (after && had)
			trace_memory_after(
			    c->memory, where + offsetof(struct gntdev_grant_copy_segment, status),
			    &(*out)[i].status, sizeof((*out)[i].status));
		if (!had) {
			free(*out);
			*out = NULL;
			return 0;
		}
	}
	return *out ? head.count : 0;
}

/* Whether a call that met bad memory met it elsewhere. */
static bool touched(const struct trace_call *c, uint64_t addr, uint32_t len)
{
	return len <= sizeof(segment) && trace_memory_after(c->memory, addr, segment, len);
}

static void put_side(struct recorder *r, struct scn_buf *b, uint32_t process, bool foreign,
		     bool reached, uint64_t virt, uint32_t ref, uint16_t offset, uint16_t domid)
{
	if (!foreign) {
		scn_buf_str(b, "{virt=");
		if (reached)
			put_address(&r->world, b, process, virt);
		else
			scn_buf_str(b, "BAD");
		scn_buf_str(b, "}");
		return;
	}
	scn_buf_str(b, "{foreign={ref=");
	put_ref(&r->world, b, domid, ref);
	scn_buf_printf(b, ", offset=%u, domid=", offset);
	if (domid < 0x7ff0)
		put_domain(b, domid);
	else
		scn_print_meaning(b, domid, SCN_IS_DOMID);
	scn_buf_str(b, "}}");
}

/* How much of what a segment copies the script has. */
static uint32_t known_of(const struct recorder *r, const struct trace_call *c,
			 const struct gntdev_grant_copy_segment *seg)
{
	if (seg->flags & GNTCOPY_source_gref)
		return pages_has_all(
			   r,
			   record_frame_of(r, seg->source.foreign.domid, seg->source.foreign.ref),
			   seg->source.foreign.offset, seg->len)
			   ? seg->len
			   : 0;
	if (!trace_memory_before(c->memory, (uint64_t)(uintptr_t)seg->source.virt, segment,
				 seg->len))
		return 0;
	return r->stores == RECORD_STORES_NONE ? 0 : pages_kept(r, segment, seg->len);
}

void copy_prepare(struct recorder *r, const struct trace_call *c, uint32_t process)
{
	struct gntdev_grant_copy_segment *seg;
	uint32_t n = fetch_segments(c, false, &seg);

	for (uint32_t i = 0; i < n; i++) {
		uint64_t from = (uint64_t)(uintptr_t)seg[i].source.virt;
		uint64_t to = (uint64_t)(uintptr_t)seg[i].dest.virt;

		if (!(seg[i].flags & GNTCOPY_source_gref) &&
		    (c->result != -EFAULT || touched(c, from, seg[i].len))) {
			make_buffer(r, process, from, seg[i].len);
			fill_buffer(r, c, process, from, seg[i].len);
		}
		if (!(seg[i].flags & GNTCOPY_dest_gref) &&
		    (c->result != -EFAULT || touched(c, to, seg[i].len)))
			make_buffer(r, process, to, seg[i].len);
	}
	free(seg);
}

bool copy_put(struct recorder *r, const struct trace_call *c, uint32_t process, struct step *s)
{
	struct gntdev_grant_copy_segment *seg;
	uint32_t n = fetch_segments(c, true, &seg), count;
	bool bad = false;

	if (!seg && !trace_memory_before(c->memory, c->addr, &count, sizeof(count)))
		return false;
	if (!seg) {
		scn_buf_printf(&s->text, "{count=%u, segments=BAD}", count);
		return true;
	}
	scn_buf_printf(&s->text, "{count=%u, segments=[", n);
	for (uint32_t i = 0; i < n; i++) {
		const struct gntdev_grant_copy_segment *g = &seg[i];

		scn_buf_str(&s->text, i ? ", {source=" : "{source=");
		put_side(r, &s->text, process, g->flags & GNTCOPY_source_gref,
			 c->result != -EFAULT ||
			     touched(c, (uint64_t)(uintptr_t)g->source.virt, g->len),
			 (uint64_t)(uintptr_t)g->source.virt, g->source.foreign.ref,
			 g->source.foreign.offset, g->source.foreign.domid);
		scn_buf_str(&s->text, ", dest=");
		put_side(r, &s->text, process, g->flags & GNTCOPY_dest_gref,
			 c->result != -EFAULT ||
			     touched(c, (uint64_t)(uintptr_t)g->dest.virt, g->len),
			 (uint64_t)(uintptr_t)g->dest.virt, g->dest.foreign.ref,
			 g->dest.foreign.offset, g->dest.foreign.domid);
		scn_buf_printf(&s->text, ", len=%u, flags=", g->len);
		scn_print_meaning(&s->text, g->flags, SCN_IS_COPY_FLAGS);
		scn_buf_str(&s->text, "}");
		bad |= g->status != 0;
	}
	scn_buf_str(&s->text, "]}");
	if (bad && c->result == 0) {
		scn_buf_str(&s->more, "{segments=[");
		for (uint32_t i = 0; i < n; i++) {
			scn_buf_str(&s->more, i ? ", {status=" : "{status=");
			scn_print_meaning(&s->more, seg[i].status, SCN_IS_GNTST);
			scn_buf_str(&s->more, "}");
		}
		scn_buf_str(&s->more, "]}");
	}
	free(seg);
	return true;
}

void copy_took(struct recorder *r, const struct trace_call *c, uint32_t process)
{
	struct gntdev_grant_copy_segment *seg;
	uint32_t n = c->result == 0 ? fetch_segments(c, true, &seg) : 0;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t to = (uint64_t)(uintptr_t)seg[i].dest.virt;
		uint32_t len = seg[i].len < 32 ? seg[i].len : 32;
		unsigned char bytes[32];
		struct step *s;

		if (seg[i].status)
			continue;
		if (seg[i].flags & GNTCOPY_dest_gref) {
			pages_written(
			    r, c->frames,
			    record_frame_of(r, seg[i].dest.foreign.domid, seg[i].dest.foreign.ref),
			    seg[i].dest.foreign.offset, seg[i].len, known_of(r, c, &seg[i]));
			continue;
		}
		/* What a shortened store left out can't be expected to arrive. */
		if (r->stores == RECORD_STORES_NONE || len == 0 || known_of(r, c, &seg[i]) < len ||
		    !world_find_mapping(&r->world, process, to) ||
		    !trace_memory_after(c->memory, to, bytes, len))
			continue;
		s = script_step(&r->script, STEP_CALL, r->world.processes[process].script);
		scn_buf_str(&s->text, "load(");
		put_address(&r->world, &s->text, process, to);
		scn_buf_printf(&s->text, ", %u)", len);
		put_bytes(&s->result, bytes, len, to % 4 == 0);
	}
	if (n)
		free(seg);
}
