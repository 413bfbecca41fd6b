/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "crash/finding/finding.h"

#include "crash/finding/judge.h"
#include "crash/finding/looks.h"
#include "crash/finding/play.h"
#include "crash/finding/where.h"
#include "lang/parse/parser.h"
#include "player/clock.h"
#include "record/shrink.h"

#include <errno.h>
#include <string.h>

/* Of looks at bytes, and of events, so many are kept. */
#define MOST_LOOKS 4u

void finding_free(struct finding *f)
{
	scn_buf_free(&f->text);
	scn_buf_free(&f->xen);
	scn_buf_free(&f->xen_lacks);
	*f = (struct finding){0};
}

struct making {
	const struct finding_of *of;
	const char *recorded;
	struct names names;
	struct looks looks;
	struct finding_judge judge;
	double end;
};

/* A look's whole line. */
static void put_look(const struct look *look, struct scn_buf *out)
{
	scn_buf_printf(out, "%s = %s    " JUDGE_LOOK "\n", scn_buf_text(&look->call),
		       look->want.len ? scn_buf_text(&look->want) : "_");
}

/* What the recorder's head says that does not go without saying. */
static const char *put_head(const struct making *m, struct scn_buf *out)
{
	static const char missing[] = "# not expressed:";
	const char *at = m->recorded;

	scn_buf_str(out, m->of->head);
	while (*at == '#') {
		const char *end = strchrnul(at, '\n');

		end += *end == '\n';
		if (!strncmp(at, missing, sizeof(missing) - 1))
			scn_buf_add(out, at, (size_t)(end - at));
		at = end;
	}
	return at;
}

static void put_looks(const struct making *m, uint32_t line, struct scn_buf *out)
{
	for (uint32_t i = 0; i < m->looks.n; i++) {
		const struct look *look = &m->looks.all[i];
		uint32_t its =
		    look->before < m->names.n_steps ? names_line(&m->names, look->before) : 0;

		if (its == line && look->want.len)
			put_look(look, out);
	}
}

/* What was recorded, with the looks that have a result. */
static void put_text(const struct making *m, struct scn_buf *out)
{
	const char *at = put_head(m, out);
	uint32_t line = 1;

	for (const char *c = m->recorded; c < at; c++)
		line += *c == '\n';
	for (; *at; line++) {
		const char *end = strchrnul(at, '\n');

		put_looks(m, line, out);
		scn_buf_add(out, at, (size_t)(end - at));
		scn_buf_str(out, "\n");
		at = end + (*end == '\n');
	}
	put_looks(m, 0, out);
}

/* What came of the look at this place; false: it can't be made. */
static bool try_look(const struct making *m, struct look *look, struct scn_buf *result)
{
	scn_cleanup_buf struct scn_buf text = {0}, line = {0};
	finding_cleanup_play struct finding_play play;

	scn_buf_clear(&look->want);
	scn_buf_str(&look->want, "_");
	put_text(m, &text);
	put_look(look, &line);
	finding_play(scn_buf_text(&text), &play);
	scn_buf_free(&look->want);
	look->want = (struct scn_buf){0};
	return finding_play_result(&play, judge_line(scn_buf_text(&text), scn_buf_text(&line)),
				   result);
}

static bool is_page(const struct look *look)
{
	return strstr(scn_buf_text(&look->call), ", 4096)") != NULL;
}

static bool is_telling(const struct look *look, const char *asked, const char *result)
{
	if (look->of_event)
		return !strcmp(result, "blocks") || !strcmp(result, "-1 EAGAIN");
	if (*asked)
		return !strncmp(result, asked, strlen(asked)) && (!result[1] || result[1] == ' ');
	return strcmp(result, "0") != 0;
}

