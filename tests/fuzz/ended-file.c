/* SPDX-License-Identifier: MIT */
/* A request on a file whose last descriptor was closed just before: the broker finds both at once, and ends the file
 * first. */
#define _GNU_SOURCE
#include "bell-caller.h"
#include "broker/broker-internal.h"
#include "fronts/fronts.h"
#include "uapi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct broker *broker;
static unsigned char buffer[WIRE_BUFFER];
static int fd;

static void serve(void)
{
	while (broker_serve(broker, 0) > 0)
		;
}

static void request(enum wire_op op, const void *payload, size_t len, struct wire_in *in)
{
	need(wire_send(fd, (uint16_t)op, 0, payload, len, NULL, 0) == 0, "send");
	serve();
	need(wire_recv(fd, MSG_DONTWAIT, buffer, in) == 0, "no answer");
}

static void connect_to(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct wire_hello h = {.domid = 0};
	struct wire_in in;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	need(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0, "connect");
	request(WIRE_HELLO, &h, sizeof(h), &in);
	need(in.msg.result == 0, "HELLO");
}

static void ask_of_ended(uint32_t device, uint32_t cmd, size_t len)
{
	struct wire_open o = {.device = device, .flags = 2};
	unsigned char message[sizeof(struct wire_msg) + 256];
	const unsigned char argument[64] = {1};
	struct wire_in in;
	size_t n;
	int file;

	request(WIRE_OPEN, &o, sizeof(o), &in);
	need(in.n_fds == 1, "OPEN");
	file = wire_in_take_fd(&in, 0);
	n = caller_compose(message, cmd, argument, len);
	close(file);
	need(send(fd, message, n, 0) == (ssize_t)n, "send");
	serve();
	need(wire_recv(fd, MSG_DONTWAIT, buffer, &in) == 0, "no answer");
	need(in.msg.result < 0, "a call on a file that has ended");
}

int main(void)
{
	char dir[] = "/tmp/ended-file-XXXXXX", path[64];
	struct broker_config config = {
	    .fronts = &fakedev_fronts, .socket_path = path, .virtual_time = true};
	struct failure f;

	alarm(60);
	need(mkdtemp(dir) != NULL, "mkdtemp");
	snprintf(path, sizeof(path), "%s/s", dir);
	need(broker_new(&config, &broker, &f) == 0, "no broker");
	connect_to(path);
	ask_of_ended(WIRE_DEV_GNTDEV, IOCTL_GNTDEV_MAP_GRANT_REF, 24);
	ask_of_ended(WIRE_DEV_GNTALLOC, IOCTL_GNTALLOC_ALLOC_GREF, 24);
	ask_of_ended(WIRE_DEV_EVTCHN, IOCTL_EVTCHN_BIND_UNBOUND_PORT, 4);
	ask_of_ended(WIRE_DEV_EVTCHN, IOCTL_EVTCHN_RESET, 0);
	close(fd);
	serve();
	broker_free(broker);
	rmdir(dir);
	return 0;
}
