/* SPDX-License-Identifier: MIT */
/* Streams through memory that two processes share, as two domains of the lab do. */
#include "substrates/pair_window.h"
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "substrates/pair_wire.h"

/* ---- privcmd (the linker leads here: --wrap) ---- */

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, void *arg);

static struct {
	int fd;                /* what is opened in its place; -1: nothing */
	int map_error, result; /* of a page; of the whole call */
	bool yields;
	unsigned int yielded;
	uint64_t frames;
	uint16_t domain;
} privcmd = {.fd = -1};

struct map_foreign_frames {
	unsigned int count;
	uint16_t domain;
	uint64_t address;
	const uint64_t *frames;
	int *errors;
};

int __wrap_open64(const char *path, int flags, ...)
{
	if (strcmp(path, "/dev/xen/privcmd") != 0 || privcmd.fd < 0)
		return __real_open64(path, flags);
	return fcntl(privcmd.fd, F_DUPFD_CLOEXEC, 0);
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	const struct map_foreign_frames *map = arg;

	if (privcmd.fd < 0)
		return __real_ioctl(fd, request, arg);
	if ((request & 0xff) == 0) {
		privcmd.yielded++;
		errno = ENOSYS;
		return privcmd.yields ? 0 : -1;
	}
	privcmd.domain = map->domain;
	privcmd.frames = 0;
	for (unsigned int i = 0; i < map->count; i++) {
		privcmd.frames += map->frames[i];
		map->errors[i] = 0;
	}
	map->errors[0] = privcmd.map_error;
	errno = EPERM;
	return privcmd.result;
}

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

static void write_frames(const char *path, unsigned int n)
{
	FILE *f = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	for (unsigned int i = 0; i < n; i++)
		fprintf(f, "%u %u\n", i, 1000 + i);
	fclose(f);
}

/* What opening the lab's window comes to; it is closed. */
static int open_window(const char *role, const char *path, struct scn_window *w)
{
	scn_cleanup_buf struct scn_buf why = {0};
	int err;

	setenv("GNTSIM_LAB_ROLE", role, 1);
	setenv("GNTSIM_LAB_WINDOW", path, 1);
	err = scn_window_open(w, -1, &why);
	CU_ASSERT_EQUAL(err == 0, why.len == 0);
	CU_ASSERT_EQUAL(err == 0, w->memory != NULL);
	if (err)
		CU_ASSERT_EQUAL(w->privcmd, -1);
	scn_window_close(w);
	CU_ASSERT_PTR_NULL(w->memory);
	return err;
}

