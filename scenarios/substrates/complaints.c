/* SPDX-License-Identifier: MIT */
#include "complaints.h"

#include "lang/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int scn_complaints_open(struct scn_complaints *c)
{
	int fds[2];

	*c = (struct scn_complaints){.fd = -1};
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	c->fd = fds[0];
	return fds[1];
}

/* Until nobody hears us either. */
static void pass_on(const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

void scn_complaints_hear(struct scn_complaints *c)
{
	char chunk[1024];
	ssize_t n;

	while (c->fd >= 0 && (n = scn_read(c->fd, chunk, sizeof(chunk))) > 0) {
		size_t room = sizeof(c->first) - 1 - c->n;
		size_t kept = (size_t)n < room ? (size_t)n : room;

		memcpy(c->first + c->n, chunk, kept);
		c->n += kept;
		pass_on(chunk, (size_t)n);
	}
}

void scn_complaints_add(struct scn_complaints *c, struct scn_buf *why)
{
	static const char ours[] = "gntsim: ";
	const char *line = c->first;

	scn_complaints_hear(c);
	if (strncmp(line, ours, sizeof(ours) - 1) == 0)
		line += sizeof(ours) - 1;
	if (*line && *line != '\n')
		scn_buf_printf(why, ": %.*s", (int)strcspn(line, "\n"), line);
}

void scn_complaints_close(struct scn_complaints *c)
{
	scn_complaints_hear(c);
	if (c->fd >= 0)
		close(c->fd);
	*c = (struct scn_complaints){.fd = -1};
}
