/* SPDX-License-Identifier: MIT */
#include "history.h"

#include <stdlib.h>
#include <string.h>

#define LAST          4u
#define MAX_PROCESSES 65u
#define MAX_LINE      4096u      /* bytes of a line that are kept */
#define MAX_TEXT      (8u << 20) /* bytes of the log; then its first half goes */

struct entry {
	uint32_t process;
	size_t at, len;
};

void scn_history_free(struct scn_history *h)
{
	scn_buf_free(&h->text);
	scn_buf_free(&h->entries);
}

static struct entry entry_at(const struct scn_history *h, size_t i)
{
	struct entry e;

	memcpy(&e, h->entries.data + i * sizeof(e), sizeof(e));
	return e;
}

static void forget_half(struct scn_history *h)
{
	static const char gone[] = "          (what came before is left out)\n";
	size_t n = h->entries.len / sizeof(struct entry), first = n / 2;
	scn_cleanup_buf struct scn_buf text = h->text, entries = h->entries;

	h->text = (struct scn_buf){0};
	h->entries = (struct scn_buf){0};
	scn_buf_str(&h->text, gone);
	for (size_t i = first; i < n; i++) {
		struct entry e;

		memcpy(&e, entries.data + i * sizeof(e), sizeof(e));
		scn_buf_add(&h->text, text.data + e.at, e.len);
		e.at = h->text.len - e.len;
		if (!h->text.failed)
			scn_buf_add(&h->entries, &e, sizeof(e));
	}
}

void scn_history_add(struct scn_history *h, uint32_t process, const char *line)
{
	struct entry e = {.process = process};

	if (h->text.len > MAX_TEXT)
		forget_half(h);
	e.at = h->text.len;
	scn_buf_printf(&h->text, "%.*s%s\n", (int)MAX_LINE, line,
		       strlen(line) > MAX_LINE ? "…" : "");
	e.len = h->text.len - e.at;
	if (!h->text.failed)
		scn_buf_add(&h->entries, &e, sizeof(e));
}

void scn_history_last(const struct scn_history *h, uint32_t n_processes, struct scn_buf *out)
{
	size_t n = h->entries.len / sizeof(struct entry);
	unsigned int left[MAX_PROCESSES];
	size_t first = n;
	size_t wanted;

	for (size_t i = 0; i < MAX_PROCESSES; i++)
		left[i] = LAST;
	wanted =
	    (size_t)LAST * ((n_processes < MAX_PROCESSES ? n_processes : MAX_PROCESSES - 1) + 1);
	while (first > 0 && wanted > 0) {
		struct entry e = entry_at(h, --first);
		uint32_t who = e.process < MAX_PROCESSES - 1 ? e.process : MAX_PROCESSES - 1;

		if (left[who] > 0) {
			left[who]--;
			wanted--;
		}
	}
	for (size_t i = 0; i < MAX_PROCESSES; i++)
		left[i] = LAST - left[i];
	for (size_t pass = first; pass < n; pass++) {
		struct entry e = entry_at(h, pass);
		uint32_t who = e.process < MAX_PROCESSES - 1 ? e.process : MAX_PROCESSES - 1;
		size_t later = 0;

		for (size_t i = pass + 1; i < n && later < LAST; i++)
			later += entry_at(h, i).process == e.process;
		if (later < LAST && left[who] > 0)
			scn_buf_add(out, h->text.data + e.at, e.len);
	}
}
