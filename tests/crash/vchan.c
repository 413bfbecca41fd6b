/* SPDX-License-Identifier: MIT */
/*
 * A server and its client on Xen's libxenvchan: a message, its answer, and each closes. What they get wrong
 * about each other's death the library does.
 *
 *     --xenstore --wait-for ready -- vchan server ::: --domain 1 -- vchan client
 */
#include <libxenvchan.h>
#include <stdio.h>
#include <string.h>

#define PATH     "/local/domain/0/data/vchan/crash"
#define QUESTION "what is six by seven?"
#define ANSWER   "the answer is 42"

static int gone(struct libxenvchan *vchan, const char *other)
{
	printf("the %s is gone\n", other);
	if (vchan)
		libxenvchan_close(vchan);
	return 1;
}

static int server(void)
{
	char asked[sizeof(QUESTION)], answer[] = ANSWER;
	struct libxenvchan *vchan = libxenvchan_server_init(NULL, 1, PATH, 1024, 1024);

	if (!vchan)
		return 2;
	vchan->blocking = -1; /* a signed bit */
	puts("ready");
	fflush(stdout);
	if (libxenvchan_recv(vchan, asked, sizeof(asked)) != sizeof(asked) ||
	    strcmp(asked, QUESTION) || libxenvchan_send(vchan, answer, sizeof(answer)) < 0)
		return gone(vchan, "client");
	/* Until the client has closed. */
	while (libxenvchan_is_open(vchan) == 1)
		libxenvchan_wait(vchan);
	libxenvchan_close(vchan);
	return 0;
}

static int client(void)
{
	char question[] = QUESTION, answer[sizeof(ANSWER)];
	struct libxenvchan *vchan = libxenvchan_client_init(NULL, 0, PATH);

	if (!vchan)
		return gone(NULL, "server");
	vchan->blocking = -1;
	if (libxenvchan_send(vchan, question, sizeof(question)) < 0 ||
	    libxenvchan_recv(vchan, answer, sizeof(answer)) != sizeof(answer) ||
	    strcmp(answer, ANSWER))
		return gone(vchan, "server");
	libxenvchan_close(vchan);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "server"))
		return server();
	if (argc == 2 && !strcmp(argv[1], "client"))
		return client();
	fprintf(stderr, "usage: vchan server|client\n");
	return 2;
}
