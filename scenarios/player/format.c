/* SPDX-License-Identifier: MIT */
#include "format.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "lang/constants.h"
#include "lang/number.h"

#define MAX_ITEMS 8u
#define MAX_BYTES 32u
#define MAX_TEXT  4096u /* of a struct: it goes on to the end of its field */

static void number(struct scn_buf *b, uint64_t value)
{
	scn_buf_printf(b, value < 65536 ? "%llu" : "0x%llx", (unsigned long long)value);
}

static bool is_text(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static size_t run_of(const uint8_t *data, size_t len, bool text)
{
	size_t n = 0;

	while (n < len && (text ? is_text(data[n]) : data[n] == data[0]))
		n++;
	return n;
}

static void bytes(struct scn_buf *b, const uint8_t *data, size_t len)
{
	size_t shown = 0;
	size_t i = 0;

	while (i < len && shown < MAX_BYTES) {
		size_t text = run_of(data + i, len - i, true);
		size_t same = run_of(data + i, len - i, false);

		scn_buf_str(b, i ? " " : "");
		if (same >= 4) {
			scn_buf_printf(b, "fill(%u, %zu)", data[i], same);
			i += same;
		} else if (text >= 2) {
			text = text < MAX_BYTES ? text : MAX_BYTES;
			scn_buf_printf(b, "\"%.*s\"", (int)text, (const char *)data + i);
			i += text;
			shown += text;
		} else {
			scn_buf_printf(b, "%u", data[i]);
			i++;
		}
		shown++;
	}
	if (i < len)
		scn_buf_printf(b, " … (%zu bytes)", len);
}

struct memory {
	const struct scn_call *call;
	const uint8_t *data;
	size_t len;
};

static void format_struct(struct scn_buf *b, const struct scn_node *node,
			  const struct scn_layout *layout, const struct memory *mem, size_t base);

static void format_items(struct scn_buf *b, const struct scn_node *node,
			 const struct scn_field *field, const struct memory *mem, size_t at)
{
	const struct scn_node *item = node->kind == SCN_LIST ? node->first : NULL;

	scn_buf_str(b, "[");
	for (unsigned int i = 0; at + field->size <= mem->len; i++, at += field->size) {
		bool known = item && item->kind == SCN_STRUCT;

		if (node->kind == SCN_LIST && !item)
			break;
		scn_buf_str(b, i ? ", " : "");
		if (i == MAX_ITEMS || (field->of && !known)) {
			scn_buf_str(b, "…");
			break;
		}
		if (known)
			format_struct(b, item, field->of, mem, at);
		else
			number(b, scn_number_get(mem->data + at, field->size));
		if (item && item->kind != SCN_EACH)
			item = item->next;
	}
	scn_buf_str(b, "]");
}

static void format_array(struct scn_buf *b, const struct scn_node *node,
			 const struct scn_field *field, const struct memory *mem, size_t at)
{
	if (field->kind == SCN_F_POINTER) {
		for (uint32_t i = 0; i < mem->call->n_relocs; i++) {
			if (mem->call->relocs[i].at == at) {
				format_items(b, node, field, mem, mem->call->relocs[i].target);
				return;
			}
		}
		number(b, scn_number_get(mem->data + at, 8));
		return;
	}
	format_items(b, node, field, mem, at);
}

static void format_field(struct scn_buf *b, const struct scn_node *node,
			 const struct scn_field *field, const struct memory *mem, size_t at)
{
	uint64_t value;

	if (field->kind == SCN_F_TAIL || field->kind == SCN_F_POINTER) {
		format_array(b, node, field, mem, at);
	} else if (field->kind == SCN_F_STRUCT && node->kind == SCN_STRUCT) {
		format_struct(b, node, field->of, mem, at);
	} else if (at + field->size > mem->len) {
		scn_buf_str(b, "?");
	} else {
		value = scn_number_get(mem->data + at, field->size);
		if (field->kind == SCN_F_SINT && field->size == 2)
			scn_buf_printf(b, "%d", (int16_t)value);
		else
			number(b, value);
	}
}

static void format_struct(struct scn_buf *b, const struct scn_node *node,
			  const struct scn_layout *layout, const struct memory *mem, size_t base)
{
	scn_buf_str(b, "{");
	for (const struct scn_node *n = node->first; n; n = n->next) {
		const struct scn_field *field = scn_field_find(layout, n->text);

		if (b->len > MAX_TEXT) {
			scn_buf_str(b, "…");
			break;
		}
		scn_buf_printf(b, "%s=", field->name);
		format_field(b, n->first, field, mem, base + field->offset);
		scn_buf_str(b, n->next ? ", " : "");
	}
	scn_buf_str(b, "}");
}

static void format_ioctl(struct scn_buf *b, const struct scn_step *step,
			 const struct scn_call *call)
{
	struct memory mem = {call, call->image, call->image_len};
	const struct scn_node *request = step->args->next;
	const struct scn_ioctl *known = scn_ioctl_by_name(request->text);
	const struct scn_node *arg = request->next;

	if (arg && (arg->kind == SCN_READONLY || arg->kind == SCN_SHORT))
		arg = arg->first;
	scn_buf_printf(b, "%d, ", (int)call->arg[0]);
	if (known)
		scn_buf_str(b, known->name);
	else
		scn_buf_printf(b, "0x%llx", (unsigned long long)call->arg[1]);
	scn_buf_str(b, ", ");
	if (call->place == SCN_PLACE_READONLY)
		scn_buf_str(b, "readonly ");
	else if (call->place == SCN_PLACE_SHORT)
		scn_buf_printf(b, "short(%u) ", call->reach);
	if (!call->image) {
		number(b, call->arg[2]);
	} else if (arg && arg->kind == SCN_STRUCT && known && known->layout) {
		format_struct(b, arg, known->layout, &mem, 0);
	} else {
		scn_buf_str(b, "bytes(");
		bytes(b, call->image, call->image_len);
		scn_buf_str(b, ")");
	}
}

static void ports(struct scn_buf *b, const uint8_t *data, size_t len)
{
	scn_buf_str(b, "[");
	for (size_t i = 0; i + 4 <= len; i += 4) {
		scn_buf_str(b, i ? ", " : "");
		if (i / 4 == MAX_ITEMS) {
			scn_buf_str(b, "…");
			break;
		}
		number(b, scn_number_get(data + i, 4));
	}
	scn_buf_str(b, "]");
}

static void address(struct scn_buf *b, uint64_t value)
{
	if (value)
		scn_buf_printf(b, "0x%llx", (unsigned long long)value);
	else
		scn_buf_str(b, "NULL");
}

static void numbers(struct scn_buf *b, const struct scn_call *call, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		scn_buf_str(b, i ? ", " : "");
		number(b, call->arg[i]);
	}
}

