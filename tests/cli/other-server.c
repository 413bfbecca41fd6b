/* SPDX-License-Identifier: MIT */
/* A program that is not gntsim and has a socket where one may look for a machine. Prints "ready" when
 * it is in its place, and ends when it is killed, or after a minute.
 *
 * usage: other-server PATH stream|packets silent|rubbish|closing|full|deaf|dead
 *
 *   silent   accepts and says nothing
 *   rubbish  answers what is no message of gntsim's
 *   closing  closes each connection
 *   full     accepts nothing, and its queue is full
 *   deaf     is bound and does not listen
 *   dead     ends at once and leaves its socket */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void serve(int listener, const char *how)
{
	static const char rubbish[] =
	    "220 mail.example.org ESMTP, and more than a header's length of it";

	while (strcmp(how, "full") == 0 || strcmp(how, "deaf") == 0)
		pause();
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (strcmp(how, "rubbish") == 0 && write(fd, rubbish, sizeof(rubbish)) < 0)
			return;
		if (strcmp(how, "closing") == 0)
			close(fd);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, type, filler;

	if (argc != 4 || strlen(argv[1]) >= sizeof(addr.sun_path))
		return 2;
	strcpy(addr.sun_path, argv[1]);
	alarm(60);
	type = strcmp(argv[2], "stream") ? SOCK_SEQPACKET : SOCK_STREAM;
	fd = socket(AF_UNIX, type, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    (strcmp(argv[3], "deaf") && listen(fd, 0) < 0)) {
		perror(argv[1]);
		return 2;
	}
	if (strcmp(argv[3], "full") == 0) {
		filler = socket(AF_UNIX, type, 0);
		if (connect(filler, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
			return 2;
	}
	if (strcmp(argv[3], "dead")) {
		puts("ready");
		fflush(stdout);
		serve(fd, argv[3]);
	}
	return 0;
}
