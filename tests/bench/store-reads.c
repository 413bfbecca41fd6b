/* SPDX-License-Identifier: MIT */
/* store-reads GNTSIM [ROUNDS]: reads of the xenstore a second by a client in another domain, and by one in
 * domain 0, which is on xenstored's own socket; on machines that are alike, in turns. */
#include "measure.h"
#include "xenbus/xs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READS       5000
#define MOST_ROUNDS 101
#define DEMAND      0.5

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

/* In a domain. */
static void be_measured(void)
{
	const char *path = getenv("XENSTORED_PATH");
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	double begin;

	measure_need(path && strlen(path) < sizeof(addr.sun_path), "XENSTORED_PATH");
	strcpy(addr.sun_path, path);
	measure_need(connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0, path);
	for (int i = 0; i < 100; i++)
		read_once(fd);
	begin = measure_now();
	for (int i = 0; i < READS; i++)
		read_once(fd);
	printf("%f\n", READS / (measure_now() - begin));
	close(fd);
}

static double measured(const char *gntsim, const char *self, int domid)
{
	double rate = 0;
	char command[4096];
	FILE *from;
	int ok;

	snprintf(command, sizeof(command), "'%s' run --xenstore --domain %d -- '%s' --measured",
		 gntsim, domid, self);
	from = popen(command, "re");
	measure_need(from != NULL, "gntsim run");
	ok = fscanf(from, "%lf", &rate) == 1;
	measure_need(pclose(from) == 0 && ok, "gntsim run");
	return rate;
}

int main(int argc, char **argv)
{
	double rate[2][MOST_ROUNDS], quotient[MOST_ROUNDS];
	int rounds = argc > 2 ? atoi(argv[2]) : 7;

	measure_need(argc > 1, "usage: store-reads GNTSIM [ROUNDS]");
	if (strcmp(argv[1], "--measured") == 0) {
		be_measured();
		return 0;
	}
	measure_need(rounds > 0 && rounds <= MOST_ROUNDS, "rounds");
	for (int i = 0; i < rounds; i++) {
		for (int other = 0; other < 2; other++)
			rate[other][i] = measured(argv[1], argv[0], other ? 3 : 0);
		quotient[i] = rate[1][i] / rate[0][i];
	}
	printf("reads a second: %.0f in another domain, %.0f in domain 0 (medians of %d)\n",
	       measure_median(rate[1], (size_t)rounds), measure_median(rate[0], (size_t)rounds),
	       rounds);
	measure_verdict("their quotient", measure_median(quotient, (size_t)rounds), "", DEMAND, 0);
	printf("from %.2f to %.2f\n", quotient[0], quotient[rounds - 1]);
	return 0;
}
