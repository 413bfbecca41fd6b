/* SPDX-License-Identifier: MIT */
/* Registers of a thread that has stopped at a call of its own, or at the end of one: of x86-64 and arm64. Here
 * is all that the ptrace front knows of an architecture, but numbers.h. */
#ifndef FAKEDEV_PTRACE_REGISTERS_H
#define FAKEDEV_PTRACE_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

/* It is in no call: the one that it stands at is not made. */
#define NO_CALL UINT64_MAX

struct registers {
	struct user_regs_struct user;
	uint64_t nr; /* of the call that it is in; or NO_CALL */
};

struct call {
	uint64_t nr, args[6];
};

bool registers_get(pid_t tid, struct registers *r);
bool registers_put(pid_t tid, const struct registers *r);

struct call registers_call(const struct registers *r);
void registers_set_arguments(struct registers *r, const uint64_t args[6]);
/* At the end of a call. */
long registers_result(const struct registers *r);
void registers_set_result(struct registers *r, long result);
uint64_t registers_stack(const struct registers *r);
/* From the end of a call back to the instruction that makes one: this one. */
void registers_make_call(struct registers *r, uint64_t nr, const uint64_t args[6]);
/* As the kernel tells it (linux/audit.h). */
extern const uint32_t registers_architecture;

#endif