static void the_labs_window_is_opened_in_each_domain(void)
{
	char path[] = "/tmp/pair_window-test-XXXXXX", text[64];
	unsigned int frames = 0;
	int file = mkstemp(path);
	struct scn_window w;

	privcmd.fd = memfd_create("privcmd", MFD_CLOEXEC);
	CU_ASSERT_FATAL(file >= 0 && privcmd.fd >= 0);
	CU_ASSERT_EQUAL_FATAL(ftruncate(file, 1 << 20) | ftruncate(privcmd.fd, 1 << 20), 0);
	/* domU's is a file that is mapped; it is the one that writes there. */
	unsetenv("GNTSIM_LAB_PROCESSORS");
	CU_ASSERT_EQUAL(open_window("domU", path, &w), 0);
	CU_ASSERT(w.out && !w.looks);
	setenv("GNTSIM_LAB_PROCESSORS", "2", 1);
	CU_ASSERT_EQUAL(open_window("domU", path, &w), 0);
	CU_ASSERT(w.looks > 0);
	setenv("GNTSIM_LAB_PROCESSORS", "1", 1);
	CU_ASSERT_EQUAL(open_window("domU", "/nowhere", &w), -ENOENT);
	CU_ASSERT_EQUAL(open_window("domU", "/dev/null", &w), -ENODEV);
	/* dom0's are domU's frames, by their numbers: all of them, in their order. */
	unsetenv("GNTSIM_LAB_PEER");
	do
		write_frames(path, ++frames);
	while (frames < 20 && open_window("dom0", path, &w) == -EINVAL);
	CU_ASSERT(frames > 1 && frames < 20);
	CU_ASSERT_EQUAL(privcmd.domain, 1);
	CU_ASSERT_EQUAL(privcmd.frames, (uint64_t)frames * 1000 + frames * (frames - 1) / 2);
	write_frames(path, 20);
	setenv("GNTSIM_LAB_PEER", "7", 1);
	CU_ASSERT_EQUAL(open_window("dom0", path, &w), 0);
	CU_ASSERT_EQUAL(privcmd.domain, 7);
	CU_ASSERT(!w.out);
	snprintf(text, sizeof(text), "1 1000\n0 1001\n");
	file = open(path, O_WRONLY | O_TRUNC);
	CU_ASSERT_EQUAL(write(file, text, strlen(text)), (ssize_t)strlen(text));
	CU_ASSERT_EQUAL(open_window("dom0", path, &w), -EINVAL);
	CU_ASSERT_EQUAL(open_window("dom0", "/nowhere", &w), -EINVAL);
	write_frames(path, 20);
	privcmd.result = -1;
	CU_ASSERT_EQUAL(open_window("dom0", path, &w), -EPERM);
	privcmd.result = 0;
	privcmd.map_error = -ENOENT;
	CU_ASSERT_EQUAL(open_window("dom0", path, &w), -ENOENT);
	privcmd.map_error = 0;
	close(privcmd.fd);
	privcmd.fd = memfd_create("empty", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	CU_ASSERT_EQUAL(fcntl(privcmd.fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	CU_ASSERT_EQUAL(open_window("dom0", path, &w), -EPERM);
	close(privcmd.fd);
	privcmd.fd = -1;
	close(file);
	unlink(path);
}

/* Who waits lets the other domain run, and now and then looks whether it still lives. */
static void who_waits_gives_way(void)
{
	struct pair p;
	uint8_t byte;

	open_pair(&p);
	privcmd.fd = p.ends[0];
	privcmd.yields = true;
	privcmd.yielded = 0;
	shutdown(p.ends[1], SHUT_RDWR);
	CU_ASSERT_EQUAL(scn_window_read(&p.window[0], &byte, 1), -EPIPE);
	CU_ASSERT(privcmd.yielded > 100);
	/* A hypervisor that knows nothing of it is not asked so often. */
	privcmd.yields = false;
	privcmd.yielded = 0;
	CU_ASSERT_EQUAL(scn_window_read(&p.window[0], &byte, 1), -EPIPE);
	CU_ASSERT(privcmd.yielded < 100);
	privcmd.fd = -1;
	close_pair(&p);
}

/* A length that nobody sends, and messages for which there is no memory. */
static void what_is_no_message(void)
{
	struct scn_channel near, far;
	scn_cleanup_buf struct scn_buf message = {0};
	struct pair p;

	open_pair(&p);
	near = (struct scn_channel){.fd = p.ends[0], .window = p.window[0]};
	far = (struct scn_channel){.fd = p.ends[1], .window = p.window[1]};
	CU_ASSERT_EQUAL(scn_window_write(&p.window[0], &(uint32_t){1u << 30}, 4), 0);
	CU_ASSERT_EQUAL(scn_channel_receive(&far, &message), -EBADMSG);
	message.failed = true;
	CU_ASSERT_EQUAL(scn_channel_send(&near, &message), -ENOMEM);
	CU_ASSERT_EQUAL(scn_window_write(&p.window[0], &(uint32_t){1}, 4), 0);
	CU_ASSERT_EQUAL(scn_channel_receive(&far, &message), -ENOMEM);
	message.failed = false;
	shutdown(p.ends[0], SHUT_RDWR);
	CU_ASSERT_EQUAL(scn_channel_receive(&far, &message), -EPIPE);
	memset(p.memory, 0x55, 64);
	CU_ASSERT_EQUAL(scn_channel_send(&near, &message), -EBADMSG);
	close_pair(&p);
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
	    {"the lab's window is opened in each domain", the_labs_window_is_opened_in_each_domain},
	    {"who waits gives way", who_waits_gives_way},
	    {"what is no message", what_is_no_message},
	};

	return lang_run("pair window", tests, sizeof(tests) / sizeof(tests[0]));
}
