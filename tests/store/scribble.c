/* SPDX-License-Identifier: MIT */
/* A guest that spoils the page which it shares with xenstored: domain 0 maps reference 1 of domain
 * DOMID and writes nonsense into its indices, or into those of requests alone. usage: scribble DOMID [requests] */
#include "uapi.h"
#include "xenbus/xs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct ioctl_gntdev_map_grant_ref map = {.count = 1};
	int fd = open("/dev/xen/gntdev", O_RDWR);
	volatile struct xs_ring *ring;

	map.refs[0].domid = (uint32_t)atoi(argc > 1 ? argv[1] : "0");
	map.refs[0].ref = 1;
	if (fd < 0 || ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, &map) < 0) {
		perror("gntdev");
		return 1;
	}
	ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)map.index);
	if (ring == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	ring->req_prod = ring->req_cons + 0x10000;
	if (argc < 3)
		ring->rsp_prod = ring->rsp_cons + 0x20000;
	return 0;
}
