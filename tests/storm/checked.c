/* SPDX-License-Identifier: MIT */
/*
 * gntsim itself, in which the broker counts its machine's books again as it serves, and ends if they are wrong.
 * What it does is otherwise the command's own: this stands between the command and broker_serve().
 */
#include "broker/broker-internal.h"
#include "shared.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int __real_broker_serve(struct broker *b, int timeout_ms);
int __wrap_broker_serve(struct broker *b, int timeout_ms);

static struct storm_shared *shared_memory(void)
{
	static struct storm_shared *shared;
	const char *number = getenv("STORM_MEMORY");

	if (!shared && number) {
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED,
			      atoi(number), 0);
		if (shared == MAP_FAILED)
			abort();
	}
	return shared;
}

int __wrap_broker_serve(struct broker *b, int timeout_ms)
{
	struct storm_shared *shared = shared_memory();
	int n = __real_broker_serve(b, timeout_ms);
	static unsigned int calls;

	if (!shared)
		return n;
	/* What each call left can't be looked at: it takes as long as all of them. */
	if (++calls % 64 == 0 || shared->measure != shared->measured) {
		const char *wrong = gntsim_machine_check(b->machine);

		shared->checks++;
		if (wrong) {
			fprintf(stderr, "storm: the machine's books: %s\n", wrong);
			abort();
		}
	}
	if (shared->measure != shared->measured) {
		shared->memory = mallinfo2().uordblks;
		shared->measured = shared->measure;
	}
	return n;
}
