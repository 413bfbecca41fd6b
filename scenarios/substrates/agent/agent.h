/* SPDX-License-Identifier: MIT */
/*
 * The agent: a process of a scenario on a substrate with real processes. It is told over a
 * socket which call to make, makes it with the C library's own function (so that a preloaded
 * library sees it), and tells what came of it. One request, one reply.
 */
#ifndef SCN_AGENT_H
#define SCN_AGENT_H

#include <sys/uio.h>

#include "lang/call.h"

/*
 * Below this a process of a scenario has its program's text. (Where text is elsewhere, as a
 * position-independent program's is, the agent keeps the last page below it.)
 */
#define SCN_PROGRAM_END UINT64_C(0x100000000)

/*
 * Serves requests on the descriptor of that number until its end. A result without a request comes
 * first; after exec it is the reply to that.
 */
int scn_agent_main(const char *fd);
/* The same in a process that was forked to be one. Its program is what argv would start, with the descriptor's number
 * behind it; NULL: it was started so. */
int scn_agent_serve(int fd, const char *const *argv);

/* --- what goes over the socket; both ends are one program on one host --- */

/* Beyond enum scn_call_kind: take the descriptor that comes with the request. */
#define SCN_WIRE_RECEIVE 100u

struct scn_wire_call {
	uint32_t kind;
	uint32_t path_len, image_len, n_relocs; /* these follow, in this order */
	uint32_t place, reach;
	uint32_t has_image, use_address, expect_nothing;
	int32_t expect_events;
	uint32_t patience_ms, quiet_ms;
	uint64_t arg[6];
};

struct scn_wire_result {
	uint32_t kind; /* enum scn_result_kind */
	int32_t signal;
	int64_t value;
	int32_t pid; /* FORK: the child, in both their results; of the first result: the agent */
	uint32_t data_len; /* follow */
};

/*
 * Sends a whole message, n parts of it, with at most one descriptor, which goes with the first byte. fd
 * -1: none. The parts are the caller's again; what they say may have changed. Returns 0, or a negative
 * errno (-EPIPE: the other end is gone).
 */
int scn_wire_send(int sock, struct iovec *parts, size_t n, int fd);

/* A message that is being received: what has come of it, and was not taken yet. Nothing is sent behind a
 * message before it is answered, so that all that comes is of one. */
struct scn_wire_message {
	int sock;
	int fd; /* that came with it, or -1 */
	size_t at, n;
	char bytes[2048];
};

/* Takes the next bytes of a message ({.sock = ..., .fd = -1} at first). Returns as scn_wire_send(). */
int scn_wire_take(struct scn_wire_message *m, void *data, size_t len);

#endif
