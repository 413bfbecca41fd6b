/* SPDX-License-Identifier: MIT */
/* Filters of system calls: the ptrace front. */
#include "late/late.h"

#include <seccomp.h>

static struct late_library library = {.name = "libseccomp.so.2"};

bool late_has_filters(void)
{
	return late_has(&library);
}

LATE(library, int, seccomp_attr_set,
     (scmp_filter_ctx ctx, enum scmp_filter_attr attr, uint32_t value), ctx, attr, value)
LATE(library, int, seccomp_export_bpf, (const scmp_filter_ctx ctx, int fd), ctx, fd)
LATE(library, scmp_filter_ctx, seccomp_init, (uint32_t def_action), def_action)
LATE(library, void, seccomp_release, (scmp_filter_ctx ctx), ctx)
LATE(library, int, seccomp_rule_add_array,
     (scmp_filter_ctx ctx, uint32_t action, int syscall, unsigned int arg_cnt,
      const struct scmp_arg_cmp *arg_array),
     ctx, action, syscall, arg_cnt, arg_array)
