/* SPDX-License-Identifier: MIT */
#include "prepare.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "lang/bounds.h"
#include "lang/parse/lexer.h"

void scn_prepared_free(struct scn_prepared *p)
{
	scn_image_free(&p->image);
	scn_buf_free(&p->path);
}

static bool numbers(struct scn_context *cx, const struct scn_node *args, struct scn_call *call)
{
	for (unsigned int i = 0; args && i < 6; args = args->next, i++) {
		if (!scn_eval(cx, args, &call->arg[i]))
			return false;
	}
	return true;
}

static bool use_image(struct scn_context *cx, const struct scn_node *node, struct scn_prepared *out)
{
	if (out->image.bytes.failed)
		return scn_wrong(cx, node, "out of memory");
	scn_buf_zeros(&out->image.bytes, 0);
	out->call.image = (const uint8_t *)out->image.bytes.data;
	out->call.image_len = (uint32_t)out->image.bytes.len;
	out->call.relocs = out->image.relocs;
	out->call.n_relocs = out->image.n_relocs;
	return out->call.image || scn_wrong(cx, node, "out of memory");
}

static bool place(struct scn_context *cx, const struct scn_node *node, struct scn_call *call)
{
	uint64_t reach;

	if (node->kind == SCN_READONLY) {
		call->place = SCN_PLACE_READONLY;
	} else if (node->kind == SCN_SHORT) {
		if (!scn_eval(cx, node->first->next, &reach))
			return false;
		call->place = SCN_PLACE_SHORT;
		call->reach = reach > UINT32_MAX ? UINT32_MAX : (uint32_t)reach;
	}
	return true;
}

static bool prepare_ioctl(struct scn_context *cx, const struct scn_step *step,
			  struct scn_prepared *out)
{
	const struct scn_node *number = step->args->next;
	const struct scn_node *arg = number->next;
	const struct scn_ioctl *known = scn_ioctl_by_name(number->text);

	if (!scn_eval(cx, step->args, &out->call.arg[0]) ||
	    !scn_eval(cx, number, &out->call.arg[1]))
		return false;
	if (!arg)
		return true;
	if (!place(cx, arg, &out->call))
		return false;
	if (arg->kind == SCN_READONLY || arg->kind == SCN_SHORT)
		arg = arg->first;
	if (arg->kind != SCN_STRUCT && arg->kind != SCN_FUNCTION)
		return scn_eval(cx, arg, &out->call.arg[2]);
	return scn_eval_image(cx, arg, known ? known->layout : NULL, &out->image) &&
	       use_image(cx, arg, out);
}

static bool prepare_write(struct scn_context *cx, const struct scn_step *step,
			  struct scn_prepared *out)
{
	const struct scn_node *data = step->args->next;
	struct scn_call *call = &out->call;

	if (!scn_eval(cx, step->args, &call->arg[0]))
		return false;
	if (data->kind == SCN_LIST) {
		if (!scn_eval_list(cx, data, &out->image.bytes) || !use_image(cx, data, out))
			return false;
		call->arg[1] = call->image_len;
	} else if (!scn_eval(cx, data, &call->arg[2])) {
		return false;
	}
	return !data->next || scn_eval(cx, data->next, &call->arg[1]);
}

static bool prepare_read(struct scn_context *cx, const struct scn_step *step, struct scn_call *call)
{
	const struct scn_node *second = step->args->next;

	if (!scn_eval(cx, step->args, &call->arg[0]))
		return false;
	call->use_address = second->next != NULL;
	if (call->use_address && !scn_eval(cx, second, &call->arg[2]))
		return false;
	return scn_eval(cx, call->use_address ? second->next : second, &call->arg[1]);
}

static void expect_events(struct scn_context *cx, const struct scn_alternative *expected,
			  struct scn_call *call)
{
	struct scn_context before = *cx;
	uint64_t events;

	call->expect_events = -1;
	if (!expected || !expected->value || expected->expect != SCN_EXPECT_VALUE)
		return;
	if (scn_eval(cx, expected->value, &events))
		call->expect_events = (int)events;
	cx->wrong = before.wrong;
	cx->unset = before.unset;
}

/* Memory that a call would have of whoever plays it. */
static bool has_size(struct scn_context *cx, const struct scn_step *step,
		     const struct scn_call *call)
{
	const struct scn_node *length = step->args->next;

	if (call->kind == SCN_LOAD)
		return (call->arg[1] <= SCN_MAX_BYTES && scn_work(cx, length, call->arg[1])) ||
		       scn_wrong(cx, length, "a load has at most 4 MiB");
	/* More than there are addresses is the kernel's to refuse. */
	return !(call->arg[3] & MAP_ANONYMOUS) || call->arg[1] <= SCN_MAX_ANONYMOUS ||
	       call->arg[1] >> 47 ||
	       scn_wrong(cx, length, "an anonymous mapping has at most 256 MiB");
}

bool scn_prepare(struct scn_context *cx, const struct scn_step *step,
		 const struct scn_alternative *expected, struct scn_prepared *out)
{
	struct scn_call *call = &out->call;

	call->kind = step->call;
	call->peer = step->target_process;
	call->expect_nothing = expected && expected->expect != SCN_EXPECT_VALUE;
	switch (step->call) {
	case SCN_OPEN:
		scn_unquote(step->args->text, &out->path);
		if (out->path.failed)
			return scn_wrong(cx, step->args, "out of memory");
		call->path = scn_buf_text(&out->path);
		return scn_eval(cx, step->args->next, &call->arg[0]);
	case SCN_IOCTL:
		return prepare_ioctl(cx, step, out);
	case SCN_WRITE:
		return prepare_write(cx, step, out);
	case SCN_READ:
		return prepare_read(cx, step, call);
	case SCN_STORE:
		return scn_eval(cx, step->args, &call->arg[0]) &&
		       scn_eval_bytes(cx, step->args->next, &out->image.bytes) &&
		       use_image(cx, step->args->next, out);
	case SCN_SEND_FD:
		return scn_eval(cx, step->args->next, &call->arg[0]);
	case SCN_FCNTL:
		if (!scn_eval(cx, step->args, &call->arg[0]) ||
		    !scn_eval(cx, step->args->next, &call->arg[1]))
			return false;
		return call->arg[1] == F_SETOWN ||
		       scn_eval(cx, step->args->next->next, &call->arg[2]);
	case SCN_POLL:
	case SCN_SIGIO:
		expect_events(cx, expected, call);
		break;
	case SCN_LOAD:
	case SCN_MMAP:
		return numbers(cx, step->args, call) && has_size(cx, step, call);
	case SCN_CLOSE:
	case SCN_DUP:
	case SCN_MUNMAP:
	case SCN_MPROTECT:
	case SCN_MADVISE:
	case SCN_FUTEX:
	case SCN_PIN:
	case SCN_MREMAP:
	case SCN_FORK:
	case SCN_EXEC:
	case SCN_EXIT:
	case SCN_N_CALLS:
		break;
	}
	return numbers(cx, step->args, call);
}
