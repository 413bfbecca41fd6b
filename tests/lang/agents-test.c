/* SPDX-License-Identifier: MIT */
/* The processes of a scenario make the calls that they are told, as themselves: on files that any host has. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "substrates/agent/agent.h"
#include "substrates/agent/agents.h"

#define PAGE 4096u
#define BAD  UINT64_C(0x1000)

/* ---- an agent's memory (the linker leads here: --wrap) ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);

static int fail_at; /* which one of an agent fails; 0: none */
static pid_t us;

static bool fails(void)
{
	return fail_at > 0 && getpid() != us && --fail_at == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

/* ---- one process, or a few ---- */

static struct scn_agents agents;
static struct scn_result result;
static struct scn_buf why;

static void begin(void)
{
	const struct scn_options options = {.patience_ms = 50};

	us = getpid();
	scn_agents_init(&agents, &options);
	CU_ASSERT_EQUAL_FATAL(scn_agents_spawn(&agents, 0, NULL, &why), SCN_OK);
}

/* Whose player has gone, ends by itself. */
static void end(uint32_t process)
{
	struct scn_agent *agent = &agents.agents[process];
	int status = -1;

	close(agent->sock);
	agent->sock = -1;
	CU_ASSERT_EQUAL(waitpid(agent->pid, &status, 0), agent->pid);
	CU_ASSERT_EQUAL(status, 0);
	close(agent->pidfd);
	agent->pid = 0;
	scn_result_free(&result);
	scn_buf_free(&why);
}

static enum scn_status ask(uint32_t process, const struct scn_call *call)
{
	scn_result_free(&result);
	scn_buf_clear(&why);
	return scn_agents_call(&agents, process, call, &result, &why);
}

static int64_t call_of(uint32_t process, struct scn_call call)
{
	CU_ASSERT_EQUAL(ask(process, &call), SCN_OK);
	return result.kind == SCN_RETURNED ? result.value : INT64_MIN;
}

#define CALL(kind_, ...)      call_of(0, (struct scn_call){.kind = (kind_), .arg = {__VA_ARGS__}})
#define CHECK(expected, call) CU_ASSERT_EQUAL(call, expected)

static int64_t new_pages(void)
{
	return CALL(SCN_MMAP, 0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		    (uint64_t)-1, 0);
}

static void store(uint64_t address, const char *text)
{
	struct scn_call call = {.kind = SCN_STORE,
				.arg = {address},
				.image = (const uint8_t *)text,
				.image_len = (uint32_t)strlen(text)};

	CHECK(0, call_of(0, call));
}

static void memory(void)
{
	uint64_t at;

	begin();
	at = (uint64_t)new_pages();
	store(at, "text");
	CHECK(4, CALL(SCN_LOAD, at, 4));
	CU_ASSERT_EQUAL(result.data_len, 4);
	CU_ASSERT(result.data && !memcmp(result.data, "text", 4));
	CHECK(0, CALL(SCN_MPROTECT, at, PAGE, PROT_NONE));
	CHECK(INT64_MIN, CALL(SCN_LOAD, at, 1));
	CU_ASSERT_EQUAL(result.kind, SCN_FAULTED);
	CU_ASSERT_EQUAL(result.signal, SIGSEGV);
	CHECK(-ENOMEM, CALL(SCN_MPROTECT, BAD, PAGE, PROT_READ));
	CHECK(0, CALL(SCN_MADVISE, at + PAGE, PAGE, MADV_DONTNEED));
	CHECK(-EINVAL, CALL(SCN_MADVISE, at + 1, PAGE, MADV_DONTNEED));
	CHECK(0, CALL(SCN_FUTEX, at + PAGE, FUTEX_WAKE));
	CHECK(-EFAULT, CALL(SCN_FUTEX, BAD, FUTEX_WAKE));
	CHECK((int64_t)at + PAGE, CALL(SCN_MREMAP, at + PAGE, PAGE, PAGE, 0, 0));
	CHECK(-EINVAL, CALL(SCN_MREMAP, at + 1, PAGE, PAGE, 0, 0));
	CHECK(0, CALL(SCN_MUNMAP, at, 2 * PAGE));
	CHECK(-EINVAL, CALL(SCN_MUNMAP, at + 1, PAGE));
	CHECK(-EBADF, CALL(SCN_MMAP, 0, PAGE, PROT_READ, MAP_SHARED, 99, 0));
	end(0);
}

static void files(void)
{
	static const uint8_t ports[] = {1, 0, 0, 0, 2, 0, 0, 0};
	struct scn_call write = {.kind = SCN_WRITE, .arg = {0, 8}, .image = ports, .image_len = 8};
	struct scn_call open_null = {.kind = SCN_OPEN, .path = "/dev/null", .arg = {O_RDWR}};
	struct scn_call poll = {.kind = SCN_POLL, .expect_events = POLLIN | POLLOUT};
	int64_t fd, other;
	uint64_t at;

	begin();
	fd = call_of(0, open_null);
	CU_ASSERT(fd >= 0);
	CHECK(-ENOENT, call_of(0, (struct scn_call){.kind = SCN_OPEN, .path = "/dev/xen/none"}));
	other = CALL(SCN_DUP, (uint64_t)fd);
	CU_ASSERT(other > fd);
	CHECK(0, CALL(SCN_CLOSE, (uint64_t)other));
	CHECK(-EBADF, CALL(SCN_CLOSE, (uint64_t)other));
	CHECK(-EBADF, CALL(SCN_DUP, (uint64_t)other));
	write.arg[0] = (uint64_t)fd;
	CHECK(8, call_of(0, write));
	write.arg[0] = (uint64_t)other;
	CHECK(-EBADF, call_of(0, write));
	CHECK(0, CALL(SCN_READ, (uint64_t)fd, 4));
	poll.arg[0] = (uint64_t)fd;
	CHECK(POLLIN | POLLOUT, call_of(0, poll));
	poll.expect_events = POLLIN;
	CHECK(POLLIN | POLLOUT, call_of(0, poll));
	CHECK(0, CALL(SCN_FCNTL, (uint64_t)fd, F_SETFL, O_NONBLOCK));
	CHECK(-EBADF, CALL(SCN_FCNTL, 99, F_SETFL, 0));
	/* A page in a pipe: its byte can be read there, into memory that there is. */
	at = (uint64_t)new_pages();
	store(at, "p");
	other = CALL(SCN_PIN, at);
	CU_ASSERT(other > fd);
	CHECK(-EFAULT, call_of(0, (struct scn_call){.kind = SCN_READ,
						    .arg = {(uint64_t)other, 1, BAD},
						    .use_address = true}));
	CHECK(1, call_of(0, (struct scn_call){.kind = SCN_READ,
					      .arg = {(uint64_t)other, 1, at + 8},
					      .use_address = true}));
	CHECK(1, CALL(SCN_LOAD, at + 8, 1));
	CU_ASSERT(result.data && result.data[0] == 'p');
	CHECK(-EFAULT, CALL(SCN_PIN, BAD));
	end(0);
}

static void requests(void)
{
	static const uint8_t image[] = {1, 2, 3, 4};
	struct scn_call call = {.kind = SCN_IOCTL, .arg = {99, 1}, .image = image, .image_len = 4};

	begin();
	CHECK(-EBADF, CALL(SCN_IOCTL, 99, 1, BAD));
	CHECK(-EBADF, call_of(0, call));
	CU_ASSERT_EQUAL(result.data_len, 4);
	call.place = SCN_PLACE_READONLY;
	CHECK(-EBADF, call_of(0, call));
	call.place = SCN_PLACE_SHORT;
	call.reach = 2;
	CHECK(-EBADF, call_of(0, call));
	CU_ASSERT(result.data_len == 4 && result.data && !memcmp(result.data, "\1\2\0\0", 4));
	CHECK(-ENOSYS, CALL(SCN_N_CALLS, 0));
	CHECK(-EBADF, call_of(0, (struct scn_call){.kind = (enum scn_call_kind)SCN_WIRE_RECEIVE}));
	/* Nothing comes, nothing is expected. */
	CHECK(0, call_of(0, (struct scn_call){.kind = SCN_SIGIO, .expect_events = 0}));
	kill(agents.agents[0].pid, SIGIO);
	CHECK(1, call_of(0, (struct scn_call){.kind = SCN_SIGIO, .expect_events = 1}));
	CHECK(0, call_of(0, (struct scn_call){.kind = SCN_SIGIO, .expect_events = -1}));
	end(0);
}

static void children(void)
{
	struct scn_call open_null = {.kind = SCN_OPEN, .path = "/dev/null", .arg = {O_RDWR}};
	int64_t fd;
	uint64_t at;

	begin();
	at = (uint64_t)new_pages();
	store(at, "before");
	CHECK(0, call_of(0, (struct scn_call){.kind = SCN_FORK, .peer = 1}));
	store(at, "after ");
	CHECK(6, call_of(1, (struct scn_call){.kind = SCN_LOAD, .arg = {at, 6}}));
	CU_ASSERT(result.data && !memcmp(result.data, "before", 6));
	/* What the one opens the other gets by a descriptor only. */
	fd = call_of(0, open_null);
	CHECK(-EBADF, call_of(1, (struct scn_call){.kind = SCN_CLOSE, .arg = {(uint64_t)fd}}));
	CHECK(fd,
	      call_of(0, (struct scn_call){.kind = SCN_SEND_FD, .peer = 1, .arg = {(uint64_t)fd}}));
	CHECK(0, call_of(1, (struct scn_call){.kind = SCN_CLOSE, .arg = {(uint64_t)fd}}));
	CHECK(-EBADF, call_of(0, (struct scn_call){.kind = SCN_SEND_FD, .peer = 1, .arg = {99}}));
	CU_ASSERT_EQUAL(ask(1, &(struct scn_call){.kind = SCN_EXIT, .arg = {3}}), SCN_OK);
	CU_ASSERT_EQUAL(ask(1, &open_null), SCN_ERROR);
	expect_text(scn_buf_text(&why), "a process of the scenario: No such process", __LINE__);
	end(0);
}

/* It ends: what it would answer is not what came of the call. */
static void a_process_without_memory(void)
{
	static const uint8_t image[] = {1, 2, 3, 4};
	const struct scn_call calls[] = {
	    {.kind = SCN_LOAD, .arg = {(uint64_t)(uintptr_t)image, 4}},
	    {.kind = SCN_IOCTL, .arg = {99, 1}, .image = image, .image_len = 4},
	    {.kind = SCN_READ, .arg = {0, 1, (uint64_t)(uintptr_t)&agents}, .use_address = true},
	};
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC), in = dup(0);

	dup2(zero, 0);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		scn_cleanup_buf struct scn_buf expected = {0};

		/* The request's three parts, and then the answer's. */
		for (int at = 1; at <= 4; at++) {
			fail_at = at;
			begin();
			CU_ASSERT_EQUAL(ask(0, &calls[i]), SCN_ERROR);
			scn_buf_clear(&expected);
			scn_buf_printf(&expected, "a process of the scenario died in %s",
				       scn_call_name(calls[i].kind));
			expect_text(scn_buf_text(&why), scn_buf_text(&expected), __LINE__);
			end(0);
		}
		fail_at = 0;
		begin();
		CU_ASSERT_EQUAL(ask(0, &calls[i]), SCN_OK);
		end(0);
	}
	dup2(in, 0);
	close(in);
	close(zero);
}

int main(void)
{
	static const struct lang_test tests[] = {
	    {"memory", memory},
	    {"files", files},
	    {"requests", requests},
	    {"children", children},
	    {"a process without memory", a_process_without_memory},
	};

	return lang_run("agents", tests, sizeof(tests) / sizeof(tests[0]));
}
