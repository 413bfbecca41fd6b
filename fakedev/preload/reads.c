/* SPDX-License-Identifier: MIT */
/* Who traces is told of reads of evtchn, which the kernel serves alone: through memory that the broker
 * looks at, or by a message where there is none. */
#include "connection.h"

#include "wire_reads.h"

#include <sys/mman.h>
#include <sys/syscall.h>

void lib_ask_for_reads(void)
{
	struct wire_in in;
	int fd;

	/* A child of a fork that went unseen must be told from its parent. */
	if (lib.reads_asked || !lib.same || !lib_may(SYS_recvmsg) || !lib_may(SYS_madvise))
		return;
	lib.reads_asked = true;
	if (lib_call(WIRE_READS, NULL, 0, NULL, 0, &in) == 0) {
		fd = wire_in_take_fd(&in, 0);
		if (fd >= 0) {
			atomic_store(&lib.reads, lib_map_alone(LIB_PAGE_READS, fd));
			raw_close(fd);
		}
	}
	wire_in_done(&in);
}

/* Other threads may be at it: it stays mapped. */
void lib_reads_forget(void)
{
	atomic_store(&lib.reads, NULL);
	lib.reads_asked = false;
}

bool lib_put_read(const struct wire_read *read, const void *bytes)
{
	struct wire_reads *reads = lib_same_process() ? atomic_load(&lib.reads) : NULL;

	return reads && wire_reads_put(reads, read, bytes);
}
