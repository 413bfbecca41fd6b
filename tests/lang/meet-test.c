/* SPDX-License-Identifier: MIT */
/* Two players meet over a channel: what each says, whom it takes for another player, and who does not come. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <gntsim/machine.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "player/clock.h"
#include "substrates/play/meet.h"
#include "substrates/real/platform.h"

/* ---- a Xen domain, and time (the linker leads here: --wrap) ---- */

bool __real_scn_devices_here(const char *dir, struct scn_buf *why);
bool __wrap_scn_devices_here(const char *dir, struct scn_buf *why);
double __wrap_scn_now(void);
int __real_poll(struct pollfd *p, nfds_t n, int ms);
int __wrap_poll(struct pollfd *p, nfds_t n, int ms);
ssize_t __real_read(int fd, void *data, size_t size);
ssize_t __wrap_read(int fd, void *data, size_t size);
ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);

static bool has_devices, is_interrupted;

bool __wrap_scn_devices_here(const char *dir, struct scn_buf *why)
{
	return has_devices || __real_scn_devices_here(dir, why);
}

static double now = 1000;

double __wrap_scn_now(void)
{
	return now;
}

/* What does not come at once does not come: the time passes. */
int __wrap_poll(struct pollfd *p, nfds_t n, int ms)
{
	int ready = __real_poll(p, n, 0);

	now += ready == 0 ? ms / 1000.0 : 0;
	return ready;
}

static bool interrupts(void)
{
	static bool last;

	last = is_interrupted && !last;
	errno = EINTR;
	return last;
}

ssize_t __wrap_read(int fd, void *data, size_t size)
{
	return interrupts() ? -1 : __real_read(fd, data, size);
}

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
	return interrupts() ? -1 : __real_write(fd, data, is_interrupted ? 1 : size);
}

/* ---- the two ---- */

static int other = -1;
static struct scn_buf about, why;

/* Meets who has said `said` already; ends if that is what it did. */
static int meet(bool second, const char *said, bool ended, const struct scn_options *options)
{
	struct scn_meeting meeting = {.second = second, .seconds = 2};
	struct scn_reached reached;
	char name[16];
	int ends[2], err;

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	other = ends[0];
	CU_ASSERT_EQUAL(send(other, said, strlen(said), 0), (ssize_t)strlen(said));
	if (ended)
		shutdown(other, SHUT_WR);
	snprintf(name, sizeof(name), "fd:%d", ends[1]);
	meeting.channel = name;
	scn_buf_clear(&about);
	scn_buf_clear(&why);
	err = scn_meet(&meeting, options, &reached, &about, &why);
	CU_ASSERT_EQUAL(err == 0, why.len == 0);
	CU_ASSERT_EQUAL(err == 0, reached.fd == ends[1]);
	scn_channel_leave(&reached);
	return err;
}

static const struct scn_options dom3 = {.domid = 3, .has_guest = true, .guest = SCN_PV};
static const struct scn_options dom5 = {.domid = 5, .has_guest = true, .guest = SCN_PVH};

/* The other one has said these lines, by words and its version. */
static const char *lines(const char *version, const char *first, const char *second)
{
	static char text[1000];
	int n = 0;

	for (int i = 0; i < 2; i++) {
		const char *word = i ? second : first;

		if (word)
			n += snprintf(text + n, sizeof(text) - (size_t)n,
				      "\ngntsim-%s %s 7 pvh 6.12\r\n", word, version);
	}
	return text;
}

