/* SPDX-License-Identifier: MIT */
/* What privcmd answers, a line a call; the script says what is to come.
 * usage: hypercalls */
#include "privcmd/abi.h"
#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static int fd;

static long call(uint64_t op, uint64_t a, uint64_t b, uint64_t c)
{
	struct privcmd_call hypercall = {op, {a, b, c, 0, 0}};
	int r = ioctl(fd, PRIVCMD_HYPERCALL, &hypercall);

	return r < 0 ? -errno : r;
}

static const char *name(long r)
{
	static char number[32];

	snprintf(number, sizeof(number), "%ld", r);
	return r >= 0          ? number
	       : r == -EPERM   ? "EPERM"
	       : r == -ESRCH   ? "ESRCH"
	       : r == -EINVAL  ? "EINVAL"
	       : r == -EFAULT  ? "EFAULT"
	       : r == -EACCES  ? "EACCES"
	       : r == -ENOTTY  ? "ENOTTY"
	       : r == -ENODATA ? "ENODATA"
			       : strerror((int)-r);
}

static uint64_t at(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static void status(uint16_t domid, uint32_t port)
{
	struct abi_evtchn_status s = {.dom = domid, .port = port};
	long r = call(HYPERCALL_EVENT_CHANNEL_OP, EVTCHNOP_STATUS, at(&s), 0);

	if (r < 0)
		printf(" %s", name(r));
	else if (s.status == EVTCHNSTAT_UNBOUND)
		printf(" unbound:%u", s.u.remote.dom);
	else if (s.status == EVTCHNSTAT_INTERDOMAIN)
		printf(" interdomain:%u:%u", s.u.remote.dom, s.u.remote.port);
	else if (s.status == EVTCHNSTAT_VIRQ)
		printf(" virq:%u", s.u.virq);
	else
		printf(" closed");
}

static void ports(void)
{
	struct ioctl_evtchn_bind_unbound_port bind = {.remote_domain = 0};
	struct ioctl_evtchn_bind_virq virq = {.virq = 1};
	struct abi_evtchn_alloc_unbound op = {.dom = 0x7ff0, .remote_dom = 4};
	int evtchn = open("/dev/xen/evtchn", O_RDWR);
	int first = ioctl(evtchn, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);
	long r;

	printf("status");
	status(0x7ff0, (uint32_t)first);
	status(0x7ff0, (uint32_t)ioctl(evtchn, IOCTL_EVTCHN_BIND_VIRQ, &virq));
	status(0x7ff0, 100);
	status(0x7ff0, 1000000);
	/* Domain 0's port 1 is there; domain 9 is not. */
	status(0, 1);
	status(9, 1);
	printf("\nalloc_unbound");
	r = call(HYPERCALL_EVENT_CHANNEL_OP, EVTCHNOP_ALLOC_UNBOUND, at(&op), 0);
	printf(" %s", name(r));
	status(0x7ff0, op.port);
	op.dom = 5;
	r = call(HYPERCALL_EVENT_CHANNEL_OP, EVTCHNOP_ALLOC_UNBOUND, at(&op), 0);
	printf(" %s\n", name(r));
	close(evtchn);
}

static void domains(void)
{
	struct abi_domctl op = {.cmd = DOMCTL_GETDOMAININFO, .version = DOMCTL_VERSION};
	struct abi_domain_info all[4] = {0};
	struct abi_sysctl list = {
	    .cmd = SYSCTL_GETDOMAININFOLIST,
	    .version = SYSCTL_VERSION,
	    .u.list = {.first_domain = 0, .max_domains = 4, .buffer = at(all)}};
	long r = call(HYPERCALL_DOMCTL, at(&op), 0, 0);

	printf("domctl %s", name(r));
	if (r == 0)
		printf(":%u:%x", op.u.info.domain, op.u.info.flags);
	op.domain = 1;
	r = call(HYPERCALL_DOMCTL, at(&op), 0, 0);
	printf(" %s", name(r));
	if (r == 0)
		printf(":%u:%x", op.domain, op.u.info.flags);
	op.domain = 6;
	printf(" %s", name(call(HYPERCALL_DOMCTL, at(&op), 0, 0)));
	op.domain = 0x7ff0;
	printf(" %s", name(call(HYPERCALL_DOMCTL, at(&op), 0, 0)));
	op.version++;
	printf(" %s", name(call(HYPERCALL_DOMCTL, at(&op), 0, 0)));
	printf(" %s\nsysctl", name(call(HYPERCALL_DOMCTL, 8, 0, 0)));
	r = call(HYPERCALL_SYSCTL, at(&list), 0, 0);
	printf(" %s", name(r));
	for (uint32_t i = 0; r == 0 && i < list.u.list.num_domains; i++)
		printf(":%u", all[i].domain);
	list.u.list.buffer = 8;
	printf(" %s", name(call(HYPERCALL_SYSCTL, at(&list), 0, 0)));
	list.cmd = SYSCTL_PHYSINFO;
	r = call(HYPERCALL_SYSCTL, at(&list), 0, 0);
	printf(" %s", name(r));
	if (r == 0)
		printf(":%d", list.u.physinfo.total_pages > 0 && list.u.physinfo.max_cpu_id == 0);
	list.cmd = 1;
	printf(" %s\n", name(call(HYPERCALL_SYSCTL, at(&list), 0, 0)));
}

static void others(void)
{
	struct abi_query_size q = {.dom = 0x7ff0};
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	/* A structure that ends where memory does. */
	struct abi_evtchn_alloc_unbound *last = (void *)(page + 4096 - sizeof(*last));
	long r = call(HYPERCALL_GRANT_TABLE_OP, GNTTABOP_QUERY_SIZE, at(&q), 1);

	munmap(page + 4096, 4096);
	*last = (struct abi_evtchn_alloc_unbound){.dom = 0x7ff0};
	printf("query_size %s:%d:%u:%u", name(r), q.status, q.nr_frames, q.max_nr_frames);
	q.dom = 9;
	r = call(HYPERCALL_GRANT_TABLE_OP, GNTTABOP_QUERY_SIZE, at(&q), 1);
	printf(" %s:%d\n", name(r), q.status);
	printf("version %#lx", (unsigned long)call(HYPERCALL_XEN_VERSION, XENVER_VERSION, 0, 0));
	printf(" %s", name(call(HYPERCALL_XEN_VERSION, XENVER_EXTRAVERSION, at(page), 0)));
	printf(" %s", page);
	printf(" %s", name(call(HYPERCALL_XEN_VERSION, XENVER_EXTRAVERSION, 8, 0)));
	printf(" %s\n", name(call(HYPERCALL_XEN_VERSION, XENVER_PAGESIZE, 0, 0)));
	printf("edge %s\n",
	       name(call(HYPERCALL_EVENT_CHANNEL_OP, EVTCHNOP_ALLOC_UNBOUND, at(last), 0)));
	printf("memory %d", call(HYPERCALL_MEMORY_OP, MEMORY_MAXIMUM_RAM_PAGE, 0, 0) >= 1024);
	for (unsigned int i = 0; i < 3; i++) {
		uint16_t domid = (const uint16_t[]){0x7ff0, 5, 9}[i];

		r = call(HYPERCALL_MEMORY_OP, MEMORY_CURRENT_RESERVATION, at(&domid), 0);
		printf(" %s", name(r));
	}
	r = call(HYPERCALL_MEMORY_OP, MEMORY_MAXIMUM_RESERVATION, 8, 0);
	printf(" %s %s\n", name(r), name(call(HYPERCALL_MEMORY_OP, 0, 8, 0)));
	printf("none %s %s", name(call(1, 0, 0, 0)), name(call(1000, 0, 0, 0)));
	r = ioctl(fd, 0x305005u, page) < 0 ? -errno : 0;
	printf(" %s", name(r));
	r = ioctl(fd, PRIVCMD_HYPERCALL, (void *)8) < 0 ? -errno : 0;
	printf(" %s\n", name(r));
}

int main(void)
{
	fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		perror("/dev/xen/privcmd");
		return 1;
	}
	ports();
	domains();
	others();
	return 0;
}
