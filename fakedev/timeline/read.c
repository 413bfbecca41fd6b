/* SPDX-License-Identifier: MIT */
/* A trace file, line by line. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"

struct reader {
	const char *name;
	uint32_t number; /* of the line */
	char *text;
	size_t room;
	ssize_t len;
	struct json_tokener *tokener;
	struct scn_buf *why;
};

static void say(struct reader *r, const char *what)
{
	scn_cleanup_buf struct scn_buf tail = {0};

	scn_buf_add(&tail, scn_buf_text(r->why), r->why->len);
	scn_buf_clear(r->why);
	scn_buf_printf(r->why, "%s:%u: %s%s", r->name, r->number, what, scn_buf_text(&tail));
}

static bool is_whole(const struct reader *r)
{
	return r->len > 0 && r->text[r->len - 1] == '\n';
}

/* NULL: no JSON. */
static struct json_object *parse(struct reader *r)
{
	struct json_object *o;

	json_tokener_reset(r->tokener);
	o = json_tokener_parse_ex(r->tokener, r->text, (int)r->len);
	if (json_tokener_get_error(r->tokener) == json_tokener_success) {
		size_t end = json_tokener_get_parse_end(r->tokener);

		if (end + strspn(r->text + end, " \t\r\n") == (size_t)r->len)
			return o;
	}
	json_object_put(o);
	return NULL;
}

static bool read_header(struct reader *r)
{
	struct json_object *o = parse(r), *type, *version;
	bool ok = false;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, "type", &type) ||
	    strcmp(json_object_get_string(type), "gntsim-trace") != 0) {
		say(r, strncmp(r->text, "# gntsim trace", 14) == 0
			   ? "this trace is text: a picture is made of one with --trace-format json"
			   : "no trace of gntsim: its first line is "
			     "{\"type\":\"gntsim-trace\",\"version\":1}");
	} else if (!json_object_object_get_ex(o, "version", &version) ||
		   !json_object_is_type(version, json_type_int) ||
		   json_object_get_int64(version) != 1) {
		scn_buf_clean(r->why, version ? json_object_get_string(version) : "none",
			      version ? strnlen(json_object_get_string(version), 40) : 4, "");
		scn_buf_str(r->why, "; this gntsim reads version 1");
		say(r, "a trace of version ");
	} else {
		ok = true;
	}
	json_object_put(o);
	return ok;
}

/* What a machine that is killed leaves of a line is told, and the rest drawn. */
static bool is_cut(struct reader *r, struct timeline *t)
{
	if (is_whole(r))
		return false;
	scn_buf_clear(r->why);
	say(r, "the last line is cut; the picture ends before it");
	t->cut = true;
	return true;
}

static bool read_lines(struct reader *r, FILE *in, struct timeline *t,
		       const struct timeline_words *words)
{
	struct tl_line line = {0};
	bool ok = true;

	while (ok && !t->cut && (r->len = getline(&r->text, &r->room, in)) > 0) {
		struct json_object *o;

		r->number++;
		o = r->len <= INT32_MAX ? parse(r) : NULL;
		if (!o && is_cut(r, t))
			break;
		if (!o) {
			enum json_tokener_error err = json_tokener_get_error(r->tokener);

			scn_buf_str(r->why, err == json_tokener_success
						? "something follows the object"
						: json_tokener_error_desc(err));
			say(r, "no JSON: ");
			ok = false;
			break;
		}
		line.number = r->number;
		ok = tl_parse_line(&line, o, words, r->why);
		json_object_put(o);
		if (ok)
			tl_build(t, &line, words);
		else if (is_cut(r, t))
			ok = true;
		else
			say(r, "");
	}
	tl_line_free(&line);
	return ok;
}

static bool read_all(struct reader *r, FILE *in, struct timeline *t,
		     const struct timeline_words *words)
{
	bool ok;

	r->len = getline(&r->text, &r->room, in);
	if (r->len <= 0 && ferror(in) == 0) {
		scn_buf_printf(r->why, "%s: an empty file is no trace", r->name);
		return false;
	}
	r->number = 1;
	ok = r->len > 0 && read_header(r) && read_lines(r, in, t, words);
	if (ferror(in)) {
		scn_buf_clear(r->why);
		scn_buf_printf(r->why, "%s: %s", r->name, strerror(errno));
		return false;
	}
	if (ok && t->n_calls == 0) {
		scn_buf_clear(r->why);
		scn_buf_printf(r->why, "%s: a trace without a call", r->name);
		return false;
	}
	return ok;
}

struct timeline *timeline_read(FILE *in, const char *name, const struct timeline_words *words,
			       struct scn_buf *why)
{
	struct timeline *t = calloc(1, sizeof(*t));
	struct reader r = {.name = name, .why = why, .tokener = json_tokener_new()};
	bool ok = false;

	if (t && r.tokener) {
		t->name = name;
		ok = read_all(&r, in, t, words);
		if (ok)
			tl_place(t);
	}
	if (!t || !r.tokener || t->failed) {
		scn_buf_clear(why);
		scn_buf_printf(why, "%s: out of memory", name);
		ok = false;
	}
	if (r.tokener)
		json_tokener_free(r.tokener);
	free(r.text);
	if (ok)
		return t;
	timeline_free(t);
	return NULL;
}
