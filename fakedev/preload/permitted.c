/* SPDX-License-Identifier: MIT */
/* Which of the calls that this library makes the process may make. */
#include "library.h"

#include <stdatomic.h>

/* What there is another way for, or can be left out. */
static const long wanted[] = {
    SYS_getsockopt,
    SYS_getpeername,
    SYS_sendmsg,
    SYS_recvmsg,
    SYS_recvfrom,
    SYS_rt_sigprocmask,
    SYS_futex,
    SYS_fstat,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_madvise,
    SYS_fcntl,
    SYS_prlimit64,
    SYS_ioctl,
    SYS_openat,
    SYS_memfd_create,
    SYS_getpid,
    SYS_readlinkat,
    SYS_nanosleep,
    SYS_getcpu,
    SYS_getdents64,
    SYS_sched_yield,
    SYS_pselect6,
    SYS_ppoll,
};
#define N_WANTED (sizeof(wanted) / sizeof(wanted[0]))

static LIB_NEAR _Atomic uint32_t forbidden; /* a bit for each of them */

static uint32_t bit_of(long nr)
{
	for (size_t i = 0; i < N_WANTED; i++)
		if (wanted[i] == nr)
			return 1u << i;
	return 0;
}

bool lib_may(long nr)
{
	uint32_t now = atomic_load_explicit(&forbidden, memory_order_relaxed);

	return now == 0 || !(now & bit_of(nr));
}

void lib_forbid(long nr)
{
	atomic_fetch_or(&forbidden, bit_of(nr));
}

bool lib_forbidden(long nr, long result)
{
	if (result != -EPERM && result != -ENOSYS && result != -EACCES)
		return false;
	lib_forbid(nr);
	return true;
}

uint32_t lib_calls_not_let_pass(bool (*lets_pass)(const void *ctx, long nr), const void *ctx)
{
	uint32_t out = 0;

	for (size_t i = 0; i < N_WANTED; i++)
		if (!lets_pass(ctx, wanted[i]))
			out |= 1u << i;
	return out;
}

bool lib_is_among(long nr, uint32_t calls)
{
	return calls & bit_of(nr);
}

uint32_t lib_forbid_calls(uint32_t calls)
{
	return atomic_fetch_or(&forbidden, calls);
}

void lib_allow_calls(uint32_t calls)
{
	atomic_fetch_and(&forbidden, ~calls);
}
