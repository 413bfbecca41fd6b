/* SPDX-License-Identifier: MIT */
/* What GNU's headers have inline, and in its library alone where the compiler puts nothing inline: the library is for
 * the programs of every C library. */
#include "library.h"

#include <sys/sysmacros.h>

#ifndef __OPTIMIZE__
unsigned int gnu_dev_major(dev_t dev)
{
	return (unsigned int)((dev >> 8 & 0xfff) | (dev >> 32 & ~0xfffu));
}

unsigned int gnu_dev_minor(dev_t dev)
{
	return (unsigned int)((dev & 0xff) | (dev >> 12 & ~0xffu));
}

dev_t gnu_dev_makedev(unsigned int major, unsigned int minor)
{
	return (dev_t)(major & 0xfff) << 8 | (dev_t)(major & ~0xfffu) << 32 | (minor & 0xff) |
	       (dev_t)(minor & ~0xffu) << 12;
}

struct cmsghdr *__cmsg_nxthdr(struct msghdr *m, struct cmsghdr *c)
{
	unsigned char *next = (unsigned char *)c + CMSG_ALIGN(c->cmsg_len),
		      *end = (unsigned char *)m->msg_control + m->msg_controllen;

	if (c->cmsg_len < sizeof(*c) || next + sizeof(*c) > end ||
	    next + CMSG_ALIGN(((struct cmsghdr *)(void *)next)->cmsg_len) > end)
		return NULL;
	return (struct cmsghdr *)(void *)next;
}
#endif
