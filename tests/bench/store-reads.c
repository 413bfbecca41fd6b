/* SPDX-License-Identifier: MIT */
/* store-reads GNTSIM [TURNS [domain-0]]: reads of the xenstore a second by a client in another domain, and by
 * one in domain 0, which is on xenstored's own socket; on one machine, in short turns. With domain-0 both are in
 * domain 0: what the figure is worth. */
#include "measure.h"
#include "xenbus/xs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define READS      200
#define MOST_TURNS 10001
#define DEMAND     0.5

static void read_once(int fd)
{
	struct {
		struct xs_msg head;
		char body[8];
	} m = {.head = {.type = XS_READ, .len = sizeof("domid")}, .body = "domid"};
	char answer[XS_PAYLOAD_MAX];

	measure_need(send(fd, &m, sizeof(m.head) + m.head.len, 0) > 0, "send");
	measure_need(recv(fd, &m.head, sizeof(m.head), MSG_WAITALL) == sizeof(m.head), "recv");
	measure_need(m.head.type == XS_READ && m.head.len <= sizeof(answer), "an answer");
	measure_need(recv(fd, answer, m.head.len, MSG_WAITALL) == (ssize_t)m.head.len, "recv");
}

static double rate(int fd)
{
	double begin = measure_now();

	for (int i = 0; i < READS; i++)
		read_once(fd);
	return READS / (measure_now() - begin);
}

/* In a domain: a turn for each byte. */
static void be_measured(int go, int said)
{
	const char *path = getenv("XENSTORED_PATH");
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	double result;
	char byte;

	measure_need(path && strlen(path) < sizeof(addr.sun_path), "XENSTORED_PATH");
	strcpy(addr.sun_path, path);
	measure_need(connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0, path);
	while (read(go, &byte, 1) == 1) {
		result = rate(fd);
		measure_need(write(said, &result, sizeof(result)) == sizeof(result), "write");
	}
	close(fd);
}

struct runner {
	int go[2], said[2];
};

static void start(const char *gntsim, const char *self, const char *other, struct runner who[2])
{
	char fds[4][12];

	for (int i = 0; i < 2; i++) {
		measure_need(pipe(who[i].go) == 0 && pipe(who[i].said) == 0, "pipe");
		snprintf(fds[2 * i], sizeof(fds[0]), "%d", who[i].go[0]);
		snprintf(fds[2 * i + 1], sizeof(fds[0]), "%d", who[i].said[1]);
	}
	if (fork() == 0) {
		for (int i = 0; i < 2; i++) {
			close(who[i].go[1]);
			close(who[i].said[0]);
		}
		execl(gntsim, gntsim, "run", "--xenstore", "--domain", "0", "--", self,
		      "--measured", fds[0], fds[1], ":::", "--domain", other, "--", self,
		      "--measured", fds[2], fds[3], (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 2; i++) {
		close(who[i].go[0]);
		close(who[i].said[1]);
	}
}

static double turn(const struct runner *r)
{
	double result = 0;

	measure_need(write(r->go[1], "", 1) == 1 &&
			 read(r->said[0], &result, sizeof(result)) == sizeof(result),
		     "gntsim run");
	return result;
}

static void print_load(void)
{
	double load[1];

	if (getloadavg(load, 1) == 1)
		printf("load of the machine: %.1f\n", load[0]);
}

int main(int argc, char **argv)
{
	static double rates[2][MOST_TURNS], quotient[MOST_TURNS];
	int turns = argc > 2 ? atoi(argv[2]) : 101, status;
	struct runner who[2];

	measure_need(argc > 1, "usage: store-reads GNTSIM [TURNS [domain-0]]");
	if (strcmp(argv[1], "--measured") == 0 && argc == 4) {
		be_measured(atoi(argv[2]), atoi(argv[3]));
		return 0;
	}
	measure_need(turns > 0 && turns <= MOST_TURNS, "turns");
	start(argv[1], argv[0], argc > 3 ? "0" : "3", who);
	for (int i = -1; i < turns; i++) {
		int at = i < 0 ? 0 : i;

		/* The first warms up. */
		for (int k = 0; k < 2; k++)
			rates[k][at] = turn(&who[k]);
		quotient[at] = rates[1][at] / rates[0][at];
	}
	for (int i = 0; i < 2; i++)
		close(who[i].go[1]);
	measure_need(wait(&status) > 0 && status == 0, "gntsim run");
	print_load();
	printf("reads a second: %.0f in another domain, %.0f in domain 0 (medians of %d)\n",
	       measure_median(rates[1], (size_t)turns), measure_median(rates[0], (size_t)turns),
	       turns);
	measure_verdict("their quotient", measure_median(quotient, (size_t)turns), "", DEMAND, 0);
	printf("from %.2f to %.2f; half of the turns from %.2f to %.2f\n", quotient[0],
	       quotient[turns - 1], measure_percentile(quotient, (size_t)turns, 25),
	       measure_percentile(quotient, (size_t)turns, 75));
	return 0;
}
