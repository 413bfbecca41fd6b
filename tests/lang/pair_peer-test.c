/* SPDX-License-Identifier: MIT */
/* What a player makes of another one that talks nonsense, fails, or ends: the one that serves, and the one that plays. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "player/variant.h"
#include "substrates/pair.h"
#include "substrates/pair_wire.h"
#include "substrates/substrates.h"

/* (The linker leads here: nobody has to wait for a lab that tells of a crash.) */
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);

int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)time;
	(void)left;
	return 0;
}

static struct scn_channel other; /* the test's end */
static int ours = -1;
static struct scn_buf message;

static void connect_ends(void)
{
	char number[16];
	int ends[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	other = (struct scn_channel){.fd = ends[0]};
	ours = ends[1];
	snprintf(number, sizeof(number), "%d", ours);
	setenv("GNTSIM_LAB_CHANNEL", number, 1);
	scn_buf_clear(&message);
}

static void close_ends(void)
{
	close(other.fd);
	close(ours);
}

/* Of a message, numbers one by one, up to one below 0. */
static void put(const int *numbers)
{
	for (; *numbers >= 0; numbers++)
		scn_put_number(&message, (uint64_t)*numbers);
}
#define PUT(...) put((const int[]){__VA_ARGS__, -1})

static void send_it(void)
{
	CU_ASSERT_EQUAL(scn_channel_send(&other, &message), 0);
	scn_buf_clear(&message);
}

static const struct scn_options options = {.domid = -1, .patience_ms = 50};

/* ---- the one that serves ---- */

/* Serves what was sent until there is no more. */
static void serve(int expected)
{
	scn_cleanup_buf struct scn_buf why = {0};
	int err;

	shutdown(other.fd, SHUT_WR);
	err = scn_pair_serve(&options, &why);
	if (err != expected)
		printf("\nserved: %d, expected %d: %s\n", err, expected, scn_buf_text(&why));
	CU_ASSERT_EQUAL(err, expected);
	CU_ASSERT_EQUAL(err != 0, why.len > 0);
}

/* The next reply: its status, and why. */
static int reply(struct scn_buf *why)
{
	scn_cleanup_buf struct scn_buf got = {0};
	struct scn_parcel p;
	int status = -1;

	if (scn_channel_receive(&other, &got))
		return -1;
	p = (struct scn_parcel){got.data, got.data + got.len, false};
	status = (int)scn_take_number(&p);
	scn_buf_clear(why);
	if (status != SCN_OK) {
		uint32_t len;
		uint8_t *text = scn_take_bytes(&p, &len);

		scn_buf_add(why, text, len);
		free(text);
	}
	return status;
}

static void requests_that_are_none(void)
{
	static const int requests[][12] = {
	    {0, -1},                                         /* of no kind */
	    {7, -1},                                         /* likewise */
	    {SCN_PAIR_SPAWN, -1},                            /* which process? */
	    {SCN_PAIR_SPAWN, 64, -1},                        /* there is none */
	    {SCN_PAIR_KILL, 1 << 20, -1},                    /* likewise */
	    {SCN_PAIR_CALL, 0, -1},                          /* which call? */
	    {SCN_PAIR_CALL, 0, SCN_N_CALLS, 0, 0, -1},       /* there is none */
	    {SCN_PAIR_CALL, 0, SCN_CLOSE, 0, 7, -1},         /* more arguments than there can be */
	    {SCN_PAIR_CALL, 0, SCN_FORK, 0, 0, 64, -1},      /* a child that can't be */
	    {SCN_PAIR_CALL, 0, SCN_OPEN, 1, 0, 2, -1},       /* a path that does not follow */
	    {SCN_PAIR_CALL, 0, SCN_OPEN, 1, 0, 1 << 26, -1}, /* one of 64 MiB */
	    {SCN_PAIR_CALL, 0, SCN_IOCTL, 1, 0, 0, 0, 0, 0, 1 << 25, -1}, /* that many addresses */
	    {SCN_PAIR_CALL, 0, SCN_IOCTL, 1, 0, 0, 0, 0, 0, 1, 0, -1},    /* one where nothing is */
	    {SCN_PAIR_LIMIT, -1},                                         /* which? */
	    {SCN_PAIR_LIMIT, 1000, 1, -1},                                /* there is none */
	};

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		connect_ends();
		put(requests[i]);
		send_it();
		serve(-EBADMSG);
		close_ends();
	}
	/* Bytes that are no message at all. */
	connect_ends();
	CU_ASSERT_EQUAL(write(other.fd, "\x1e", 1), 1);
	serve(-EBADMSG);
	close_ends();
	connect_ends();
	CU_ASSERT_EQUAL(write(other.fd, "abc", 3), 3);
	serve(-EPIPE);
	close_ends();
	connect_ends();
	CU_ASSERT_EQUAL(write(other.fd, "a\x10", 2), 2);
	serve(-EPIPE);
	close_ends();
}

