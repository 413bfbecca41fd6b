/* SPDX-License-Identifier: MIT */
#include "call.h"

#include <stdlib.h>

static const char *const names[SCN_N_CALLS] = {
    [SCN_OPEN] = "open",       [SCN_CLOSE] = "close",       [SCN_DUP] = "dup",
    [SCN_IOCTL] = "ioctl",     [SCN_MMAP] = "mmap",         [SCN_MUNMAP] = "munmap",
    [SCN_LOAD] = "load",       [SCN_MPROTECT] = "mprotect", [SCN_MREMAP] = "mremap",
    [SCN_STORE] = "store",     [SCN_READ] = "read",         [SCN_WRITE] = "write",
    [SCN_POLL] = "poll",       [SCN_FORK] = "fork",         [SCN_EXEC] = "exec",
    [SCN_MADVISE] = "madvise", [SCN_EXIT] = "exit",         [SCN_SEND_FD] = "send_fd",
    [SCN_FUTEX] = "futex",     [SCN_PIN] = "pin",           [SCN_FCNTL] = "fcntl",
    [SCN_SIGIO] = "sigio",
};

const char *scn_call_name(enum scn_call_kind kind)
{
	return names[kind];
}

void scn_result_free(struct scn_result *r)
{
	free(r->data);
	*r = (struct scn_result){0};
}
