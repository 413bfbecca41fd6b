/* SPDX-License-Identifier: MIT */
#include "command/show/rows.h"

#include "command/trace/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const size_t sizes[SHOW_KIND_MAX] = {
    [SHOW_DOMAIN] = sizeof(struct show_domain), [SHOW_PROCESS] = sizeof(struct show_process),
    [SHOW_FILE] = sizeof(struct show_file),     [SHOW_DESCRIPTOR] = sizeof(struct show_descriptor),
    [SHOW_WAIT] = sizeof(struct show_wait),     [SHOW_GRANT] = sizeof(struct show_grant),
    [SHOW_MAP] = sizeof(struct show_map),       [SHOW_PAGE] = sizeof(struct show_page),
    [SHOW_HANDLE] = sizeof(struct show_handle), [SHOW_VMA] = sizeof(struct show_vma),
    [SHOW_PORT] = sizeof(struct show_port),     [SHOW_NOTIFY] = sizeof(struct show_notify),
    [SHOW_CALL] = sizeof(struct show_call),
};

/* ---- orders ---- */

#define LESS_OR(a, b)                                                                              \
	do {                                                                                       \
		if ((a) != (b))                                                                    \
			return (a) < (b) ? -1 : 1;                                                 \
	} while (0)

static int compare_files(struct show_file_name a, struct show_file_name b)
{
	LESS_OR(a.device, b.device);
	LESS_OR(a.number, b.number);
	return 0;
}

static int process_order(const void *a, const void *b)
{
	const struct show_process *x = *(const struct show_process *const *)a;
	const struct show_process *y = *(const struct show_process *const *)b;

	LESS_OR(x->domid, y->domid);
	LESS_OR(x->pid, y->pid);
	return 0;
}

static int descriptor_order(const void *a, const void *b)
{
	const struct show_descriptor *x = *(const struct show_descriptor *const *)a;
	const struct show_descriptor *y = *(const struct show_descriptor *const *)b;

	LESS_OR(x->pid, y->pid);
	LESS_OR(x->fd, y->fd);
	return compare_files(x->file, y->file);
}

static int wait_order(const void *a, const void *b)
{
	const struct show_wait *x = *(const struct show_wait *const *)a;
	const struct show_wait *y = *(const struct show_wait *const *)b;

	LESS_OR(x->pid, y->pid);
	LESS_OR(x->tid, y->tid);
	return compare_files(x->file, y->file);
}

static int file_order(const void *a, const void *b)
{
	return compare_files((*(const struct show_file *const *)a)->name,
			     (*(const struct show_file *const *)b)->name);
}

static int call_order(const void *a, const void *b)
{
	LESS_OR((*(const struct show_call *const *)a)->id,
		(*(const struct show_call *const *)b)->id);
	return 0;
}

static int descriptor_by_file(const void *a, const void *b)
{
	const struct show_descriptor *x = *(const struct show_descriptor *const *)a;
	const struct show_descriptor *y = *(const struct show_descriptor *const *)b;
	int c = compare_files(x->file, y->file);

	return c ? c : descriptor_order(a, b);
}

static int vma_by_file(const void *a, const void *b)
{
	const struct show_vma *x = *(const struct show_vma *const *)a;
	const struct show_vma *y = *(const struct show_vma *const *)b;
	int c = compare_files(x->file, y->file);

	if (c)
		return c;
	LESS_OR(x->offset, y->offset);
	LESS_OR(x->pid, y->pid);
	LESS_OR(x->start, y->start);
	return 0;
}

static int page_by_handle(const void *a, const void *b)
{
	const struct show_page *x = *(const struct show_page *const *)a;
	const struct show_page *y = *(const struct show_page *const *)b;

	LESS_OR(x->domid, y->domid);
	LESS_OR(x->handle, y->handle);
	return 0;
}

static int page_by_kernel_handle(const struct show_page *p, uint32_t domid, uint32_t handle)
{
	return p->domid == domid && p->kernel_handle == handle;
}

/* ---- the answer ---- */

/* Whatever sent it. */
static bool count(struct rows *r, size_t n[SHOW_KIND_MAX])
{
	struct show_row head;

	for (size_t at = 0; at < r->len; at += head.size) {
		if (r->len - at < sizeof(head))
			return false;
		memcpy(&head, r->bytes + at, sizeof(head));
		if (head.size % 8 || head.size < sizeof(head) || head.size > r->len - at)
			return false;
		if (head.kind == 0 || head.kind >= SHOW_KIND_MAX || head.size < sizes[head.kind])
			return false;
		n[head.kind]++;
	}
	return true;
}

