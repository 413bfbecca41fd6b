/* SPDX-License-Identifier: MIT */
/* JSON: traces, reports, points. */
#include "late/late.h"

#include <json-c/json.h>

static struct late_library library = {.name = "libjson-c.so.5"};

bool late_has_json(void)
{
	return late_has(&library);
}

LATE(library, int, json_object_array_add, (struct json_object * obj, struct json_object *val), obj,
     val)
LATE(library, struct json_object *, json_object_array_get_idx,
     (const struct json_object *obj, size_t idx), obj, idx)
LATE(library, size_t, json_object_array_length, (const struct json_object *obj), obj)
LATE(library, struct json_object *, json_object_from_file, (const char *filename), filename)
LATE(library, struct json_object *, json_object_get, (struct json_object * obj), obj)
LATE(library, json_bool, json_object_get_boolean, (const struct json_object *obj), obj)
LATE(library, double, json_object_get_double, (const struct json_object *obj), obj)
LATE(library, int32_t, json_object_get_int, (const struct json_object *obj), obj)
LATE(library, int64_t, json_object_get_int64, (const struct json_object *obj), obj)
LATE(library, struct lh_table *, json_object_get_object, (const struct json_object *obj), obj)
LATE(library, const char *, json_object_get_string, (struct json_object * obj), obj)
LATE(library, enum json_type, json_object_get_type, (const struct json_object *obj), obj)
LATE(library, uint64_t, json_object_get_uint64, (const struct json_object *obj), obj)
LATE(library, int, json_object_is_type, (const struct json_object *obj, enum json_type type), obj,
     type)
LATE(library, struct json_object *, json_object_new_array, (void))
LATE(library, struct json_object *, json_object_new_boolean, (json_bool b), b)
LATE(library, struct json_object *, json_object_new_double, (double d), d)
LATE(library, struct json_object *, json_object_new_double_s, (double d, const char *ds), d, ds)
LATE(library, struct json_object *, json_object_new_int, (int32_t i), i)
LATE(library, struct json_object *, json_object_new_int64, (int64_t i), i)
LATE(library, struct json_object *, json_object_new_object, (void))
LATE(library, struct json_object *, json_object_new_string, (const char *s), s)
LATE(library, struct json_object *, json_object_new_uint64, (uint64_t i), i)
LATE(library, int, json_object_object_add,
     (struct json_object * obj, const char *key, struct json_object *val), obj, key, val)
LATE(library, int, json_object_object_add_ex,
     (struct json_object * obj, const char *const key, struct json_object *const val,
      const unsigned opts),
     obj, key, val, opts)
LATE(library, json_bool, json_object_object_get_ex,
     (const struct json_object *obj, const char *key, struct json_object **value), obj, key, value)
LATE(library, int, json_object_put, (struct json_object * obj), obj)
LATE(library, const char *, json_object_to_json_string_ext, (struct json_object * obj, int flags),
     obj, flags)
LATE(library, const char *, json_tokener_error_desc, (enum json_tokener_error jerr), jerr)
LATE(library, void, json_tokener_free, (struct json_tokener * tok), tok)
LATE(library, enum json_tokener_error, json_tokener_get_error, (struct json_tokener * tok), tok)
LATE(library, size_t, json_tokener_get_parse_end, (struct json_tokener * tok), tok)
LATE(library, struct json_tokener *, json_tokener_new, (void))
LATE(library, struct json_object *, json_tokener_parse, (const char *str), str)
LATE(library, struct json_object *, json_tokener_parse_ex,
     (struct json_tokener * tok, const char *str, int len), tok, str, len)
LATE(library, void, json_tokener_reset, (struct json_tokener * tok), tok)