static bool was_told(const char *word)
{
	char text[1000];
	ssize_t n = recv(other, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	close(other);
	return strstr(text, word);
}

static void both_are_there(void)
{
	has_devices = true;
	for (int round = 0; round < 2; round++) {
		is_interrupted = round;
		CU_ASSERT_EQUAL(meet(false, lines(gntsim_version(), "here", "ready"), false, &dom3),
				0);
		CU_ASSERT(was_told("gntsim-start"));
		CU_ASSERT_PTR_NOT_NULL(strstr(scn_buf_text(&about), "domain 3, pv, Linux "));
		CU_ASSERT_PTR_NOT_NULL(
		    strstr(scn_buf_text(&about), "; the other: domain 7, pvh, Linux 6.12"));
		EXPECT_TEXT(getenv("GNTSIM_LAB"), "pv+pvh");
		EXPECT_TEXT(getenv("GNTSIM_LAB_ROLE"), "dom0");
		EXPECT_TEXT(getenv("GNTSIM_LAB_DOMID"), "3");
		EXPECT_TEXT(getenv("GNTSIM_LAB_PEER"), "7");
		CU_ASSERT_EQUAL(meet(true, lines(gntsim_version(), "hello", "start"), false, &dom5),
				0);
		CU_ASSERT(was_told("gntsim-ready"));
		EXPECT_TEXT(getenv("GNTSIM_LAB"), "pvh+pvh");
		EXPECT_TEXT(getenv("GNTSIM_LAB_ROLE"), "domU");
	}
	is_interrupted = false;
}

/* What else is said on a console is passed over. */
static void others_talk_too(void)
{
	char text[2000] = "[ 1.0] a kernel's words\ngntsim-here\r\r\ngntsim-here 1 2\n";

	memset(text + strlen(text), 'x', 200);
	strcat(text, lines(gntsim_version(), "here", "ready"));
	CU_ASSERT_EQUAL(meet(false, text, false, &dom3), 0);
	CU_ASSERT(was_told("gntsim-hello"));
	/* Only "start" has to be the same one's. */
	CU_ASSERT_EQUAL(meet(false, lines(gntsim_version(), "here", "here"), false, &dom3),
			-ETIMEDOUT);
	CU_ASSERT(was_told("gntsim-start"));
}

static void nobody_answers(void)
{
	CU_ASSERT_EQUAL(meet(false, "", false, &dom3), -ETIMEDOUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(scn_buf_text(&why), ": nobody answered within 2 seconds"));
	CU_ASSERT(was_told("gntsim-hello"));
	CU_ASSERT_EQUAL(meet(true, "", false, &dom3), -ETIMEDOUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(scn_buf_text(&why), ": nobody answered within 2 seconds"));
	CU_ASSERT(!was_told("gntsim"));
}

static void the_other_one_ends(void)
{
	static const char *const said[][3] = {
	    {"", NULL, NULL}, {"half a line", NULL, NULL}, {NULL, "here", NULL}};

	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		const char *text =
		    said[i][0] ? said[i][0] : lines(gntsim_version(), said[i][1], NULL);

		CU_ASSERT_EQUAL(meet(false, text, true, &dom3), -EPIPE);
		CU_ASSERT_PTR_NOT_NULL(strstr(scn_buf_text(&why), ": the other side is gone"));
		close(other);
	}
	CU_ASSERT_EQUAL(meet(true, lines(gntsim_version(), "hello", NULL), true, &dom3), -EPIPE);
	CU_ASSERT(was_told("gntsim-here"));
}

/* Nobody hears any more what is said. */
static void the_other_one_hears_nothing(void)
{
	struct scn_meeting meeting = {.seconds = 2};
	struct scn_reached reached;
	char name[16];
	int ends[2];

	for (int second = 0; second < 2; second++) {
		const char *hello = lines(gntsim_version(), "hello", NULL);

		CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
		send(ends[0], hello, strlen(hello), 0);
		close(ends[0]);
		snprintf(name, sizeof(name), "fd:%d", ends[1]);
		meeting.channel = name;
		meeting.second = second;
		scn_buf_clear(&why);
		CU_ASSERT_EQUAL(scn_meet(&meeting, &dom3, &reached, &about, &why), -EPIPE);
		CU_ASSERT_PTR_NOT_NULL(strstr(scn_buf_text(&why), ": Broken pipe"));
		CU_ASSERT_EQUAL(reached.fd, -1);
	}
}

static void another_version(void)
{
	CU_ASSERT_EQUAL(meet(false, lines("0.0.1", "here", NULL), false, &dom3), -EPROTO);
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(scn_buf_text(&why), "the player there is gntsim 0.0.1, this one is "));
	close(other);
	/* The first one is told, too: it asks. */
	CU_ASSERT_EQUAL(meet(true, lines("0.0.1", "hello", NULL), false, &dom3), -EPROTO);
	CU_ASSERT(was_told("gntsim-here"));
}

static void what_this_domain_is(void)
{
	const struct scn_options nothing = {.domid = -1}, no_guest = {.domid = 3};
	const struct scn_meeting meeting = {.channel = "name", .seconds = 2};
	struct scn_reached reached;

	/* (Where this is a Xen domain it can be found out.) */
	if (access("/proc/xen", F_OK) != 0) {
		CU_ASSERT_EQUAL(meet(false, "", true, &nothing), -ENODEV);
		EXPECT_TEXT(scn_buf_text(&why),
			    "can't find out this domain's id; say it with --domid");
		close(other);
		CU_ASSERT_EQUAL(meet(false, "", true, &no_guest), -ENODEV);
		EXPECT_TEXT(scn_buf_text(&why),
			    "can't find out whether this domain is pv or pvh; say it with --host");
		close(other);
	}
	scn_buf_clear(&why);
	CU_ASSERT_EQUAL(scn_meet(&meeting, &dom3, &reached, &about, &why), -EINVAL);
	has_devices = false;
	if (access("/dev/xen/gntdev", F_OK) != 0) {
		scn_buf_clear(&why);
		CU_ASSERT_EQUAL(scn_meet(&meeting, &dom3, &reached, &about, &why), -ENODEV);
		CU_ASSERT_PTR_NOT_NULL(strstr(scn_buf_text(&why), "is this machine a Xen domain?"));
	}
	has_devices = true;
}

int main(void)
{
	static const struct lang_test tests[] = {
	    {"both are there", both_are_there},
	    {"others talk, too", others_talk_too},
	    {"nobody answers", nobody_answers},
	    {"the other one ends", the_other_one_ends},
	    {"the other one hears nothing", the_other_one_hears_nothing},
	    {"another version", another_version},
	    {"what this domain is", what_this_domain_is},
	};
	int status = lang_run("meet", tests, sizeof(tests) / sizeof(tests[0]));

	scn_buf_free(&about);
	scn_buf_free(&why);
	return status;
}