/* They are answered, and the next ones are served. */
static void requests_that_fail(void)
{
	scn_cleanup_buf struct scn_buf why = {0};

	connect_ends();
	PUT(SCN_PAIR_KILL, 3);
	send_it();
	PUT(SCN_PAIR_CALL, 3, SCN_CLOSE, 0, 1, 99);
	send_it();
	PUT(SCN_PAIR_LIMIT, GNTSIM_LIMIT_FRAMES, 5);
	send_it();
	PUT(SCN_PAIR_LIMIT, GNTSIM_LIMIT_GNTALLOC, 5);
	send_it();
	PUT(SCN_PAIR_SPAWN, 0);
	send_it();
	PUT(SCN_PAIR_CALL, 0, SCN_CLOSE, 0, 1, 99);
	send_it();
	PUT(SCN_PAIR_END);
	send_it();
	PUT(SCN_PAIR_QUIT);
	send_it();
	serve(0);
	shutdown(ours, SHUT_WR);
	CU_ASSERT_EQUAL(reply(&why), SCN_ERROR);
	EXPECT_TEXT(scn_buf_text(&why), "kill: No such process");
	CU_ASSERT_EQUAL(reply(&why), SCN_ERROR);
	EXPECT_TEXT(scn_buf_text(&why), "a process of the scenario: No such process");
	CU_ASSERT_EQUAL(reply(&why), SCN_ERROR);
	EXPECT_TEXT(scn_buf_text(&why), "frames is no module's parameter");
	CU_ASSERT_EQUAL(reply(&why), SCN_ERROR);
	CU_ASSERT_PTR_NOT_NULL(strstr(scn_buf_text(&why), "/limit: "));
	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(reply(&why), SCN_OK);
	CU_ASSERT_EQUAL(reply(&why), -1);
	close_ends();
}

/* ---- the one that plays ---- */

static const struct scn_substrate_ops *const pair = &scn_substrate_pair;
static const struct scn_setup setup = {
    .n_domains = 2,
    .kernel = {6, 1, -1},
    .domains = {{.number = 0}, {.number = 1, .second_seat = true}}};

static void *open_pair(void)
{
	scn_cleanup_buf struct scn_buf why = {0};
	void *self = NULL;

	connect_ends();
	setenv("GNTSIM_LAB_KERNEL", "6.1", 1);
	CU_ASSERT_EQUAL_FATAL(pair->open(&options, &self, &why), SCN_OK);
	CU_ASSERT_EQUAL(pair->begin(self, &setup, &why), SCN_OK);
	return self;
}

/* Asks for a process there; the reply is what was sent before. */
static void ask(enum scn_status expected, const char *words)
{
	scn_cleanup_buf struct scn_buf why = {0};
	void *self = open_pair();

	if (message.len)
		send_it();
	shutdown(other.fd, SHUT_WR);
	CU_ASSERT_EQUAL(pair->spawn(self, 1, 1, &why), expected);
	EXPECT_TEXT(scn_buf_text(&why), words);
	pair->end(self);
	pair->close(self);
	close_ends();
}