static void end_texts(unsigned char *row, uint32_t kind)
{
	switch (kind) {
	case SHOW_DOMAIN:
		((struct show_domain *)(void *)row)->kernel[19] = '\0';
		break;
	case SHOW_PROCESS:
		((struct show_process *)(void *)row)->name[19] = '\0';
		break;
	case SHOW_FILE:
		((struct show_file *)(void *)row)->opener_name[15] = '\0';
		break;
	case SHOW_CALL:
		((struct show_call *)(void *)row)->program[15] = '\0';
		((struct show_call *)(void *)row)->text[319] = '\0';
		break;
	default:
		break;
	}
}

static void sort(const void **rows, size_t n, int (*order)(const void *a, const void *b))
{
	if (n)
		qsort(rows, n, sizeof(*rows), order);
}

static void *copy(const void **rows, size_t n)
{
	void **c = calloc(n + 1, sizeof(*c));

	if (c && n)
		memcpy(c, rows, n * sizeof(*c));
	return c;
}

static bool index_rows(struct rows *r)
{
	struct show_row head;

	for (size_t at = 0; at < r->len; at += head.size) {
		memcpy(&head, r->bytes + at, sizeof(head));
		end_texts(r->bytes + at, head.kind);
		r->of[head.kind][r->n[head.kind]++] = r->bytes + at;
	}
	sort(r->of[SHOW_PROCESS], r->n[SHOW_PROCESS], process_order);
	sort(r->of[SHOW_DESCRIPTOR], r->n[SHOW_DESCRIPTOR], descriptor_order);
	sort(r->of[SHOW_WAIT], r->n[SHOW_WAIT], wait_order);
	sort(r->of[SHOW_FILE], r->n[SHOW_FILE], file_order);
	sort(r->of[SHOW_CALL], r->n[SHOW_CALL], call_order);
	r->descriptors_by_file = copy(r->of[SHOW_DESCRIPTOR], r->n[SHOW_DESCRIPTOR]);
	r->vmas_by_file = copy(r->of[SHOW_VMA], r->n[SHOW_VMA]);
	r->pages_by_handle = copy(r->of[SHOW_PAGE], r->n[SHOW_PAGE]);
	if (!r->descriptors_by_file || !r->vmas_by_file || !r->pages_by_handle)
		return false;
	sort((const void **)(void *)r->descriptors_by_file, r->n[SHOW_DESCRIPTOR],
	     descriptor_by_file);
	sort((const void **)(void *)r->vmas_by_file, r->n[SHOW_VMA], vma_by_file);
	sort((const void **)(void *)r->pages_by_handle, r->n[SHOW_PAGE], page_by_handle);
	return true;
}

static bool take(const struct joining *j, const struct wire_in *in, struct rows *r)
{
	size_t n[SHOW_KIND_MAX] = {0};

	r->len = in->msg.payload;
	r->bytes = malloc(r->len + 1);
	if (!r->bytes)
		return complain("out of memory"), false;
	memcpy(r->bytes, in->payload, r->len);
	if (!count(r, n))
		return complain("what listens at %s is no machine of this version of gntsim: it "
				"speaks another protocol",
				j->socket),
		       false;
	for (uint32_t kind = 0; kind < SHOW_KIND_MAX; kind++) {
		r->of[kind] = calloc(n[kind] + 1, sizeof(*r->of[kind]));
		if (!r->of[kind])
			return complain("out of memory"), false;
	}
	return index_rows(r) ? true : (complain("out of memory"), false);
}

bool rows_fetch(const struct joining *j, int fd, struct rows *out)
{
	struct wire_show ask = {.kinds = (1u << SHOW_KIND_MAX) - 1};
	struct machine_question q = {.payload = &ask, .len = sizeof(ask)}, nothing = {0};
	struct wire_in in;
	struct failure f;
	bool whole;
	int err;

	*out = (struct rows){0};
	/* What has ended by now has ended for the answer too. */
	err = machine_ask(j, fd, WIRE_SYNC, &nothing, &in, &f);
	if (err == 0) {
		wire_in_done(&in);
		err = machine_ask(j, fd, WIRE_SHOW, &q, &in, &f);
	}
	if (err < 0)
		return complain("%s", f.text), false;
	err = (int)in.msg.result;
	if (err < 0)
		complain("the machine at %s cannot be shown: %s", j->socket,
			 err == -E2BIG ? "more lives in it than an answer holds" : strerror(-err));
	whole = err == 0 && take(j, &in, out);
	wire_in_done(&in);
	if (!whole)
		rows_free(out);
	return whole;
}

