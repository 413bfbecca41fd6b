/* SPDX-License-Identifier: MIT */
/* store-socket NAME: who knows but one path of xenstored's socket reaches its own domain's there, which has this name. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define XS_READ 2

static int failed;

static void complain(const char *what, const char *got)
{
	printf("%s: %s\n", what, got);
	failed = 1;
}

/* @return a descriptor, or a negative errno */
static int connect_to(const char *path, socklen_t more)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&a,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)) +
				  more) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static void ask(int fd, const char *path, const char *name)
{
	struct {
		uint32_t type, request, transaction, len;
		char path[8];
	} read_name = {XS_READ, 0, 0, 5, "name"};
	struct {
		uint32_t type, request, transaction, len;
		char text[64];
	} answer = {0};
	size_t head = offsetof(__typeof__(answer), text);

	if (fd < 0) {
		complain(path, strerror(-fd));
		return;
	}
	if (write(fd, &read_name, head + read_name.len) != (ssize_t)(head + read_name.len) ||
	    recv(fd, &answer, head, MSG_WAITALL) != (ssize_t)head ||
	    answer.len >= sizeof(answer.text) ||
	    recv(fd, answer.text, answer.len, MSG_WAITALL) != (ssize_t)answer.len)
		complain(path, "no answer");
	else if (answer.type != XS_READ || strcmp(answer.text, name) != 0)
		complain(path, answer.text);
	close(fd);
}

int main(int argc, char **argv)
{
	const char *paths[] = {"/var/run/xenstored/socket", "/run/xenstored/socket"};
	int fd;

	if (argc != 2)
		return 2;
	for (int i = 0; i < 2; i++) {
		ask(connect_to(paths[i], 1), paths[i], argv[1]);
		ask(connect_to(paths[i], 0), "without its end",
		    argv[1]); /* as the kernel takes it, too */
	}
	fd = connect_to("/var/run/xenstored/socket.", 1);
	if (fd != -ENOENT)
		complain("another path", fd < 0 ? strerror(-fd) : "there is somebody");
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (const struct sockaddr *)8, 110) == 0 || errno != EFAULT)
		complain("a bad pointer", strerror(errno));
	close(fd);
	if (!failed)
		puts("its own");
	return failed;
}
