/* SPDX-License-Identifier: MIT */
#include "walk.h"
#include "number.h"

#include <string.h>

struct walk {
	enum scn_way way;
	scn_fetch *fetch;
	void *fetch_ctx;
	uint32_t most;
	const struct scn_visitor *v;
};

/* What a call fills in; the rest it is handed. */
static const struct {
	const char *layout, *field;
} results[] = {
    {"ioctl_gntalloc_alloc_gref", "index"},
    {"ioctl_gntalloc_alloc_gref", "gref_ids"},
    {"ioctl_gntdev_map_grant_ref", "index"},
    {"ioctl_gntdev_get_offset_for_vaddr", "offset"},
    {"ioctl_gntdev_get_offset_for_vaddr", "count"},
    {"gntdev_grant_copy_segment", "status"},
    {"ioctl_gntdev_dmabuf_exp_from_refs", "fd"},
    {"ioctl_gntdev_dmabuf_imp_to_refs", "refs"},
    {"ioctl_gntdev_dmabuf_exp_from_refs_v2", "fd"},
    {"ioctl_gntdev_dmabuf_imp_to_refs_v2", "refs"},
    {"ioctl_gntdev_dmabuf_imp_to_refs_v2", "data_ofs"},
};

static const struct {
	const char *layout, *field; /* layout NULL: in any */
	enum scn_meaning meaning;
} meanings[] = {
    {NULL, "domid", SCN_IS_DOMID},
    {NULL, "remote_domain", SCN_IS_DOMID},
    {NULL, "virt", SCN_IS_ADDRESS},
    {NULL, "vaddr", SCN_IS_ADDRESS},
    {NULL, "action", SCN_IS_NOTIFY_ACTION},
    {NULL, "status", SCN_IS_GNTST},
    {NULL, "virq", SCN_IS_VIRQ},
    {"ioctl_gntalloc_alloc_gref", "flags", SCN_IS_ALLOC_FLAGS},
    {"gntdev_grant_copy_segment", "flags", SCN_IS_COPY_FLAGS},
};

static bool is_result(const struct scn_layout *layout, const struct scn_field *field)
{
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		if (!strcmp(results[i].layout, layout->name) &&
		    !strcmp(results[i].field, field->name))
			return true;
	return false;
}

enum scn_meaning scn_meaning_of(const struct scn_layout *layout, const struct scn_field *field)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if ((!meanings[i].layout || !strcmp(meanings[i].layout, layout->name)) &&
		    !strcmp(meanings[i].field, field->name))
			return meanings[i].meaning;
	return SCN_IS_NUMBER;
}

bool scn_layout_has_results(const struct scn_layout *layout)
{
	for (uint16_t i = 0; i < layout->n_fields; i++) {
		const struct scn_field *f = &layout->fields[i];

		if (is_result(layout, f) || (f->of && scn_layout_has_results(f->of)))
			return true;
	}
	return false;
}

static bool fetch_number(const struct walk *w, uint64_t addr, const struct scn_field *field,
			 int64_t *out)
{
	unsigned char bytes[8];
	uint64_t value;

	if (field->size > sizeof(bytes) || !w->fetch(w->fetch_ctx, addr, bytes, field->size))
		return false;
	value = scn_number_get(bytes, field->size);
	*out = (int64_t)value;
	if (field->kind == SCN_F_SINT && field->size == 2)
		*out = (int16_t)value;
	return true;
}

static void tell_number(const struct walk *w, const struct scn_layout *layout, const char *name,
			const struct scn_field *field, uint64_t addr)
{
	int64_t value;

	if (fetch_number(w, addr, field, &value))
		w->v->number(w->v->ctx, name, value, scn_meaning_of(layout, field));
	else
		w->v->unknown(w->v->ctx, name);
}

static void walk_struct(const struct walk *w, const struct scn_layout *layout, const char *name,
			uint64_t addr);