static void answers_that_are_none(void)
{
	static const char text[] = "as it happens";

	ask(SCN_ERROR, "the other domain is lost: Broken pipe");
	{
		scn_cleanup_buf struct scn_buf why = {0};
		void *self = open_pair();

		PUT(SCN_OK);
		send_it();
		CU_ASSERT_EQUAL(pair->spawn(self, 1, 1, &why), SCN_OK);
		PUT(SCN_ERROR);
		scn_put_bytes(&message, text, strlen(text));
		send_it();
		CU_ASSERT_EQUAL(pair->kill(self, 1, &why), SCN_ERROR);
		EXPECT_TEXT(scn_buf_text(&why), text);
		scn_buf_clear(&why);
		/* An error whose words are cut short. */
		PUT(SCN_ERROR, 100, 0, 50);
		send_it();
		CU_ASSERT_EQUAL(pair->kill(self, 1, &why), SCN_ERROR);
		EXPECT_TEXT(scn_buf_text(&why), "the other domain is lost: Bad message");
		scn_buf_clear(&why);
		/* A limit there, and here. */
		PUT(SCN_OK);
		send_it();
		CU_ASSERT_EQUAL(pair->set_limit(self, 1, GNTSIM_LIMIT_GNTALLOC, 3, &why), SCN_OK);
		CU_ASSERT_EQUAL(pair->set_limit(self, 0, GNTSIM_LIMIT_FRAMES, 3, &why), SCN_ERROR);
		EXPECT_TEXT(scn_buf_text(&why), "frames is no module's parameter");
		scn_buf_clear(&why);
		/* A result that is none. */
		PUT(SCN_OK, SCN_RETURNED);
		send_it();
		{
			const struct scn_call call = {.kind = SCN_CLOSE, .arg = {99}};
			struct scn_result result = {0};

			CU_ASSERT_EQUAL(pair->call(self, 1, &call, &result, &why), SCN_ERROR);
			EXPECT_TEXT(scn_buf_text(&why), "the other domain is lost: Bad message");
			scn_result_free(&result);
		}
		shutdown(other.fd, SHUT_RDWR);
		pair->end(self);
		pair->close(self);
		close_ends();
	}
}

static void no_second_domain(void)
{
	static const char *const channels[] = {NULL, "", "1000000", "-5"};

	for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++) {
		scn_cleanup_buf struct scn_buf why = {0};
		void *self = NULL;

		if (channels[i])
			setenv("GNTSIM_LAB_CHANNEL", channels[i], 1);
		else
			unsetenv("GNTSIM_LAB_CHANNEL");
		CU_ASSERT_EQUAL(pair->open(&options, &self, &why), SCN_ERROR);
		EXPECT_TEXT(scn_buf_text(&why),
			    "there is no second domain (ci/xen-lab has legs with two)");
		CU_ASSERT_PTR_NULL(self);
		scn_buf_clear(&why);
		CU_ASSERT_EQUAL(scn_pair_serve(&options, &why), -ENOTCONN);
	}
}

/* Scripts for other guests, or another kernel, are not for these. */
static void other_domains(void)
{
	static const char *const kernels[] = {NULL, "x", "5.10", "99.1"};
	struct scn_setup pvh = setup;

	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
		scn_cleanup_buf struct scn_buf why = {0};
		void *self = NULL;

		connect_ends();
		unsetenv("GNTSIM_LAB_KERNEL");
		if (kernels[i])
			setenv("GNTSIM_LAB_KERNEL", kernels[i], 1);
		CU_ASSERT_EQUAL_FATAL(pair->open(&options, &self, &why), SCN_OK);
		CU_ASSERT_EQUAL(pair->begin(self, &setup, &why), SCN_SKIP);
		CU_ASSERT_PTR_NOT_NULL(strstr(scn_buf_text(&why), "the guests' kernel is "));
		close(other.fd);
		pair->close(self);
		close(ours);
	}
	for (uint32_t i = 0; i < 2; i++) {
		scn_cleanup_buf struct scn_buf why = {0};
		void *self;

		pvh.domains[i].has_guest = true;
		pvh.domains[i].guest = SCN_PVH;
		setenv("GNTSIM_LAB", "pv+pv", 1);
		self = open_pair();
		CU_ASSERT_EQUAL(pair->begin(self, &pvh, &why), SCN_SKIP);
		EXPECT_TEXT(scn_buf_text(&why), i ? "domU is a PV guest" : "dom0 is a PV guest");
		pvh.domains[i].has_guest = false;
		/* What the script limits can't be limited here. */
		pvh.domains[i].limits[GNTSIM_LIMIT_GNTALLOC] = 5;
		scn_buf_clear(&why);
		PUT(SCN_ERROR, 0);
		send_it();
		PUT(SCN_OK); /* to the scenario's end */
		send_it();
		CU_ASSERT_EQUAL(pair->begin(self, &pvh, &why), SCN_ERROR);
		pvh.domains[i].limits[GNTSIM_LIMIT_GNTALLOC] = 0;
		close(other.fd);
		pair->close(self);
		close(ours);
	}
}

int main(void)
{
	static const struct lang_test tests[] = {
	    {"requests that are none", requests_that_are_none},
	    {"requests that fail", requests_that_fail},
	    {"answers that are none", answers_that_are_none},
	    {"no second domain", no_second_domain},
	    {"other domains", other_domains},
	};
	int status = lang_run("pair peer", tests, sizeof(tests) / sizeof(tests[0]));

	scn_buf_free(&message);
	return status;
}
