/* SPDX-License-Identifier: MIT */
/* The end of all programs of a machine, before its own. */
#define _GNU_SOURCE
#include "broker/broker-internal.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Who was killed and does not end is in the kernel's hand. */
#define PATIENCE_S 10

struct ending {
	struct broker *broker;
	uint32_t but;
	bool looked; /* all that /proc shows */
};

static void all_looked_at(void *ctx)
{
	((struct ending *)ctx)->looked = true;
}

/* Calls for each address space of a program. @return how many there are */
static unsigned int each_program(const struct ending *e,
				 void (*visit)(struct survivors *s, uint32_t pid))
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < PROCESS_BUCKETS; i++) {
		const struct link *head = &e->broker->processes[i];

		for (struct link *l = head->next; l != head; l = l->next) {
			const struct client *c =
			    (const struct client *)(const void *)((const char *)l -
								  offsetof(struct client,
									   by_process));

			if (!c->mm || c->program.pid == e->but)
				continue;
			if (visit)
				visit(&e->broker->survivors, c->program.pid);
			n++;
		}
	}
	return n;
}

static time_t seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

const char *broker_end_programs(struct broker *b, uint32_t but)
{
	struct ending e = {.broker = b, .but = but};
	struct survivors *s = &b->survivors;
	struct domain_kill *kill;
	time_t until;
	int fd, err;

	s->len = 0;
	s->text[0] = '\0';
	err = domain_kill_start(b->listening.path, DOMAIN_MEMBER_ANY, but, &kill, &fd);
	each_program(&e, domain_kill_process);
	if (err == 0 && broker_watch(b, fd, all_looked_at, &e) == 0) {
		while (!e.looked && broker_serve(b, -1) >= 0)
			;
		broker_unwatch(b, fd);
	} else if (err == 0) {
		close(fd);
	}
	if (err == 0)
		domain_kill_end(kill, s);
	until = seconds() + PATIENCE_S;
	while (s->len == 0 && each_program(&e, NULL) && seconds() < until &&
	       broker_serve(b, 100) >= 0)
		;
	if (err < 0 || (s->len == 0 && each_program(&e, NULL)))
		return "some programs may live on\n";
	return s->len ? s->text : NULL;
}