void rows_free(struct rows *r)
{
	for (uint32_t kind = 0; kind < SHOW_KIND_MAX; kind++)
		free(r->of[kind]);
	free(r->descriptors_by_file);
	free(r->vmas_by_file);
	free(r->pages_by_handle);
	free(r->bytes);
	*r = (struct rows){0};
}

/* ---- what belongs to what ---- */

const struct show_process *rows_process(const struct rows *r, uint32_t pid)
{
	for (size_t i = 0; i < r->n[SHOW_PROCESS]; i++)
		if (ROW(r, SHOW_PROCESS, show_process, i)->pid == pid)
			return ROW(r, SHOW_PROCESS, show_process, i);
	return NULL;
}

const struct show_call *rows_call(const struct rows *r, uint32_t id)
{
	const struct show_call wanted = {.id = id}, *key = &wanted;
	const void **found = id ? bsearch(&key, r->of[SHOW_CALL], r->n[SHOW_CALL],
					  sizeof(*r->of[SHOW_CALL]), call_order)
				: NULL;

	return found ? *found : NULL;
}

const struct show_domain *rows_domain(const struct rows *r, uint32_t domid)
{
	for (size_t i = 0; i < r->n[SHOW_DOMAIN]; i++)
		if (ROW(r, SHOW_DOMAIN, show_domain, i)->domid == domid)
			return ROW(r, SHOW_DOMAIN, show_domain, i);
	return NULL;
}

const struct show_grant *rows_grant(const struct rows *r, uint32_t granter, uint32_t ref)
{
	for (size_t i = 0; i < r->n[SHOW_GRANT]; i++) {
		const struct show_grant *g = ROW(r, SHOW_GRANT, show_grant, i);

		if (g->granter == granter && g->ref == ref)
			return g;
	}
	return NULL;
}

const struct show_map *rows_map(const struct rows *r, struct show_file_name file, uint64_t index)
{
	for (size_t i = 0; i < r->n[SHOW_MAP]; i++) {
		const struct show_map *m = ROW(r, SHOW_MAP, show_map, i);

		if (same_file(m->file, file) && m->index == index)
			return m;
	}
	return NULL;
}

const struct show_descriptor **rows_descriptors(const struct rows *r, struct show_file_name file,
						size_t *n)
{
	size_t low = 0, high = r->n[SHOW_DESCRIPTOR], first;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare_files(r->descriptors_by_file[mid]->file, file) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (first = low;
	     low < r->n[SHOW_DESCRIPTOR] && same_file(r->descriptors_by_file[low]->file, file);)
		low++;
	*n = low - first;
	return r->descriptors_by_file + first;
}

const struct show_vma **rows_vmas(const struct rows *r, struct show_file_name file, size_t *n)
{
	size_t low = 0, high = r->n[SHOW_VMA], first;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare_files(r->vmas_by_file[mid]->file, file) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (first = low; low < r->n[SHOW_VMA] && same_file(r->vmas_by_file[low]->file, file);)
		low++;
	*n = low - first;
	return r->vmas_by_file + first;
}

const struct show_page *rows_page_of_handle(const struct rows *r, uint32_t domid, uint32_t handle)
{
	const struct show_page wanted = {.domid = domid, .handle = handle}, *key = &wanted;
	const struct show_page **found = bsearch(&key, r->pages_by_handle, r->n[SHOW_PAGE],
						 sizeof(*r->pages_by_handle), page_by_handle);

	if (found)
		return *found;
	for (size_t i = 0; i < r->n[SHOW_PAGE]; i++)
		if (page_by_kernel_handle(r->pages_by_handle[i], domid, handle))
			return r->pages_by_handle[i];
	return NULL;
}

bool same_file(struct show_file_name a, struct show_file_name b)
{
	return a.device == b.device && a.number == b.number;
}

const char *file_text(struct show_file_name name, char text[FILE_TEXT])
{
	snprintf(text, FILE_TEXT, "%s%.0u", trace_device_name((enum wire_device)name.device),
		 name.number);
	return text;
}
