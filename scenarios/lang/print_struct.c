/* SPDX-License-Identifier: MIT */
#include "print_struct.h"

#include "constants.h"

#define FIRST_RESERVED 0x7ff0

struct printer {
	struct scn_buf *b;
	bool first;
};

static void print_bits(struct scn_buf *b, uint64_t value, const char *const *names, unsigned int n)
{
	bool first = true;

	for (unsigned int i = 0; i < n; i++) {
		if (!(value >> i & 1))
			continue;
		scn_buf_printf(b, "%s%s", first ? "" : "|", names[i]);
		value &= ~(UINT64_C(1) << i);
		first = false;
	}
	if (value || first)
		scn_buf_printf(b, value < 10 ? "%s%llu" : "%s0x%llx", first ? "" : "|",
			       (unsigned long long)value);
}

void scn_print_meaning(struct scn_buf *b, int64_t value, enum scn_meaning meaning)
{
	static const char *const actions[] = {"UNMAP_NOTIFY_CLEAR_BYTE", "UNMAP_NOTIFY_SEND_EVENT"};
	static const char *const alloc_flags[] = {"GNTALLOC_FLAG_WRITABLE"};
	static const char *const copy_flags[] = {"GNTCOPY_source_gref", "GNTCOPY_dest_gref"};
	const char *name = NULL;

	switch (meaning) {
	case SCN_IS_DOMID:
		if (value >= 0 && value < FIRST_RESERVED) {
			scn_buf_printf(b, "dom%lld", (long long)value);
			return;
		}
		name = scn_constant_name("DOMID_", value);
		break;
	case SCN_IS_GNTST:
		name = scn_constant_name("GNTST_", value);
		break;
	case SCN_IS_VIRQ:
		name = scn_constant_name("VIRQ_", value);
		break;
	case SCN_IS_NOTIFY_ACTION:
		print_bits(b, (uint64_t)value, actions, 2);
		return;
	case SCN_IS_ALLOC_FLAGS:
		print_bits(b, (uint64_t)value, alloc_flags, 1);
		return;
	case SCN_IS_COPY_FLAGS:
		print_bits(b, (uint64_t)value, copy_flags, 2);
		return;
	case SCN_IS_ADDRESS:
		scn_buf_printf(b, "0x%llx", (unsigned long long)value);
		return;
	case SCN_IS_NUMBER:
		break;
	}
	if (name)
		scn_buf_str(b, name);
	else if (value < 0)
		scn_buf_printf(b, "%lld", (long long)value);
	else
		scn_buf_printf(b, value < 65536 ? "%llu" : "0x%llx", (unsigned long long)value);
}

static void print_name(struct printer *p, const char *name)
{
	scn_buf_str(p->b, p->first ? "" : ", ");
	if (name)
		scn_buf_printf(p->b, "%s=", name);
	p->first = false;
}

static void begin(void *ctx, const char *name, bool list)
{
	struct printer *p = ctx;

	print_name(p, name);
	scn_buf_str(p->b, list ? "[" : "{");
	p->first = true;
}

static void end(void *ctx, bool list)
{
	struct printer *p = ctx;

	scn_buf_str(p->b, list ? "]" : "}");
	p->first = false;
}

static void number(void *ctx, const char *name, int64_t value, enum scn_meaning meaning)
{
	struct printer *p = ctx;

	print_name(p, name);
	scn_print_meaning(p->b, value, meaning);
}

static void unknown(void *ctx, const char *name)
{
	struct printer *p = ctx;

	print_name(p, name);
	scn_buf_str(p->b, "?");
}

static void more(void *ctx, uint64_t n)
{
	struct printer *p = ctx;

	scn_buf_printf(p->b, ", … %llu more", (unsigned long long)n);
}

void scn_print_struct(struct scn_buf *b, const struct scn_layout *layout, enum scn_way way,
		      uint64_t addr, scn_fetch *fetch, void *fetch_ctx, uint32_t most)
{
	struct printer p = {b, true};
	struct scn_visitor v = {&p, begin, end, number, unknown, more};

	scn_walk(layout, way, addr, fetch, fetch_ctx, most, &v);
}
