/* SPDX-License-Identifier: MIT */
/* Channels by their names: what is none, whom one reaches, who does not come. */
#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "substrates/play/channel.h"

static char dir[] = "/tmp/channel-test-XXXXXX";

/* The channel can't be had: this error, with these words. */
static void cannot(const char *name, int err, const char *words)
{
	scn_cleanup_buf struct scn_buf why = {0};
	struct scn_reached reached;

	CU_ASSERT_EQUAL(scn_channel_reach(name, 0, &reached, &why), err);
	CU_ASSERT(reached.fd < 0);
	if (!strstr(scn_buf_text(&why), words))
		printf("\n%s: expected '%s', got '%s'\n", name, words, scn_buf_text(&why));
	CU_ASSERT_PTR_NOT_NULL(strstr(scn_buf_text(&why), words));
	scn_channel_leave(&reached);
}

static void can(const char *name)
{
	scn_cleanup_buf struct scn_buf why = {0};
	struct scn_reached reached;

	CU_ASSERT_EQUAL(scn_channel_reach(name, 0, &reached, &why), 0);
	CU_ASSERT_EQUAL(fcntl(reached.fd, F_GETFD), FD_CLOEXEC);
	CU_ASSERT_FALSE(reached.terminal);
	expect_text(scn_buf_text(&why), "", __LINE__);
	scn_channel_leave(&reached);
	CU_ASSERT_EQUAL(reached.fd, -1);
}

static void no_names(void)
{
	static const char *const names[] = {
	    "",
	    "name",
	    "4000",
	    "listen:",
	    "listen:0",
	    "listen:65536",
	    "listen:12x",
	    "listen:-1",
	    "host:4000",
	    "127.0.0.1:0",
	    "[::1]:",
	    "[::g]:4000",
	    "[::1:4000",
	    "256.1.1.1:4000",
	    "fd:",
	    "fd:x",
	    "fd:3x",
	    "fd:-1",
	    "fd:1048577",
	    "[]:4000",
	    "1111111111111111111111111111111111111111111111111111111111.1.1.1:4000",
	    "[1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111]:4000",
	};
	char path[300];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cannot(names[i], -EINVAL, "expected " SCN_CHANNEL_NAMES ", found '");
	memset(path, 'p', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	cannot(path, -EINVAL, "found '/ppp");
}

static void nobody_comes(void)
{
	scn_cleanup_buf struct scn_buf name = {0};

	scn_buf_printf(&name, "listen:%s/waits", dir);
	cannot(scn_buf_text(&name), -ETIMEDOUT, "/waits: nobody came within 0 seconds");
	/* What it made is gone. */
	CU_ASSERT_EQUAL(access(scn_buf_text(&name) + strlen("listen:"), F_OK), -1);
	cannot(scn_buf_text(&name) + strlen("listen:"), -ETIMEDOUT, "nobody came");
	cannot("127.0.0.1:1", -ETIMEDOUT, "127.0.0.1:1: nobody came within 0 seconds");
}

static void what_cannot_be_had(void)
{
	struct sockaddr_un datagrams = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	cannot("listen:/none/such/file", -ENOENT,
	       "listen:/none/such/file: No such file or directory");
	cannot("listen:192.0.2.1:4000", -EADDRNOTAVAIL, "Cannot assign requested address");
	cannot("/dev/none-such", -ENOENT, "/dev/none-such: No such file or directory");
	cannot("fd:1000000", -EBADF, "fd:1000000: Bad file descriptor");
	/* A socket that no stream comes from. */
	snprintf(datagrams.sun_path, sizeof(datagrams.sun_path), "%s/datagrams", dir);
	CU_ASSERT_EQUAL(bind(fd, (const struct sockaddr *)&datagrams, sizeof(datagrams)), 0);
	cannot(datagrams.sun_path, -EPROTOTYPE, "Protocol wrong type for socket");
	unlink(datagrams.sun_path);
	close(fd);
}

static void somebody_listens(void)
{
	struct sockaddr_in ip4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 ip6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int on4 = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    on6 = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(ip4);
	char name[64];

	CU_ASSERT(!bind(on4, (const struct sockaddr *)&ip4, sizeof(ip4)) && !listen(on4, 1));
	getsockname(on4, (struct sockaddr *)&ip4, &len);
	snprintf(name, sizeof(name), "127.0.0.1:%u", ntohs(ip4.sin_port));
	can(name);
	/* The same one is not free to be waited at. */
	snprintf(name, sizeof(name), "listen:127.0.0.1:%u", ntohs(ip4.sin_port));
	cannot(name, -EADDRINUSE, "Address already in use");
	close(on4);
	/* (There may be hosts without it.) */
	if (on6 >= 0 && !bind(on6, (const struct sockaddr *)&ip6, sizeof(ip6)) && !listen(on6, 1)) {
		len = sizeof(ip6);
		getsockname(on6, (struct sockaddr *)&ip6, &len);
		snprintf(name, sizeof(name), "[::1]:%u", ntohs(ip6.sin6_port));
		can(name);
	}
	close(on6);
}

static void a_descriptor_and_a_device(void)
{
	int fd = open("/dev/null", O_RDWR);
	char name[32];

	snprintf(name, sizeof(name), "fd:%d", fd);
	can(name);
	can("/dev/null");
}

static void a_terminal_is_raw_meanwhile(void)
{
	scn_cleanup_buf struct scn_buf why = {0};
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	struct scn_reached reached;
	struct termios now;

	CU_ASSERT_FATAL(master >= 0 && !grantpt(master) && !unlockpt(master));
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	CU_ASSERT_EQUAL(scn_channel_reach(ptsname(master), 0, &reached, &why), 0);
	CU_ASSERT_TRUE(reached.terminal);
	tcgetattr(slave, &now);
	CU_ASSERT_EQUAL(now.c_lflag & (ICANON | ECHO), 0);
	scn_channel_leave(&reached);
	tcgetattr(slave, &now);
	CU_ASSERT_EQUAL(now.c_lflag & (ICANON | ECHO), ICANON | ECHO);
	scn_channel_leave(&reached); /* once more does nothing */
	close(slave);
	close(master);
}

int main(void)
{
	static const struct lang_test tests[] = {
	    {"no names", no_names},
	    {"nobody comes", nobody_comes},
	    {"what can't be had", what_cannot_be_had},
	    {"somebody listens", somebody_listens},
	    {"a descriptor and a device", a_descriptor_and_a_device},
	    {"a terminal is raw meanwhile", a_terminal_is_raw_meanwhile},
	};
	int status;

	if (!mkdtemp(dir))
		return 2;
	status = lang_run("channel", tests, sizeof(tests) / sizeof(tests[0]));
	rmdir(dir);
	return status;
}
