/* SPDX-License-Identifier: MIT */
/* The report as one page of HTML that needs nothing else: rule by rule, then what has none. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lang/written.h"
#include "result.h"
#include "rules.h"

static const char style[] =
    "body{font:15px/1.45 sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#222}\n"
    "table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #ccc;padding:.25em .6em;"
    "text-align:left;vertical-align:top}\n"
    "pre{background:#f6f6f6;padding:.6em;overflow:auto;white-space:pre-wrap}\n"
    ".passed{background:#e6f4e6}.failed{background:#fbdcdc}.error{background:#fdeac8}"
    ".skipped{background:#f2f2f2}\n"
    "h1.failed,h1.passed,h1.error{padding:.4em}\n";

/* A scenario of the corpus on all legs that played it. */
struct told {
	const char *file;
	struct scn_buf covers, rule;
};

struct page {
	const struct conform *c;
	FILE *out;
	struct told *told;
	size_t n;
};

static void put(FILE *out, const char *text)
{
	scn_cleanup_buf struct scn_buf clean = {0};

	scn_buf_clean(&clean, text, strlen(text), "\n\t");
	for (text = scn_buf_text(&clean); *text; text++) {
		if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '>')
			fputs("&gt;", out);
		else if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '"')
			fputs("&quot;", out);
		else
			fputc(*text, out);
	}
	fputs(clean.failed ? SCN_NO_MEMORY : "", out);
}

static const char *class_of(const struct conform *c)
{
	int status = conform_status(c);

	if (status == 0)
		return "passed";
	return status == 1 ? "failed" : "error";
}

static void put_head(const struct page *p)
{
	scn_cleanup_buf struct scn_buf verdict = {0};

	conform_say(p->c, &verdict);
	fprintf(p->out,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		"<title>gntsim conform: %s</title>\n<style>\n%s</style></head><body>\n"
		"<h1 class=\"%s\">%s</h1>\n<p>Booted: ",
		scn_buf_text(&verdict), style, class_of(p->c), scn_buf_text(&verdict));
	if (!p->c->cell.n)
		fputs("Linux 6.1 on Xen 4.17, both Debian&#39;s", p->out);
	for (size_t i = 0; i < p->c->cell.n; i++) {
		if (i)
			fputs(" ", p->out);
		put(p->out, p->c->cell.words[i]);
	}
	fputs("</p>\n", p->out);
}

static void put_legs(const struct page *p)
{
	static const char *const fuzz[] = {"not tried", "the same", "different",
					   "could not be tried"};

	fputs("<table><tr><th>leg</th><th>judged as</th><th>passed</th><th>failed</th>"
	      "<th>skipped</th><th>errors</th><th>seconds</th><th>random calls</th><th>seconds</th>"
	      "</tr>\n",
	      p->out);
	for (size_t i = 0; i < p->c->n_legs; i++) {
		const struct conform_leg *leg = &p->c->legs[i];
		char model[64] = "";

		if (leg->kernel.major != leg->booted.major ||
		    leg->kernel.minor != leg->booted.minor)
			snprintf(model, sizeof(model), " (random calls: %u.%u)", leg->kernel.major,
				 leg->kernel.minor);
		fprintf(p->out,
			"<tr><td>%s</td><td>Linux "
			"%u.%u%s</td><td>%u</td><td>%u</td><td>%u</td><td>%u</td>"
			"<td>%.0f</td><td>%s</td><td>%.0f</td></tr>\n",
			leg->leg->name, leg->booted.major, leg->booted.minor, model,
			leg->count[SCN_PASSED], leg->count[SCN_FAILED], leg->count[SCN_SKIPPED],
			leg->count[SCN_BROKEN], leg->seconds, fuzz[leg->fuzz], leg->fuzz_seconds);
	}
	fputs("</table>\n", p->out);
	for (size_t i = 0; i < p->c->n_legs; i++) {
		if (!conform_is_wanting(&p->c->legs[i]))
			continue;
		fprintf(p->out, "<p class=\"error\">%s was not played: ", p->c->legs[i].leg->name);
		put(p->out, scn_buf_reason(&p->c->legs[i].why));
		fputs("</p>\n", p->out);
	}
}

