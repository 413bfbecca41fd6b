/* SPDX-License-Identifier: MIT */
#include "session.h"

#include "check.h"

#include <errno.h>
#include <libxenvchan.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum {
	CLOSED_MS = 20000,
};

static struct libxenvchan *vchan;

long session_serve(void *arg)
{
	const struct session_params *params = arg;

	vchan =
	    libxenvchan_server_init(NULL, params->domid, params->path, params->left, params->right);
	if (!vchan)
		return -1;
	vchan->blocking = -1; /* a signed bit */
	return 0;
}

long session_connect(void *arg)
{
	const struct session_params *params = arg;

	vchan = libxenvchan_client_init(NULL, params->domid, params->path);
	if (!vchan)
		return -1;
	vchan->blocking = -1; /* a signed bit */
	return 0;
}

long session_send(void *arg)
{
	const struct session_data *data = arg;

	return libxenvchan_write(vchan, data->bytes, data->size);
}

long session_receive(void *arg)
{
	struct session_data *data = arg;
	uint32_t done = 0;

	while (done < data->size) {
		int n = libxenvchan_read(vchan, data->bytes + done, data->size - done);

		if (n <= 0)
			return -1;
		done += (uint32_t)n;
	}
	return done;
}

long session_echo(void *arg)
{
	const uint64_t *total = arg;
	char bytes[5000];

	for (uint64_t done = 0; done < *total;) {
		int n = libxenvchan_read(vchan, bytes, sizeof(bytes));

		if (n <= 0 || libxenvchan_write(vchan, bytes, (size_t)n) != n)
			return -1;
		done += (uint64_t)n;
	}
	return 0;
}

long session_is_open(void *arg)
{
	(void)arg;
	return libxenvchan_is_open(vchan);
}

long session_wait_closed(void *arg)
{
	struct pollfd p = {.fd = libxenvchan_fd_for_select(vchan), .events = POLLIN};

	(void)arg;
	while (libxenvchan_is_open(vchan)) {
		if (poll(&p, 1, CLOSED_MS) != 1)
			return -1;
		if (libxenvchan_wait(vchan))
			return -1;
	}
	return 0;
}

long session_close(void *arg)
{
	(void)arg;
	libxenvchan_close(vchan);
	vchan = NULL;
	return 0;
}

void session_connect_to(struct peer *peer, bool serve, uint32_t left, uint32_t right,
			const char *name)
{
	struct session_params ours = {.domid = them()->id, .left = left, .right = right};
	struct session_params theirs = {.domid = us()->id, .left = left, .right = right};

	snprintf(ours.path, sizeof(ours.path), "/local/domain/%u/data/vchan/%s",
		 serve ? us()->id : them()->id, name);
	memcpy(theirs.path, ours.path, sizeof(ours.path));
	if (serve) {
		CHECK_IS(session_serve(&ours), 0);
		CHECK_IS(session_is_open(NULL), 2);
		CHECK_IS(peer_call(peer, session_connect, &theirs, sizeof(theirs)), 0);
	} else {
		CHECK_IS(peer_call(peer, session_serve, &theirs, sizeof(theirs)), 0);
		CHECK_IS(session_connect(&ours), 0);
	}
	CHECK_IS(session_is_open(NULL), 1);
	CHECK_IS(peer_call(peer, session_is_open, NULL, 0), 1);
}
