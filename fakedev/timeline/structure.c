/* SPDX-License-Identifier: MIT */
#include "structure.h"

#include <string.h>

#include "lang/print_struct.h"

/* As many elements of a list as the text trace prints. */
#define MOST_ITEMS 64u

static void print_value(struct scn_buf *out, const struct scn_layout *layout,
			const struct scn_field *field, struct json_object *value);

static void print_list(struct scn_buf *out, const struct scn_layout *layout,
		       const struct scn_field *field, struct json_object *list)
{
	size_t n = json_object_array_length(list);

	scn_buf_str(out, "[");
	for (size_t i = 0; i < n && i < MOST_ITEMS; i++) {
		scn_buf_str(out, i ? ", " : "");
		print_value(out, layout, field, json_object_array_get_idx(list, i));
	}
	if (n > MOST_ITEMS)
		scn_buf_printf(out, ", … %zu more", n - MOST_ITEMS);
	scn_buf_str(out, "]");
}

static void print_value(struct scn_buf *out, const struct scn_layout *layout,
			const struct scn_field *field, struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_array:
		print_list(out, layout, field, value);
		break;
	case json_type_object:
		if (field->of)
			tl_print_structure(out, field->of, value);
		else
			scn_buf_str(out, "?");
		break;
	case json_type_int:
		scn_print_meaning(out, json_object_get_int64(value), scn_meaning_of(layout, field));
		break;
	case json_type_null:
	case json_type_boolean:
	case json_type_double:
	case json_type_string:
		scn_buf_str(out, "?");
		break;
	}
}

void tl_print_structure(struct scn_buf *out, const struct scn_layout *layout,
			struct json_object *structure)
{
	bool first = true;

	scn_buf_str(out, "{");
	json_object_object_foreach(structure, name, value)
	{
		const struct scn_field *field =
		    scn_field_find(layout, (struct scn_str){name, strlen(name)});

		if (!field)
			continue;
		scn_buf_printf(out, "%s%s=", first ? "" : ", ", name);
		print_value(out, layout, field, value);
		first = false;
	}
	scn_buf_str(out, "}");
}
