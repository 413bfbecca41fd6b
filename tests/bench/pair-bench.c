/* SPDX-License-Identifier: MIT */
/* What a pair of proxies would move if there were no vchan between them: pair-bench [MIB]
 * Bytes go from this process through two that relay them, as vchan-socket-proxy does with its buffer,
 * over Unix socket pairs; prints MiB a second. */
#include "measure.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define RELAYS 2
#define BUFFER 8192u /* the proxy's */
#define BLOCK  65536u

static void move(int from, int to, size_t room)
{
	static char buffer[BLOCK];
	ssize_t n;

	while ((n = read(from, buffer, room)) > 0)
		for (ssize_t at = 0; at < n;) {
			ssize_t m = write(to, buffer + at, (size_t)(n - at));

			if (m <= 0)
				_exit(1);
			at += m;
		}
}

int main(int argc, char **argv)
{
	size_t total = (argc > 1 ? strtoul(argv[1], NULL, 10) : 256) << 20, got = 0;
	static char block[BLOCK];
	int pairs[RELAYS + 1][2];
	double begin;
	ssize_t n;

	for (int i = 0; i <= RELAYS; i++)
		measure_need(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[i]),
			     "socketpair");
	for (int i = 0; i <= RELAYS; i++) {
		pid_t pid = fork();

		measure_need(pid >= 0, "fork");
		if (pid)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* The last child is the sender; each has the two ends that are its own. */
		for (int k = 0; k <= RELAYS; k++) {
			if (k != i || i == RELAYS)
				close(pairs[k][1]);
			if (k != i + 1 && !(i == RELAYS && k == 0))
				close(pairs[k][0]);
		}
		if (i == RELAYS)
			for (size_t sent = 0; sent < total; sent += sizeof(block))
				for (size_t at = 0; at < sizeof(block);) {
					n = write(pairs[0][0], block + at, sizeof(block) - at);
					if (n <= 0)
						_exit(1);
					at += (size_t)n;
				}
		else
			move(pairs[i][1], pairs[i + 1][0], BUFFER);
		_exit(0);
	}
	for (int k = 0; k <= RELAYS; k++) {
		close(pairs[k][0]);
		if (k != RELAYS)
			close(pairs[k][1]);
	}
	begin = measure_now();
	while ((n = read(pairs[RELAYS][1], block, sizeof(block))) > 0)
		got += (size_t)n;
	measure_need(got == total, "the bytes");
	printf("%zu MiB over socket pairs: %.1f MiB/s\n", total >> 20,
	       (double)(total >> 20) / (measure_now() - begin));
	while (wait(NULL) > 0)
		;
	return 0;
}
