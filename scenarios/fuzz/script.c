/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define NOWHERE UINT32_MAX

uint64_t fuzz_dmabuf_needs(const struct fuzz_world *world)
{
	return world->dmabufs == GNTSIM_DMABUFS_ALL     ? SCN_CAP(DMABUF_ALL)
	       : world->dmabufs == GNTSIM_DMABUFS_LINUX ? SCN_CAP(DMABUF)
							: 0;
}

/* The line that the text's next one will be. */
static uint32_t next_line(const struct scn_buf *text)
{
	uint32_t line = 1;

	for (size_t i = 0; i < text->len; i++)
		line += text->data[i] == '\n';
	return line;
}

static void put_header(const struct fuzz_world *world, uint64_t needs, const char *title,
		       struct scn_buf *out)
{
	static const char *const guests[] = {[SCN_PV] = "pv", [SCN_PVH] = "pvh"};

	scn_buf_printf(out,
		       "# Rule: what the model does, kernel %u.%u.\n"
		       "# Source: gntsim fuzz, %s\n\n",
		       world->kernel.major, world->kernel.minor, title);
	for (uint32_t i = 0; i < SCN_N_CAPABILITIES; i++) {
		if (needs >> i & 1)
			scn_buf_printf(out, "needs %s\n",
				       scn_capability_name((enum scn_capability)i));
	}
	for (uint32_t i = 0; i < world->n_domains; i++)
		scn_buf_printf(out, "domain dom%u %s\n", i, guests[world->guest[i]]);
	for (uint32_t i = 0; i < fuzz_first_processes(world); i++)
		scn_buf_printf(out, "process %c in dom%u\n", fuzz_process_name(i),
			       i % world->n_domains);
	scn_buf_str(out, "\n");
}

static enum fuzz_played play(struct fuzz_model *m, const struct fuzz_sequence *seq,
			     struct scn_buf *body, uint32_t *lines, uint64_t *needs)
{
	uint32_t line = 0;

	for (uint32_t i = 0; i < seq->n; i++) {
		scn_cleanup_buf struct scn_buf text = {0};
		int64_t value;
		enum fuzz_played played = fuzz_model_play(m, &seq->ops[i], &text, &value);

		if (lines)
			lines[i] = NOWHERE;
		if (played == FUZZ_DROPPED)
			continue;
		if (text.failed)
			body->failed = true;
		if (played != FUZZ_PLAYED)
			return played;
		if (lines)
			lines[i] = line;
		line++;
		*needs |= seq->ops[i].needs;
		scn_buf_printf(body, "%s\n", scn_buf_text(&text));
	}
	return fuzz_model_finish(m);
}

enum fuzz_played fuzz_script(const struct fuzz_world *world, const struct fuzz_sequence *seq,
			     const char *title, struct scn_buf *out, uint32_t *lines,
			     struct scn_buf *why)
{
	uint64_t needs =
	    (world->n_domains > 1 ? SCN_CAP(DISTINCT_DOMAINS) : 0) | fuzz_dmabuf_needs(world);
	scn_cleanup_buf struct scn_buf body = {0};
	enum fuzz_played played = FUZZ_ERROR;
	struct fuzz_model m;

	if (lines)
		memset(lines, 0, seq->n * sizeof(*lines));
	if (fuzz_model_begin(&m, world) == 0) {
		m.writes = true;
		played = play(&m, seq, &body, lines, &needs);
	}
	put_header(world, needs, title, out);
	for (uint32_t i = 0, first = next_line(out); lines && i < seq->n; i++)
		lines[i] = lines[i] == NOWHERE ? 0 : lines[i] + first;
	scn_buf_str(out, scn_buf_text(&body));
	/* A script that is cut short is another one. */
	if (body.failed || out->failed) {
		played = FUZZ_ERROR;
		scn_buf_str(why, "out of memory");
	} else if (played == FUZZ_HAZARD) {
		scn_buf_str(why, m.hazard);
	} else {
		scn_buf_str(why, scn_buf_text(&m.why));
	}
	fuzz_model_end(&m);
	return played;
}

uint32_t fuzz_step_of(const struct scn_buf *message, const uint32_t *lines, uint32_t n)
{
	const char *colon = strchr(scn_buf_text(message), ':');
	unsigned long line = colon ? strtoul(colon + 1, NULL, 10) : 0;
	uint32_t i = 0;

	while (i < n && lines[i] != line)
		i++;
	return line ? i : n;
}
