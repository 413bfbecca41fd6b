/* SPDX-License-Identifier: MIT */
/* A program to be traced that reads events: one after another, each answered by a write; then many times
 * nothing, with no other call in between; the same in a forked child, which then kills itself right after a
 * read. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

typedef uint16_t domid_t;
#include <xen/evtchn.h>

#define EVENTS  20
#define NOTHING 300

static int use(int killed)
{
	struct ioctl_evtchn_bind_unbound_port unbound = {.remote_domain = 0};
	int fd = open("/dev/xen/evtchn", O_RDWR | O_NONBLOCK);
	struct ioctl_evtchn_notify notify;
	struct ioctl_evtchn_bind_interdomain both = {.remote_domain = 0};
	uint32_t port;

	both.remote_port = (uint32_t)ioctl(fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &unbound);
	notify.port = (uint32_t)ioctl(fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &both);
	/* To bind is an event. */
	while (read(fd, &port, sizeof(port)) == sizeof(port))
		if (write(fd, &port, sizeof(port)) != sizeof(port))
			return 1;
	for (int i = 0; i < EVENTS; i++)
		if (ioctl(fd, IOCTL_EVTCHN_NOTIFY, &notify) != 0 ||
		    read(fd, &port, sizeof(port)) != 4 || write(fd, &port, sizeof(port)) != 4) {
			perror("an event");
			return 1;
		}
	for (int i = 0; i < NOTHING; i++)
		if (read(fd, &port, sizeof(port)) >= 0 || errno != EAGAIN) {
			perror("read of nothing");
			return 1;
		}
	return killed ? raise(SIGKILL) : 0;
}

int main(void)
{
	int status;
	pid_t child;

	if (use(0))
		return 1;
	child = fork();
	if (child == 0)
		_exit(use(1));
	return child < 0 || waitpid(child, &status, 0) != child || !WIFSIGNALED(status);
}
