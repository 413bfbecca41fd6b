/* SPDX-License-Identifier: MIT */
#include "model_process.h"

#include <errno.h>
#include <linux/ioctl.h>
#include <stdlib.h>
#include <string.h>

#include "model_files.h"
#include "model_memory.h"

#define FIRST_ADDR           UINT64_C(0x7f0000000000)
#define SCRATCH_ADDR         UINT64_C(0x10000000)
#define GET_OFFSET_FOR_VADDR (uint32_t) _IOC(_IOC_NONE, 'G', 2, 24)

static void set_scratch(struct scn_model_process *p, const struct scn_call *call, uint8_t *data)
{
	bool is_short = call->place == SCN_PLACE_SHORT && call->reach < call->image_len;

	p->scratch =
	    (struct scn_scratch){SCRATCH_ADDR, data, is_short ? call->reach : call->image_len,
				 call->place != SCN_PLACE_READONLY};
	for (uint32_t i = 0; i < call->n_relocs; i++) {
		uint64_t target = SCRATCH_ADDR + call->relocs[i].target;

		memcpy(data + call->relocs[i].at, &target, sizeof(target));
	}
}

static long driver_ioctl(struct scn_model_process *p, struct gntsim_file *file, uint32_t cmd,
			 uint64_t arg)
{
	const struct gntsim_user_memory um = {.read = scn_model_user_read,
					      .write = scn_model_user_write,
					      .probe_write = scn_model_user_probe_write,
					      .ctx = p,
					      .install = scn_model_install,
					      .dmabuf = scn_model_dmabuf};
	uint64_t vaddr; /* first in the structure */
	bool is_other = cmd == GET_OFFSET_FOR_VADDR &&
			!scn_model_user_read(p, arg, &vaddr, sizeof(vaddr)) &&
			scn_model_finds_other_memory(p, vaddr);

	return gntsim_ioctl(file, is_other ? NULL : p->mm, cmd, arg, &um);
}

static int call_ioctl(struct scn_model_process *p, const struct scn_call *call,
		      struct scn_result *result)
{
	bool last;
	struct gntsim_file *file = scn_model_process_file(p, call->arg[0], &last);
	uint64_t arg = call->arg[2];

	if (!file) {
		result->value = -EBADF;
		return 0;
	}
	if (call->image) {
		result->data = malloc(call->image_len + 1u);
		if (!result->data)
			return -ENOMEM;
		memcpy(result->data, call->image, call->image_len);
		result->data_len = call->image_len;
		set_scratch(p, call, result->data);
		arg = SCRATCH_ADDR;
	}
	result->value = driver_ioctl(p, file, (uint32_t)call->arg[1], arg);
	p->scratch = (struct scn_scratch){0};
	return 0;
}

static int call_exec(struct scn_model_process *p)
{
	struct gntsim_mm *mm;
	int err = gntsim_mm_create(gntsim_mm_domain(p->mm), &mm);

	if (err)
		return err;
	gntsim_mm_destroy(p->mm);
	scn_private_free(&p->memory);
	p->mm = mm;
	scn_model_files_exec(p);
	return 0;
}

int scn_model_process_call(struct scn_model_process *p, const struct scn_call *call,
			   struct scn_result *result)
{
	switch (call->kind) {
	case SCN_OPEN:
		result->value = scn_model_open(p, call);
		return 0;
	case SCN_CLOSE:
		result->value = scn_model_close(p, call->arg[0]);
		return 0;
	case SCN_DUP:
		result->value = scn_model_dup(p, call->arg[0]);
		return 0;
	case SCN_IOCTL:
		return call_ioctl(p, call, result);
	case SCN_MMAP:
		result->value = scn_model_mmap(p, call);
		return 0;
	case SCN_MUNMAP:
		result->value = scn_model_munmap(p, call);
		return 0;
	case SCN_MPROTECT:
		result->value = scn_model_mprotect(p, call);
		return 0;
	case SCN_MADVISE:
		result->value = scn_model_madvise(p, call);
		return 0;
	case SCN_PIN:
		result->value = scn_model_pin(p, call);
		return 0;
	case SCN_FUTEX:
		result->value = scn_model_futex(p, call);
		return 0;
	case SCN_MREMAP:
		result->value = scn_model_mremap(p, call);
		return 0;
	case SCN_LOAD:
	case SCN_STORE:
		return scn_model_access(p, call, result);
	case SCN_READ:
		return scn_model_read(p, call, result);
	case SCN_WRITE:
		result->value = scn_model_write(p, call);
		return 0;
	case SCN_POLL:
		result->value = scn_model_poll(p, call);
		return 0;
	case SCN_FCNTL:
		result->value = scn_model_set_flags(p, call);
		return 0;
	case SCN_SIGIO:
		result->value = p->sigio;
		p->sigio = false;
		return 0;
	case SCN_EXEC:
		result->value = call_exec(p);
		return 0;
	case SCN_FORK:
	case SCN_EXIT:
	case SCN_SEND_FD:
	case SCN_N_CALLS:
		break;
	}
	return -ENOTSUP;
}

int scn_model_process_start(struct scn_model_process *p, struct gntsim_domain *dom,
			    struct scn_allowance *allowance, struct scn_model_effects *effects)
{
	*p = (struct scn_model_process){
	    .memory.allowance = allowance, .next_addr = FIRST_ADDR, .effects = effects};
	return gntsim_mm_create(dom, &p->mm);
}

int scn_model_process_fork(struct scn_model_process *parent, struct scn_model_process *child)
{
	int err;

	*child =
	    (struct scn_model_process){.next_addr = parent->next_addr, .effects = parent->effects};
	err = gntsim_mm_fork(parent->mm, &child->mm);
	if (err)
		return err;
	err = scn_private_fork(&parent->memory, &child->memory);
	if (err) {
		gntsim_mm_destroy(child->mm);
		child->mm = NULL;
		return err;
	}
	scn_model_files_fork(parent, child);
	return 0;
}

void scn_model_process_end(struct scn_model_process *p)
{
	if (!p->mm)
		return;
	gntsim_mm_destroy(p->mm);
	scn_private_free(&p->memory);
	scn_model_files_end(p);
	p->mm = NULL;
}
