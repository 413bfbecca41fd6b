/* SPDX-License-Identifier: MIT */
/*
 * gntalloc's limit of 1024 pages is the kernel's, not a file's or a process's; pages that wait for
 * their mapper do not count, pages that a process still maps do.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <sys/mman.h>

void test(void)
{
	struct peer *other = peer_start(us()), *mapper = peer_start(them());
	int mine = device_open(HERE, "gntalloc"), theirs = device_open(other, "gntalloc");
	uint32_t refs[MAX_GRANTS];
	struct mapped_page mapped;
	uint64_t index;
	long addr;

	for (int i = 0; i < 2; i++) {
		CHECK_IS(gntalloc_alloc(HERE, mine, them()->id, 0, 256, &index, refs), 0);
		CHECK_IS(gntalloc_alloc(other, theirs, them()->id, 0, 256, NULL, NULL), 0);
	}
	CHECK_IS(gntalloc_alloc(HERE, mine, them()->id, 0, 1, NULL, NULL), -ENOSPC);
	CHECK_IS(gntalloc_alloc(other, theirs, them()->id, 0, 1, NULL, NULL), -ENOSPC);
	CHECK_IS(machine_totals().frames, 1024);

	addr = device_mmap(HERE, mine, index, 1, PROT_READ);
	CHECK(addr > 0, "mmap: %ld", addr);
	CHECK_IS(gntalloc_dealloc(HERE, mine, index, 1), 0);
	CHECK_IS(gntalloc_alloc(HERE, mine, them()->id, 0, 1, NULL, NULL), -ENOSPC);
	mapped = map_page(mapper, us(), refs[0], PROT_READ);
	CHECK_IS(call_munmap(HERE, addr, PAGE), 0);
	CHECK_IS(machine_totals().deferred, 1);
	CHECK_IS(gntalloc_alloc(other, theirs, them()->id, 0, 1, NULL, NULL), 0);
	CHECK_IS(gntalloc_alloc(other, theirs, them()->id, 0, 1, NULL, NULL), -ENOSPC);

	CHECK_IS(call_munmap(mapper, mapped.addr, PAGE), 0);
	CHECK_IS(call_close(mapper, mapped.fd), 0);
	peer_kill(other);
	MACHINE_AWAIT(files, 1);
	CHECK_IS(gntalloc_alloc(HERE, mine, them()->id, 0, 256, NULL, NULL), 0);
}