static void format_mmap(struct scn_buf *b, const struct scn_call *call)
{
	address(b, call->arg[0]);
	scn_buf_str(b, ", ");
	number(b, call->arg[1]);
	scn_buf_str(b, ", ");
	scn_print_flags(b, SCN_FLAGS_PROT, call->arg[2]);
	scn_buf_str(b, ", ");
	scn_print_flags(b, SCN_FLAGS_MAP, call->arg[3]);
	scn_buf_printf(b, ", %d, ", (int)call->arg[4]);
	number(b, call->arg[5]);
}

static void format_range(struct scn_buf *b, const struct scn_call *call)
{
	address(b, call->arg[0]);
	scn_buf_str(b, ", ");
	number(b, call->arg[1]);
	if (call->kind == SCN_MPROTECT) {
		scn_buf_str(b, ", ");
		scn_print_flags(b, SCN_FLAGS_PROT, call->arg[2]);
	} else if (call->kind == SCN_MADVISE) {
		scn_buf_str(b, ", ");
		number(b, call->arg[2]);
	} else if (call->kind == SCN_MREMAP) {
		scn_buf_str(b, ", ");
		number(b, call->arg[2]);
		scn_buf_str(b, ", ");
		scn_print_flags(b, SCN_FLAGS_MREMAP, call->arg[3]);
		if (call->arg[4]) {
			scn_buf_str(b, ", ");
			address(b, call->arg[4]);
		}
	}
}

static void format_write(struct scn_buf *b, const struct scn_call *call)
{
	scn_buf_printf(b, "%d, ", (int)call->arg[0]);
	if (call->image)
		ports(b, call->image, call->image_len);
	else
		address(b, call->arg[2]);
	scn_buf_str(b, ", ");
	number(b, call->arg[1]);
}

static void format_fcntl(struct scn_buf *b, const struct scn_step *step,
			 const struct scn_call *call)
{
	numbers(b, call, 1);
	if (call->arg[1] == F_SETOWN) {
		scn_buf_printf(b, ", F_SETOWN, %.*s", SCN_STR(step->target));
	} else {
		scn_buf_str(b, ", F_SETFL, ");
		scn_print_flags(b, SCN_FLAGS_OPEN, call->arg[2]);
	}
}