/* The first way for the victim to make it fail, and no other. */
static void choose_cure(const struct making *m, struct look *look)
{
	scn_cleanup_buf struct scn_buf text = {0}, line = {0};
	uint32_t found = look->n_cures;

	put_text(m, &text);
	put_look(look, &line);
	for (uint32_t i = 0; i < look->n_cures && found == look->n_cures; i++) {
		scn_cleanup_buf struct scn_buf cured = {0};
		finding_cleanup_play struct finding_play play;

		judge_cure(scn_buf_text(&text), scn_buf_text(&look->cures[i]), &cured);
		finding_play(scn_buf_text(&cured), &play);
		if (play.verdict == SCN_FAILED &&
		    play.line == judge_line(scn_buf_text(&cured), scn_buf_text(&line)))
			found = i;
	}
	for (uint32_t i = 0; i < look->n_cures; i++)
		if (i != found)
			scn_buf_free(&look->cures[i]);
	if (found < look->n_cures && found)
		look->cures[0] = look->cures[found];
	look->n_cures = found < look->n_cures;
}

/* Gives it the result that comes, if that tells something. */
static void settle(struct making *m, uint32_t at)
{
	scn_cleanup_buf struct scn_buf result = {0}, asked = {0};
	struct look *look = &m->looks.all[at];

	scn_buf_str(&asked, scn_buf_text(&look->want));
	if (!try_look(m, look, &result))
		return;
	if (is_page(look)) {
		looks_add_bytes(&m->looks, &m->names, look, scn_buf_text(&result));
		return;
	}
	if (!is_telling(look, scn_buf_text(&asked), scn_buf_text(&result)))
		return;
	scn_buf_str(&look->want, asked.len ? scn_buf_text(&asked) : scn_buf_text(&result));
	choose_cure(m, look);
}

static void drop(struct look *look)
{
	scn_buf_free(&look->want);
	look->want = (struct scn_buf){0};
}

/* Those that the victim could have changed go before those that are true by themselves. */
static void keep_best(struct looks *looks, bool of_event)
{
	uint32_t kept = 0;
	bool cured = false;

	for (uint32_t i = 0; i < looks->n; i++)
		cured |= looks->all[i].want.len && looks->all[i].n_cures &&
			 looks->all[i].of_event == of_event;
	for (uint32_t i = 0; i < looks->n; i++) {
		struct look *look = &looks->all[i];

		if (look->of_event != of_event || !look->want.len)
			continue;
		if ((cured && !look->n_cures) || kept == MOST_LOOKS)
			drop(look);
		else
			kept++;
	}
}

static void settle_all(struct making *m)
{
	for (uint32_t i = 0; i < m->looks.n && scn_now() < m->end; i++)
		settle(m, i);
	keep_best(&m->looks, false);
	keep_best(&m->looks, true);
}

/* ---- what has to stay ---- */

static void pin_step(struct making *m, uint32_t step)
{
	judge_pin(&m->judge, names_statement(&m->names, step), "");
}

static bool says(const struct making *m, uint32_t step, const char *word)
{
	struct scn_str text = names_statement(&m->names, step);

	return memmem(text.s, text.n, word, strlen(word)) != NULL;
}

/* How the victim dies, and what it has asked to be done then. */
static void pin_death(struct making *m)
{
	const struct names *names = &m->names;

	if (names->death == NAMES_NEVER)
		return;
	pin_step(m, names->death);
	for (uint32_t i = 0; i < names->n; i++)
		if (names->all[i].kind == NAME_ARMED && names->victims[names->all[i].process] &&
		    named_at(&names->all[i], names->death))
			pin_step(m, names->all[i].from);
}

/* How those end of whose ends it is. */
static void pin_ends(struct making *m)
{
	const struct names *names = &m->names;

	for (uint32_t p = 0; p < names->s->n_processes; p++) {
		uint32_t end = names->ends[p];

		if (end == NAMES_NEVER || names->victims[p])
			continue;
		if ((m->of->outcome == CRASH_SIGNAL && says(m, end, "# signal")) ||
		    (m->of->outcome == CRASH_STATUS && names->steps[end]->kind == SCN_STEP_CALL &&
		     !says(m, end, "exit(0)")) ||
		    (m->of->outcome == CRASH_LEAK && names->steps[end]->kind == SCN_STEP_CALL))
			pin_step(m, end);
	}
	for (uint32_t i = 0; m->of->outcome == CRASH_HAZARD && i < names->n_steps; i++)
		if (says(m, i, "hazard \""))
			pin_step(m, i);
}

