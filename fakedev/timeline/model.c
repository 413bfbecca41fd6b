/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <stdlib.h>
#include <string.h>

void *tl_grow(struct timeline *t, void *array, size_t size, uint32_t *n, uint32_t *room)
{
	void **at = array;
	char *place;

	if (*n == *room) {
		uint32_t more = *room ? *room * 2 : 4;
		void *grown = more > *room ? realloc(*at, more * size) : NULL;

		if (!grown) {
			if (t)
				t->failed = true;
			return NULL;
		}
		*at = grown;
		*room = more;
	}
	place = (char *)*at + (size_t)(*n)++ * size;
	memset(place, 0, size);
	return place;
}

bool tl_list_add(struct timeline *t, struct tl_list *list, uint32_t value)
{
	uint32_t *at = tl_grow(t, &list->at, sizeof(*at), &list->n, &list->room);

	if (at)
		*at = value;
	return at != NULL;
}

void timeline_free(struct timeline *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->n_items; i++) {
		scn_buf_free(&t->items[i].name);
		scn_buf_free(&t->items[i].brief);
		free(t->items[i].calls.at);
		free(t->items[i].links.at);
		free(t->items[i].parts);
	}
	scn_buf_free(&t->texts);
	tl_table_free(&t->known);
	free(t->calls);
	free(t->items);
	free(t->lanes);
	free(t->runs);
	free(t->order);
	free(t);
}

bool tl_is_span(const struct tl_item *item)
{
	return item->kind == TL_GRANT || item->kind == TL_MAP;
}

const char *tl_name(const struct tl_item *item)
{
	return scn_buf_text(&item->name);
}

const char *tl_mark_word(enum tl_mark mark)
{
	static const char *const words[] = {
	    [TL_ENDED] = "process ends: killed, or its exit",
	    [TL_EXEC] = "exec: another program",
	    [TL_DESTROYED] = "domain destroyed",
	    [TL_REFUSED] = "map refused",
	    [TL_FAILED] = "error",
	    [TL_CLEARED] = "notification: byte cleared",
	    [TL_UNHEARD] = "notification: event to nobody",
	    [TL_REVOKED] = "pages revoked",
	    [TL_ARMED] = "notification armed",
	};

	return words[mark];
}

void tl_lane_name(struct scn_buf *out, const struct tl_lane *lane)
{
	if (lane->pid)
		scn_buf_printf(out, "%s %u", lane->program, lane->pid);
	else
		scn_buf_str(out, "no process");
}

void tl_print_time(struct scn_buf *out, uint64_t us)
{
	scn_buf_printf(out, "%llu.%06u s", (unsigned long long)(us / 1000000),
		       (unsigned int)(us % 1000000));
}

void tl_escape(struct scn_buf *out, const char *text)
{
	for (const char *c = text; *c; c++) {
		switch (*c) {
		case '<':
			scn_buf_str(out, "&lt;");
			break;
		case '>':
			scn_buf_str(out, "&gt;");
			break;
		case '&':
			scn_buf_str(out, "&amp;");
			break;
		case '"':
			scn_buf_str(out, "&quot;");
			break;
		default:
			scn_buf_add(out, c, 1);
		}
	}
}

void tl_escape_json(struct scn_buf *out, const char *text)
{
	const char *plain = text;

	for (const char *c = text;; c++) {
		if (*c && *c != '"' && *c != '\\' && *c != '<' && (unsigned char)*c >= ' ')
			continue;
		scn_buf_add(out, plain, (size_t)(c - plain));
		if (!*c)
			return;
		scn_buf_printf(out, "\\u%04x", (unsigned int)(unsigned char)*c);
		plain = c + 1;
	}
}
