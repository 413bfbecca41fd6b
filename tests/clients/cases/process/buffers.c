/* SPDX-License-Identifier: MIT */
/*
 * Device memory is memory to the kernel too: other files are read into it and written from it, and
 * a grant is copied to and from it.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

void test(void)
{
	struct peer *peer = peer_start(them());
	struct shared_page ours = share_page(HERE, them(), true);
	struct shared_page theirs = share_page(peer, us(), true),
			   other = share_page(peer, us(), true);
	struct mapped_page map = map_page(HERE, them(), theirs.ref, PROT_READ | PROT_WRITE);
	struct mapped_page seen = map_page(peer, us(), ours.ref, PROT_READ);
	struct gntdev_grant_copy_segment segment = {
	    .source.foreign = {.ref = other.ref, .domid = them()->id},
	    .dest.virt = (void *)(ours.addr + 10),
	    .len = 5,
	    .flags = GNTCOPY_source_gref,
	};
	struct ioctl_gntdev_grant_copy copy = {.count = 1, .segments = &segment};
	struct iovec iov[2] = {{(void *)(ours.addr + 100), 3}, {(void *)(map.addr + 200), 3}};
	char text[16] = "";
	int pipes[2];

	CHECK_IS(pipe2(pipes, O_CLOEXEC), 0);
	CHECK_IS(write(pipes[1], "abcdef", 6), 6);
	CHECK_IS(readv(pipes[0], iov, 2), 6);
	CHECK_IS(load(peer, seen.addr + 100, text, 3), 0);
	CHECK(!strcmp(text, "abc"), "%s", text);
	CHECK_IS(load(peer, theirs.addr + 200, text, 3), 0);
	CHECK(!strcmp(text, "def"), "%s", text);
	CHECK_IS(store(peer, theirs.addr + 200, "xyz", 3), 0);
	CHECK_IS(writev(pipes[1], iov, 2), 6);
	CHECK_IS(read(pipes[0], text, 6), 6);
	CHECK(!strcmp(text, "abcxyz"), "%s", text);
	CHECK_IS(msync((void *)ours.addr, PAGE, MS_SYNC), 0);

	/* Copies between a grant and memory that is itself device memory. */
	CHECK_IS(store(peer, other.addr, "grant", 5), 0);
	CHECK_IS(call_ioctl(HERE, map.fd, IOCTL_GNTDEV_GRANT_COPY, &copy, 0), 0);
	CHECK_IS(segment.status, GNTST_okay);
	CHECK_IS(load(peer, seen.addr + 10, text, 5), 0);
	CHECK(!strncmp(text, "grant", 5), "%s", text);
	segment = (struct gntdev_grant_copy_segment){
	    .source.virt = (void *)(ours.addr + 100),
	    .dest.foreign = {.ref = other.ref, .offset = 20, .domid = them()->id},
	    .len = 3,
	    .flags = GNTCOPY_dest_gref,
	};
	CHECK_IS(call_ioctl(HERE, map.fd, IOCTL_GNTDEV_GRANT_COPY, &copy, 0), 0);
	CHECK_IS(segment.status, GNTST_okay);
	CHECK_IS(load_byte(peer, other.addr + 20), 'a');
}
