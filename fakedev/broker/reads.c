/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "reads.h"

#include "trace-internal.h"
#include "wire_reads.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static struct client *client_of(struct link *l)
{
	return (struct client *)(void *)((char *)l - offsetof(struct client, reading));
}

/* A program may put anything there, but not take it away from us: sealed. */
static int make(struct client *c)
{
	int fd = memfd_create("gntsim-reads", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *p;

	if (fd < 0)
		return -errno;
	p = ftruncate(fd, sizeof(*c->reads)) < 0 ||
		    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0
		? MAP_FAILED
		: mmap(NULL, sizeof(*c->reads), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		int err = -errno;

		close(fd);
		return err;
	}
	c->reads = p;
	c->reads_taken = 0;
	wire_reads_init(c->reads);
	link_add(&c->broker->reading, &c->reading);
	return fd;
}

int reads_give(struct client *c, const struct wire_in *in)
{
	const struct broker *b = c->broker;
	int fd, err;

	if (in->msg.payload != 0)
		return -EPROTO;
	fd = !b->config.trace || b->config.trace->before_answer || b->config.deaths || b->turns
		 ? -EOPNOTSUPP
	     : c->reads ? -EEXIST
			: make(c);
	err = client_reply(c, in, fd < 0 ? fd : 0, NULL, 0, &fd, fd >= 0);
	if (fd >= 0)
		close(fd);
	return err;
}

static void take_from(struct client *c)
{
	unsigned char bytes[WIRE_READS_BYTES];
	struct wire_read read;

	/* Who goes on putting does not keep us. */
	for (uint32_t i = 0; i < WIRE_READS_PLACES; i++) {
		if (!wire_reads_take(c->reads, &c->reads_taken, &read, bytes))
			return;
		if (read.result <= (int32_t)sizeof(bytes))
			trace_kernel_read(c, &read, bytes);
	}
}

void reads_take(struct broker *b)
{
	for (struct link *l = b->reading.next; l != &b->reading; l = l->next)
		take_from(client_of(l));
}

void reads_forget(struct client *c)
{
	link_del(&c->reading);
	if (c->reads)
		munmap(c->reads, sizeof(*c->reads));
	c->reads = NULL;
}