/* Nobody could have sent that event at the end: what it would come by stays. */
static void pin_ports(struct making *m)
{
	for (uint32_t i = 0; i < m->names.n; i++)
		if (m->names.all[i].kind == NAME_PORT)
			pin_step(m, m->names.all[i].from);
}

/* What the recorder says it needs, no step shows. */
static void pin_needs(struct making *m)
{
	for (const char *at = m->recorded; *at;) {
		const char *end = strchrnul(at, '\n');

		end += *end == '\n';
		if (!strncmp(at, "needs ", 6))
			judge_pin(&m->judge, (struct scn_str){at, (size_t)(end - at)}, "");
		at = end;
	}
}

static bool pin_all(struct making *m)
{
	bool any = m->of->outcome == CRASH_HAZARD;

	pin_needs(m);
	pin_death(m);
	pin_ends(m);
	for (uint32_t i = 0; i < m->looks.n; i++) {
		const struct look *look = &m->looks.all[i];
		scn_cleanup_buf struct scn_buf line = {0};

		if (!look->want.len)
			continue;
		any |= look->of_event || m->of->outcome != CRASH_HANG;
		put_look(look, &line);
		judge_pin(&m->judge, (struct scn_str){scn_buf_text(&line), line.len},
			  look->n_cures ? scn_buf_text(&look->cures[0]) : "");
		if (look->of_event && !look->n_cures)
			pin_ports(m);
	}
	return any;
}

/* ---- */

static int refuse(struct scn_buf *why, const char *reason)
{
	scn_buf_str(why, reason);
	return -ENOENT;
}

static int shrink(struct making *m, const char *text, struct finding *out, struct scn_buf *why)
{
	const struct shrink_judge judge = {&m->judge, judge_wanted};
	const struct scn_source src = {.name = "@", .text = text, .len = strlen(text)};
	scn_cleanup_errors struct scn_errors errors = {0};
	struct shrink_totals totals = {0};
	int err;

	m->judge.end = m->end;
	err = shrink_script(&src, &judge, &out->text, &totals, &errors);
	if (err == -ETIME)
		return refuse(why, "there was no time to try it on the model");
	if (err == -EINVAL || err == -ECANCELED)
		return refuse(why, "what was recorded does not show it again on the model");
	out->before = totals.before;
	out->after = totals.after;
	out->ended = totals.ended;
	return err;
}

static int make(struct making *m, struct finding *out, struct scn_buf *why)
{
	const struct looks_of of = {m->of->outcome, m->of->detail};
	scn_cleanup_buf struct scn_buf text = {0};
	int err = looks_propose(&m->looks, &m->names, &of, why);

	if (err)
		return err;
	settle_all(m);
	if (!pin_all(m))
		return refuse(why, "of what was found nothing shows in what the scenario has");
	put_text(m, &text);
	if (text.failed || m->looks.failed || m->judge.failed)
		return -ENOMEM;
	err = shrink(m, scn_buf_text(&text), out, why);
	return err ? err : finding_where(scn_buf_text(&out->text), &out->xen, &out->xen_lacks);
}

/* The model must come that far by itself. */
static int check_recorded(const char *recorded, struct scn_buf *why)
{
	finding_cleanup_play struct finding_play play;
	const char *message;

	finding_play(recorded, &play);
	if (play.verdict == SCN_PASSED)
		return 0;
	message = scn_buf_text(&play.outcome.message);
	scn_buf_printf(why, "what was recorded does not come back on the model: %.*s",
		       (int)strcspn(message, "\n"), message);
	return -ENOENT;
}

int finding_make(const char *recorded, const struct finding_of *of, struct finding *out,
		 struct scn_buf *why)
{
	struct making m = {.of = of, .recorded = recorded, .end = scn_now() + of->seconds};
	const struct scn_source src = {.name = "@", .text = recorded, .len = strlen(recorded)};
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};
	int err;

	*out = (struct finding){0};
	if (scn_parse(&src, &s, &errors))
		return refuse(why, "what was recorded is no scenario");
	err = check_recorded(recorded, why);
	if (!err)
		err = names_read(&m.names, &s, of->domain);
	if (!err)
		err = make(&m, out, why);
	looks_free(&m.looks);
	judge_free(&m.judge);
	if (m.names.s)
		names_free(&m.names);
	return err;
}
