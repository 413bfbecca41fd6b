/* SPDX-License-Identifier: MIT */
/* Members of a trace's objects. The file may be anybody's: nothing is taken for granted. */
#include <string.h>

#include "line.h"

#define SHOWN 40

bool tl_number(struct json_object *o, const char *name, uint64_t most, uint64_t *out,
	       struct scn_buf *why)
{
	struct json_object *value;

	if (!json_object_object_get_ex(o, name, &value)) {
		scn_buf_printf(why, "member \"%s\" is missing", name);
		return false;
	}
	if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0 ||
	    json_object_get_uint64(value) > most) {
		scn_buf_printf(why, "member \"%s\": expected a number from 0 to %llu", name,
			       (unsigned long long)most);
		return false;
	}
	*out = json_object_get_uint64(value);
	return true;
}

bool tl_bool(struct json_object *o, const char *name, bool *out, struct scn_buf *why)
{
	struct json_object *value;

	if (!json_object_object_get_ex(o, name, &value) ||
	    !json_object_is_type(value, json_type_boolean)) {
		scn_buf_printf(why, "member \"%s\": expected true or false", name);
		return false;
	}
	*out = json_object_get_boolean(value);
	return true;
}

const char *tl_text(struct json_object *o, const char *name, struct scn_buf *why)
{
	struct json_object *value;

	if (!json_object_object_get_ex(o, name, &value) ||
	    !json_object_is_type(value, json_type_string)) {
		scn_buf_printf(why, "member \"%s\": expected a text", name);
		return NULL;
	}
	return json_object_get_string(value);
}

int tl_word(struct json_object *o, const char *name, const char *const *words, unsigned int n,
	    struct scn_buf *why)
{
	const char *text = tl_text(o, name, why);

	if (!text)
		return -1;
	for (unsigned int i = 0; i < n; i++)
		if (words[i] && !strcmp(words[i], text))
			return (int)i;
	scn_buf_printf(why, "member \"%s\": no such as '", name);
	scn_buf_clean(why, text, strnlen(text, SHOWN), "");
	scn_buf_str(why, "'");
	return -1;
}

bool tl_device(struct json_object *o, enum wire_device *out, struct scn_buf *why)
{
	static const char *const names[WIRE_DEV_MAX] = {
	    "gntalloc", "gntdev", "evtchn", "privcmd", "file", [WIRE_DEV_DMABUF] = "dmabuf"};
	int n = tl_word(o, "device", names, WIRE_DEV_MAX, why);

	*out = (enum wire_device)n;
	return n >= 0;
}
