/* SPDX-License-Identifier: MIT */
/* Streams through memory that two processes share, as two domains of the lab do. */
#include "substrates/pair_window.h"
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "substrates/pair_wire.h"

#define WINDOW_SIZE  65536u
#define MESSAGE_SIZE 100000u /* more than a stream has room for */

struct pair {
	void *memory;
	int ends[2]; /* hang up with a domain */
	struct scn_window window[2];
};

static void open_pair(struct pair *p)
{
	p->memory =
	    mmap(NULL, WINDOW_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CU_ASSERT_PTR_NOT_EQUAL_FATAL(p->memory, MAP_FAILED);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, p->ends), 0);
	for (unsigned int i = 0; i < 2; i++)
		p->window[i] = (struct scn_window){.memory = p->memory,
						   .privcmd = -1,
						   .out = i,
						   .looks = i ? 100 : 0,
						   .life = p->ends[i]};
}

static void close_pair(struct pair *p)
{
	close(p->ends[0]);
	close(p->ends[1]);
	munmap(p->memory, WINDOW_SIZE);
}

static void fill(uint8_t *bytes, unsigned int seed)
{
	for (size_t i = 0; i < MESSAGE_SIZE; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251 + seed);
}

/* The far domain: sends back what comes, twice. */
static int echo(const struct scn_window *w)
{
	static uint8_t bytes[MESSAGE_SIZE];

	for (unsigned int i = 0; i < 2; i++) {
		if (scn_window_read(w, bytes, sizeof(bytes)) ||
		    scn_window_write(w, bytes, sizeof(bytes)))
			return 1;
	}
	return 0;
}

static void more_than_there_is_room_for_goes_and_comes(void)
{
	static uint8_t sent[MESSAGE_SIZE], got[MESSAGE_SIZE];
	struct pair p;
	int status = -1;
	pid_t pid;

	open_pair(&p);
	pid = fork();
	if (pid == 0)
		_exit(echo(&p.window[1]));
	for (unsigned int i = 0; i < 2; i++) {
		fill(sent, i);
		memset(got, 0, sizeof(got));
		CU_ASSERT_EQUAL(scn_window_write(&p.window[0], sent, sizeof(sent)), 0);
		CU_ASSERT_EQUAL(scn_window_read(&p.window[0], got, sizeof(got)), 0);
		CU_ASSERT_EQUAL(memcmp(sent, got, sizeof(sent)), 0);
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
	close_pair(&p);
}

static void messages_go_over_the_window_alone(void)
{
	struct scn_channel near, far;
	struct scn_buf message = {0}, got = {0};
	struct pair p;
	char byte;

	open_pair(&p);
	near = (struct scn_channel){.fd = p.ends[0], .window = p.window[0]};
	far = (struct scn_channel){.fd = p.ends[1], .window = p.window[1]};
	CU_ASSERT_EQUAL(scn_channel_send(&near, &message), 0);
	scn_buf_add(&message, "\x04one\x1e", 5);
	CU_ASSERT_EQUAL(scn_channel_send(&near, &message), 0);
	CU_ASSERT_EQUAL(scn_channel_receive(&far, &got), 0);
	CU_ASSERT_EQUAL(got.len, 0);
	CU_ASSERT_EQUAL(scn_channel_receive(&far, &got), 0);
	CU_ASSERT_EQUAL_FATAL(got.len, 5);
	EXPECT_TEXT(scn_buf_text(&got), "\x04one\x1e");
	CU_ASSERT_EQUAL(recv(far.fd, &byte, 1, MSG_DONTWAIT), -1);
	scn_buf_free(&message);
	scn_buf_free(&got);
	close_pair(&p);
}

static void the_end_of_a_domain_is_noticed(void)
{
	struct pair p;
	uint8_t byte;

	open_pair(&p);
	shutdown(p.ends[1], SHUT_RDWR);
	CU_ASSERT_EQUAL(scn_window_read(&p.window[0], &byte, 1), -EPIPE);
	/* What was said before it is still heard. */
	CU_ASSERT_EQUAL(scn_window_write(&p.window[1], "x", 1), 0);
	CU_ASSERT_EQUAL(scn_window_read(&p.window[0], &byte, 1), 0);
	CU_ASSERT_EQUAL(byte, 'x');
	close_pair(&p);
}

static void other_memory_is_no_window(void)
{
	struct pair p;
	uint8_t byte;

	open_pair(&p);
	memset(p.memory, 0x55, 64);
	CU_ASSERT_EQUAL(scn_window_write(&p.window[0], "x", 1), -EBADMSG);
	CU_ASSERT_EQUAL(scn_window_read(&p.window[1], &byte, 1), -EBADMSG);
	close_pair(&p);
}

static void a_window_that_cannot_be_opened_is_named(void)
{
	struct scn_window w;
	struct scn_buf why = {0};

	unsetenv("GNTSIM_LAB_WINDOW");
	CU_ASSERT_EQUAL(scn_window_open(&w, -1, &why), 0);
	CU_ASSERT_PTR_NULL(w.memory);
	CU_ASSERT_EQUAL(why.len, 0);
	setenv("GNTSIM_LAB_WINDOW", "/nowhere/window", 1);
	CU_ASSERT_TRUE(scn_window_open(&w, -1, &why) < 0);
	CU_ASSERT_PTR_NULL(w.memory);
	CU_ASSERT_PTR_NOT_NULL(strstr(scn_buf_text(&why), "/nowhere/window"));
	scn_buf_free(&why);
}

int main(void)
{
	static const struct lang_test tests[] = {
	    {"more than there is room for goes and comes",
	     more_than_there_is_room_for_goes_and_comes},
	    {"messages go over the window alone", messages_go_over_the_window_alone},
	    {"the end of a domain is noticed", the_end_of_a_domain_is_noticed},
	    {"other memory is no window", other_memory_is_no_window},
	    {"a window that cannot be opened is named", a_window_that_cannot_be_opened_is_named},
	};

	return lang_run("pair window", tests, sizeof(tests) / sizeof(tests[0]));
}
