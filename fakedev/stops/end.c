/* SPDX-License-Identifier: MIT */
/* The last store that a program was to make is made. Who started us is told, and looks at it or destroys its domain;
 * then its process ends. */
#define _GNU_SOURCE
#include "end.h"
#include "supervisor.h"
#include "wire.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned char *put(unsigned char *to, const void *from, size_t n)
{
	if (n)
		memcpy(to, from, n);
	return to + n;
}

/* Waits until it is known. */
static void tell_end(struct supervisor *s, const struct thread *t)
{
	struct snapshot *look =
	    s->config->look ? catch_look((uint32_t)t->pid, (uint32_t)t->tid) : NULL;
	struct end_told told = {.program = t->program,
				.pid = (uint32_t)t->pid,
				.tid = (uint32_t)t->tid,
				.looked = look};
	unsigned char *message, *at;
	char answer;

	if (look) {
		memcpy(told.registers, look->registers, sizeof(told.registers));
		told.n_registers = look->n_registers;
		told.sp = look->sp;
		told.n_stack = look->stack ? look->n_stack : 0;
		told.n_maps = look->maps ? strlen(look->maps) + 1 : 0;
	}
	message = malloc(sizeof(told) + told.n_stack + told.n_maps);
	if (!message)
		abort();
	at = put(message, &told, sizeof(told));
	if (look) {
		at = put(at, look->stack, told.n_stack);
		at = put(at, look->maps, told.n_maps);
	}
	if (wire_send(s->ends, WIRE_ATTACH, 0, message, (size_t)(at - message), NULL, 0) == 0)
		while (recv(s->ends, &answer, 1, 0) < 0 && errno == EINTR)
			;
	free(message);
	snapshot_free(look);
}

bool end_if_reached(struct supervisor *s, struct thread *t, uint64_t number)
{
	const struct stops_program *p = &s->config->programs[t->program];

	if (number != p->end_at)
		return false;
	tell_end(s, t);
	switch (p->end) {
	case DEATH_BY_STOP:
		syscall(SYS_tgkill, t->pid, t->tid, SIGSTOP);
		return false;
	case DEATH_BY_ABORT:
		catch_unmask((uint32_t)t->tid);
		syscall(SYS_tgkill, t->pid, t->tid, SIGABRT);
		return false;
	case DEATH_BY_EXIT:
		if (catch_exit((uint32_t)t->tid) == 0)
			return false;
		break;
	case DEATH_BY_KILL:
	case DEATH_BY_DESTROY:
	case DEATH_ENDS:
		break;
	}
	kill(t->pid, SIGKILL);
	return true;
}
