/* SPDX-License-Identifier: MIT */
/* The agents of a scenario from the player's side: what substrates with real processes share. */
#ifndef SCN_AGENTS_H
#define SCN_AGENTS_H

#include <sys/types.h>

#include "player/substrate.h"

struct scn_agent {
	int sock; /* -1: there is none */
	int pidfd;
	pid_t pid;
	pid_t own_pid; /* as it sees itself */
};

struct scn_agents {
	struct scn_agent agents[64];
	const char *const *agent_argv; /* of the agent's program; the descriptor is added */
	unsigned int patience_ms, quiet_ms;
	unsigned int hang_s; /* seconds for what a process is told to do */
};

void scn_agents_init(struct scn_agents *a, const struct scn_options *options);
/* Kills every agent. */
void scn_agents_end(struct scn_agents *a);

/*
 * Starts an agent. `launcher`: words put before the agent's command line, for a program that
 * runs it in another environment; NULL: none.
 */
enum scn_status scn_agents_spawn(struct scn_agents *a, uint32_t process,
				 const char *const *launcher, struct scn_buf *why);
enum scn_status scn_agents_call(struct scn_agents *a, uint32_t process, const struct scn_call *call,
				struct scn_result *result, struct scn_buf *why);
/* Waits for the end of a process that something else kills. */
enum scn_status scn_agents_await(struct scn_agents *a, uint32_t process, struct scn_buf *why);
/* SIGKILL; returns when the kernel has ended the process's address space and files. */
enum scn_status scn_agents_kill(struct scn_agents *a, uint32_t process, struct scn_buf *why);

#endif