/* The worst that came of a scenario anywhere; -1: it was played nowhere. */
static int verdict_of(const struct conform *c, const char *file)
{
	static const int weight[SCN_N_VERDICTS] = {
	    [SCN_SKIPPED] = 1, [SCN_PASSED] = 2, [SCN_BROKEN] = 3, [SCN_FAILED] = 4};
	int worst = -1;

	for (size_t i = 0; i < c->n_legs; i++) {
		for (size_t k = 0; k < c->legs[i].n; k++) {
			const struct conform_record *r = &c->legs[i].records[k];

			if (!strcmp(r->file, file) &&
			    (worst < 0 || weight[r->verdict] > weight[worst]))
				worst = (int)r->verdict;
		}
	}
	return worst;
}

static void put_message(const struct page *p, const struct conform_leg *leg,
			const struct conform_record *r)
{
	fprintf(p->out, "<p>%s", leg->leg->name);
	if (r->variant.len) {
		fputs(" [", p->out);
		put(p->out, scn_buf_text(&r->variant));
		fputs("]", p->out);
	}
	fputs(":</p><pre>", p->out);
	put(p->out, scn_buf_text(&r->message));
	fputs("</pre>", p->out);
}

/* A scenario, and why it is no success. */
static void put_told(const struct page *p, const struct told *t)
{
	int verdict = verdict_of(p->c, t->file);
	bool bad = verdict == SCN_FAILED || verdict == SCN_BROKEN;

	if (verdict < 0)
		return;
	fprintf(p->out, "<div class=\"%s\">", scn_verdict_name((enum scn_verdict)verdict));
	put(p->out, t->file);
	fprintf(p->out, ": %s", scn_verdict_name((enum scn_verdict)verdict));
	for (size_t i = 0; bad && i < p->c->n_legs; i++) {
		for (size_t k = 0; k < p->c->legs[i].n; k++) {
			const struct conform_record *r = &p->c->legs[i].records[k];

			if (!strcmp(r->file, t->file) &&
			    (r->verdict == SCN_FAILED || r->verdict == SCN_BROKEN))
				put_message(p, &p->c->legs[i], r);
		}
	}
	fputs("</div>\n", p->out);
}

/* Of a rule what its scenarios are: one that failed is enough. */
static int verdict_of_rule(const struct page *p, const char *id)
{
	bool has[SCN_N_VERDICTS] = {0};

	for (size_t i = 0; i < p->n; i++) {
		int verdict = verdict_of(p->c, p->told[i].file);

		if (verdict >= 0 && conform_covers(&p->told[i].covers, id))
			has[verdict] = true;
	}
	if (has[SCN_FAILED])
		return SCN_FAILED;
	if (has[SCN_BROKEN])
		return SCN_BROKEN;
	if (has[SCN_PASSED])
		return SCN_PASSED;
	return has[SCN_SKIPPED] ? SCN_SKIPPED : -1;
}

static void put_rule(const struct page *p, const struct conform_rule *rule)
{
	int verdict = verdict_of_rule(p, rule->id);
	const char *name = verdict < 0 ? "not played" : scn_verdict_name((enum scn_verdict)verdict);

	fprintf(p->out, "<tr><td id=\"%s\">%s</td><td>", rule->id, rule->id);
	put(p->out, rule->statement);
	fprintf(p->out, "</td><td class=\"%s\">%s</td><td>", verdict < 0 ? "skipped" : name, name);
	for (size_t i = 0; i < p->n; i++) {
		if (conform_covers(&p->told[i].covers, rule->id))
			put_told(p, &p->told[i]);
	}
	fputs("</td></tr>\n", p->out);
}