static void format_arguments(struct scn_buf *b, const struct scn_step *step,
			     const struct scn_call *call)
{
	switch (call->kind) {
	case SCN_OPEN:
		scn_buf_printf(b, "\"%s\", ", call->path);
		scn_print_flags(b, SCN_FLAGS_OPEN, call->arg[0]);
		break;
	case SCN_IOCTL:
		format_ioctl(b, step, call);
		break;
	case SCN_MMAP:
		format_mmap(b, call);
		break;
	case SCN_MUNMAP:
	case SCN_MPROTECT:
	case SCN_MADVISE:
	case SCN_FUTEX:
	case SCN_MREMAP:
	case SCN_LOAD:
		format_range(b, call);
		break;
	case SCN_PIN:
		address(b, call->arg[0]);
		break;
	case SCN_STORE:
		address(b, call->arg[0]);
		scn_buf_str(b, ", ");
		bytes(b, call->image, call->image_len);
		break;
	case SCN_WRITE:
		format_write(b, call);
		break;
	case SCN_READ:
		numbers(b, call, 1);
		scn_buf_str(b, ", ");
		if (call->use_address) {
			address(b, call->arg[2]);
			scn_buf_str(b, ", ");
		}
		number(b, call->arg[1]);
		break;
	case SCN_SEND_FD:
		scn_buf_printf(b, "%.*s, %d", SCN_STR(step->target), (int)call->arg[0]);
		break;
	case SCN_FCNTL:
		format_fcntl(b, step, call);
		break;
	case SCN_CLOSE:
	case SCN_DUP:
	case SCN_POLL:
	case SCN_EXIT:
		numbers(b, call, 1);
		break;
	case SCN_FORK:
	case SCN_EXEC:
	case SCN_SIGIO:
	case SCN_N_CALLS:
		break;
	}
}

void scn_format_call(struct scn_buf *b, const struct scn_step *step, const struct scn_call *call)
{
	if (call->kind == SCN_FORK)
		scn_buf_printf(b, "%.*s = ", SCN_STR(step->target));
	scn_buf_printf(b, "%s(", scn_call_name(call->kind));
	format_arguments(b, step, call);
	scn_buf_str(b, ")");
}

static void format_error(struct scn_buf *b, int err)
{
	const char *name = scn_errno_name(err);

	if (name)
		scn_buf_printf(b, "-1 %s", name);
	else
		scn_buf_printf(b, "-1 (errno %d)", err);
}

static void format_value(struct scn_buf *b, const struct scn_call *call,
			 const struct scn_result *result)
{
	if (result->value < 0)
		format_error(b, (int)-result->value);
	else if (call->kind == SCN_LOAD)
		bytes(b, result->data, result->data_len);
	else if (call->kind == SCN_POLL)
		scn_print_flags(b, SCN_FLAGS_POLL, (uint64_t)result->value);
	else if (call->kind == SCN_MMAP || call->kind == SCN_MREMAP)
		scn_buf_printf(b, "0x%llx", (unsigned long long)result->value);
	else
		scn_buf_printf(b, "%lld", (long long)result->value);
}

void scn_format_result(struct scn_buf *b, const struct scn_call *call,
		       const struct scn_result *result, const struct scn_node *out)
{
	struct memory mem = {call, result->data, result->data_len};
	const struct scn_ioctl *known;

	if (result->kind == SCN_FAULTED) {
		scn_buf_str(b, scn_signal_name(result->signal));
		return;
	}
	if (result->kind == SCN_BLOCKED) {
		scn_buf_str(b, "blocks");
		return;
	}
	format_value(b, call, result);
	if (call->kind == SCN_READ && result->value >= 0) {
		scn_buf_str(b, " ");
		ports(b, result->data, result->data_len);
	}
	if (call->kind != SCN_IOCTL || !out || !result->data)
		return;
	known = scn_ioctl_by_number(call->arg[1]);
	scn_buf_str(b, " ");
	if (out->kind == SCN_STRUCT && known && known->layout) {
		format_struct(b, out, known->layout, &mem, 0);
	} else {
		scn_buf_str(b, "bytes(");
		bytes(b, result->data, result->data_len);
		scn_buf_str(b, ")");
	}
}