/* How long the lists of a structure are: its count. */
static bool fetch_count(const struct walk *w, const struct scn_layout *layout, uint64_t addr,
			uint64_t *out)
{
	static const char count[] = "count";
	const struct scn_field *field =
	    scn_field_find(layout, (struct scn_str){count, sizeof(count) - 1});
	int64_t value;

	if (!field || !fetch_number(w, addr + field->offset, field, &value))
		return false;
	*out = (uint64_t)value;
	return true;
}

static void walk_list(const struct walk *w, const struct scn_layout *layout, uint64_t base,
		      const struct scn_field *field)
{
	static const struct scn_field pointer = {"", 0, 8, SCN_F_UINT, NULL};
	uint64_t at = base + field->offset, n, i;
	int64_t value;

	if (!fetch_count(w, layout, base, &n) ||
	    (field->kind == SCN_F_POINTER && !fetch_number(w, at, &pointer, &value))) {
		w->v->unknown(w->v->ctx, field->name);
		return;
	}
	if (field->kind == SCN_F_POINTER)
		at = (uint64_t)value;
	w->v->begin(w->v->ctx, field->name, true);
	for (i = 0; i < n && i < w->most; i++) {
		if (field->of)
			walk_struct(w, field->of, NULL, at + i * field->size);
		else
			tell_number(w, layout, NULL, field, at + i * field->size);
	}
	if (i < n)
		w->v->more(w->v->ctx, n - i);
	w->v->end(w->v->ctx, true);
}

/* Of the two faces that a side of a copy has, the one that the segment's flags say. */
static bool is_other_face(const struct walk *w, const struct scn_layout *layout,
			  const struct scn_field *side, uint64_t base, const struct scn_field *face)
{
	static const char flags[] = "flags";
	const struct scn_field *field =
	    scn_field_find(layout, (struct scn_str){flags, sizeof(flags) - 1});
	int64_t value = 0, bit = strcmp(side->name, "source") == 0 ? 1 : 2;

	if (!field || !fetch_number(w, base + field->offset, field, &value))
		return false;
	return (strcmp(face->name, "foreign") == 0) != ((value & bit) != 0);
}

static void walk_side(const struct walk *w, const struct scn_layout *layout,
		      const struct scn_field *side, uint64_t base)
{
	w->v->begin(w->v->ctx, side->name, false);
	for (uint16_t i = 0; i < side->of->n_fields; i++) {
		const struct scn_field *face = &side->of->fields[i];

		if (is_other_face(w, layout, side, base, face))
			continue;
		if (face->of)
			walk_struct(w, face->of, face->name, base + side->offset + face->offset);
		else
			tell_number(w, side->of, face->name, face,
				    base + side->offset + face->offset);
	}
	w->v->end(w->v->ctx, false);
}

static bool is_told(const struct walk *w, const struct scn_layout *layout,
		    const struct scn_field *field)
{
	if (!strcmp(field->name, "pad") || !strcmp(field->name, "reserved"))
		return false;
	if (field->kind == SCN_F_STRUCT)
		return w->way == SCN_WAY_IN;
	if (field->of && w->way == SCN_WAY_OUT)
		return scn_layout_has_results(field->of);
	return is_result(layout, field) == (w->way == SCN_WAY_OUT);
}

static void walk_struct(const struct walk *w, const struct scn_layout *layout, const char *name,
			uint64_t addr)
{
	w->v->begin(w->v->ctx, name, false);
	for (uint16_t i = 0; i < layout->n_fields; i++) {
		const struct scn_field *field = &layout->fields[i];

		if (!is_told(w, layout, field))
			continue;
		if (field->kind == SCN_F_TAIL || field->kind == SCN_F_POINTER)
			walk_list(w, layout, addr, field);
		else if (field->kind == SCN_F_STRUCT)
			walk_side(w, layout, field, addr);
		else
			tell_number(w, layout, field->name, field, addr + field->offset);
	}
	w->v->end(w->v->ctx, false);
}

void scn_walk(const struct scn_layout *layout, enum scn_way way, uint64_t addr, scn_fetch *fetch,
	      void *fetch_ctx, uint32_t most, const struct scn_visitor *v)
{
	struct walk w = {way, fetch, fetch_ctx, most, v};

	walk_struct(&w, layout, NULL, addr);
}