static void put_rules(const struct page *p, const struct conform_rules *rules)
{
	if (!rules->n)
		return;
	fputs("<h2>Rule by rule</h2>\n<table><tr><th>rule</th><th>statement</th><th></th>"
	      "<th>scenarios</th></tr>\n",
	      p->out);
	for (size_t i = 0; i < rules->n; i++)
		put_rule(p, &rules->rules[i]);
	fputs("</table>\n<h2>Other scenarios</h2>\n", p->out);
	for (size_t i = 0; i < p->n; i++) {
		if (!p->told[i].covers.len)
			put_told(p, &p->told[i]);
	}
}

static void put_skipped(const struct page *p)
{
	fputs("<h2>Skipped, and "
	      "why</h2>\n<table><tr><th>leg</th><th>scenario</th><th>why</th></tr>\n",
	      p->out);
	for (size_t i = 0; i < p->c->n_legs; i++) {
		for (size_t k = 0; k < p->c->legs[i].n; k++) {
			const struct conform_record *r = &p->c->legs[i].records[k];

			if (r->verdict != SCN_SKIPPED)
				continue;
			fprintf(p->out, "<tr><td>%s</td><td>", p->c->legs[i].leg->name);
			put(p->out, r->file);
			fputs("</td><td>", p->out);
			put(p->out, scn_buf_text(&r->message));
			fputs("</td></tr>\n", p->out);
		}
	}
	fputs("</table>\n", p->out);
}

static void put_file(const struct page *p, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[1024];

	if (!f)
		return;
	fputs("<p>", p->out);
	put(p->out, path);
	fputs(":</p><pre>", p->out);
	while (fgets(line, sizeof(line), f))
		put(p->out, line);
	fputs("</pre>\n", p->out);
	fclose(f);
}

/* What the fuzzer said, and the scenarios that it says it wrote: of a crash too. */
static void put_random(const struct page *p, const struct conform_leg *leg)
{
	static const char written[] = "written to ";
	const char *at = scn_buf_text(&leg->said);

	fprintf(p->out, "<h2>Random calls on %s</h2>\n<pre>", leg->leg->name);
	put(p->out, at);
	fputs("</pre>\n", p->out);
	while ((at = strstr(at, written))) {
		char path[4096];

		at += strlen(written);
		snprintf(path, sizeof(path), "%.*s", (int)strcspn(at, "\n"), at);
		put_file(p, path);
	}
}

static bool tell(struct page *p)
{
	const struct scn_files *files = &p->c->files;

	p->told = calloc(files->n + 1, sizeof(*p->told));
	if (!p->told)
		return false;
	p->n = files->n;
	for (size_t i = 0; i < p->n; i++) {
		p->told[i].file = files->paths[i];
		conform_rules_of(files->paths[i], &p->told[i].covers, &p->told[i].rule);
	}
	return true;
}

static void free_told(struct page *p)
{
	for (size_t i = 0; i < p->n; i++) {
		scn_buf_free(&p->told[i].covers);
		scn_buf_free(&p->told[i].rule);
	}
	free(p->told);
}

int conform_write_page(const struct conform *c, const char *path)
{
	conform_cleanup_rules struct conform_rules rules = {0};
	struct page p = {.c = c};
	int err;

	if (conform_rules_read(scn_buf_text(&c->corpus_root), &rules) || !tell(&p))
		return -ENOMEM;
	p.out = fopen(path, "we");
	if (!p.out) {
		err = -errno;
		free_told(&p);
		return err;
	}
	put_head(&p);
	put_legs(&p);
	put_rules(&p, &rules);
	for (size_t i = 0; i < c->n_legs; i++) {
		if (c->legs[i].fuzz != CONFORM_NOT_FUZZED)
			put_random(&p, &c->legs[i]);
	}
	put_skipped(&p);
	fputs("</body></html>\n", p.out);
	free_told(&p);
	return scn_close_written(p.out);
}
