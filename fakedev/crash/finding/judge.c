/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "crash/finding/judge.h"

#include "crash/finding/play.h"
#include "player/clock.h"
#include "record/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void judge_free(struct finding_judge *j)
{
	for (uint32_t i = 0; i < j->n; i++) {
		scn_buf_free(&j->pins[i].text);
		scn_buf_free(&j->pins[i].cure);
	}
	free(j->pins);
	*j = (struct finding_judge){0};
}

static bool is_pinned(const struct finding_judge *j, struct scn_str text)
{
	for (uint32_t i = 0; i < j->n; i++)
		if (j->pins[i].text.len == text.n && !memcmp(j->pins[i].text.data, text.s, text.n))
			return true;
	return false;
}

void judge_pin(struct finding_judge *j, struct scn_str text, const char *cure)
{
	struct judge_pin *pin;

	if (is_pinned(j, text))
		return;
	if (j->n == j->room) {
		uint32_t room = j->room ? j->room * 2 : 16;
		struct judge_pin *more = reallocarray(j->pins, room, sizeof(*more));

		if (!more) {
			j->failed = true;
			return;
		}
		j->pins = more;
		j->room = room;
	}
	pin = &j->pins[j->n++];
	*pin = (struct judge_pin){0};
	scn_buf_add(&pin->text, text.s, text.n);
	scn_buf_str(&pin->cure, cure);
	j->failed |= pin->text.failed || pin->cure.failed;
}

uint32_t judge_line(const char *text, const char *part)
{
	const char *found = strstr(text, part);
	uint32_t line = 1;

	for (const char *c = text; found && c < found; c++)
		line += *c == '\n';
	return found ? line : 0;
}

void judge_cure(const char *text, const char *cure, struct scn_buf *out)
{
	const char *at = strstr(text, "# " RECORD_ORDERED);

	if (!at)
		at = strstr(text, JUDGE_LOOK);
	if (!at)
		at = text + strlen(text);
	while (at > text && at[-1] != '\n')
		at--;
	scn_buf_add(out, text, (size_t)(at - text));
	scn_buf_str(out, cure);
	scn_buf_str(out, at);
}

/* Had the victim done that, it would fail just there. */
static bool is_cured(const struct judge_pin *pin, const char *text)
{
	scn_cleanup_buf struct scn_buf cured = {0};
	finding_cleanup_play struct finding_play play;

	judge_cure(text, scn_buf_text(&pin->cure), &cured);
	finding_play(scn_buf_text(&cured), &play);
	return play.verdict == SCN_FAILED &&
	       play.line == judge_line(scn_buf_text(&cured), scn_buf_text(&pin->text));
}

static bool passes(const char *text)
{
	finding_cleanup_play struct finding_play play;

	finding_play(text, &play);
	return play.verdict == SCN_PASSED;
}

int judge_wanted(void *ctx, const char *text, size_t len)
{
	const struct finding_judge *j = ctx;

	(void)len;
	if (scn_now() >= j->end)
		return -ETIME;
	for (uint32_t i = 0; i < j->n; i++)
		if (!strstr(text, scn_buf_text(&j->pins[i].text)))
			return 0;
	if (!passes(text))
		return 0;
	for (uint32_t i = 0; i < j->n; i++)
		if (j->pins[i].cure.len && !is_cured(&j->pins[i], text))
			return 0;
	return 1;
}
