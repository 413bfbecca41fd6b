/* SPDX-License-Identifier: MIT */
/* A program for stops-test.sh: "stores NAME" makes a known number of stores to pages that it has granted, prints
 * that number, and ends with 0 if all that was stored is there. "stores list" prints the names. */
#define _GNU_SOURCE
#include <emmintrin.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/gntalloc.h>

#define PAGE 4096

static unsigned char *shared; /* two pages */
static volatile unsigned char *at;

static void need(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "stores: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void share(void)
{
	struct {
		struct ioctl_gntalloc_alloc_gref head;
		uint32_t more;
	} alloc = {.head = {.domid = 1, .flags = GNTALLOC_FLAG_WRITABLE, .count = 2}};
	int fd = open("/dev/xen/gntalloc", O_RDWR);

	need(fd >= 0 && ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) == 0, "gntalloc");
	shared = mmap(NULL, (size_t)2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		      (off_t)alloc.head.index);
	need(shared != MAP_FAILED, "mmap");
	at = shared;
}

/* One instruction each. */
#define STORE(type, where, value)                                                                  \
	__asm__ volatile("mov %1, %0"                                                              \
			 : "=m"(*(volatile type *)(volatile void *)(where))                        \
			 : "r"((type)(value)))
static void store8(volatile void *where, uint8_t value)
{
	STORE(uint8_t, where, value);
}
static void store32(volatile void *where, uint32_t value)
{
	STORE(uint32_t, where, value);
}
static void store64(volatile void *where, uint64_t value)
{
	STORE(uint64_t, where, value);
}
static uint32_t add(volatile void *where, uint32_t n)
{
	__asm__ volatile("lock xadd %0, %1" : "+r"(n), "+m"(*(volatile uint32_t *)where));
	return n;
}
static uint32_t load32(const volatile void *where)
{
	return *(const volatile uint32_t *)where;
}

static int plain(void)
{
	store8(at, 1);
	STORE(uint16_t, at + 2, 0x0203);
	store32(at + 4, 0x04050607);
	store64(at + 8, 0x08090a0b0c0d0e0f);
	store8(at, 1); /* the same: a store as any other */
	need(at[0] == 1 && at[3] == 2 && at[7] == 4 && at[15] == 8, "what was stored");
	return 5;
}

static int wide(void)
{
	__m128i v = _mm_set1_epi8(7);

	__asm__ volatile("movups %1, %0" : "=m"(*(volatile __m128i *)(volatile void *)at) : "x"(v));
	__asm__ volatile("movntdq %1, %0"
			 : "=m"(*(volatile __m128i *)(volatile void *)(at + 16))
			 : "x"(v));
	__asm__ volatile("movnti %1, %0"
			 : "=m"(*(volatile uint64_t *)(volatile void *)(at + 32))
			 : "r"(7ull));
	__asm__ volatile("movq %1, %0"
			 : "=m"(*(volatile uint64_t *)(volatile void *)(at + 40))
			 : "x"(v));
	need(at[0] == 7 && at[31] == 7 && at[32] == 7 && at[47] == 7, "what was stored");
	return 4;
}

static int string(void)
{
	static const char from[] = "hello";
	volatile void *to = at;
	const void *what = from;
	uint64_t n = 5;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(what), "+c"(n) : : "memory");
	n = 3;
	__asm__ volatile("rep stosq" : "+D"(to), "+c"(n) : "a"(0x4141414141414141) : "memory");
	need(memcmp(shared, "helloAAAAAAAAAAAAAAAAAAAAAAAA", 29) == 0, "what was stored");
	return 5 + 3;
}

static int atomic(void)
{
	volatile uint32_t *word = (volatile uint32_t *)(volatile void *)at;
	uint32_t expected = 5, swapped = 9;
	unsigned char equal;

	add(at, 5);
	__asm__ volatile("lock cmpxchg %3, %1; sete %2"
			 : "+a"(expected), "+m"(*word), "=q"(equal)
			 : "r"(6));
	need(equal, "cmpxchg");
	/* One that fails stores what was there. */
	expected = 1;
	__asm__ volatile("lock cmpxchg %3, %1; sete %2"
			 : "+a"(expected), "+m"(*word), "=q"(equal)
			 : "r"(7));
	need(!equal && expected == 6, "cmpxchg");
	__asm__ volatile("xchg %0, %1" : "+r"(swapped), "+m"(*word));
	__asm__ volatile("lock orl $16, %0" : "+m"(*word));
	__asm__ volatile("lock incl %0" : "+m"(*word));
	__asm__ volatile("lock btsl $8, %0" : "+m"(*word));
	need(swapped == 6 && *word == (26 | 256), "what was stored");
	return 7;
}

static int border(void)
{
	volatile unsigned char *end = at + PAGE;

	store64(end - 3, 0x1122334455667788);
	__asm__ volatile("movups %1, %0"
			 : "=m"(*(volatile __m128i *)(volatile void *)(end - 8))
			 : "x"(_mm_set1_epi8(3)));
	add(end - 2, 1);
	need(end[-8] == 3 && end[7] == 3 && end[-2] == 4, "what was stored");
	return 3;
}

static void *one_byte_at_a_time(void *arg)
{
	for (const char *p = "late"; *p; p++)
		need(write(*(int *)arg, p, 1) == 1, "write");
	return NULL;
}

static int kernel(void)
{
	char text[] = "0123456789", private[4];
	struct iovec v[3] = {{shared + 100, 3}, {private, 4}, {shared + PAGE - 1, 3}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = 3};
	int pipes[2], sockets[2];
	struct iovec self = {text, 10}, there = {shared + 300, 10};
	pthread_t thread;

	need(pipe(pipes) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0, "pipe");
	need(write(pipes[1], text, 10) == 10 && read(pipes[0], shared, 100) == 10, "read");
	need(memcmp(shared, text, 11) == 0, "what read stored");
	need(write(pipes[1], text, 10) == 10 && read(pipes[0], shared + PAGE - 4, 10) == 10,
	     "read across a border");
	need(memcmp(shared + PAGE - 4, text, 10) == 0, "what read stored across a border");
	need(write(pipes[1], text, 10) == 10 && readv(pipes[0], v, 3) == 10, "readv");
	need(memcmp(shared + 100, "012", 3) == 0 && memcmp(private, "3456", 4) == 0 &&
		 memcmp(shared + PAGE - 1, "789", 3) == 0,
	     "what readv stored");
	memset(private, 0, 4);
	need(write(sockets[1], text, 10) == 10 && recvmsg(sockets[0], &m, 0) == 10, "recvmsg");
	need(memcmp(private, "3456", 4) == 0 && shared[100] == '0', "what recvmsg stored");
	need(write(sockets[1], text, 10) == 10 && recv(sockets[0], shared + 200, 9, 0) == 9,
	     "recv");
	need(shared[208] == '8', "what recv stored");
	need(process_vm_writev(getpid(), &self, 1, &there, 1, 0) == 10, "process_vm_writev");
	/* It waits; each of its bytes comes from a thread that runs meanwhile. */
	need(pthread_create(&thread, NULL, one_byte_at_a_time, &sockets[1]) == 0, "a thread");
	need(recv(sockets[0], private, 1, 0) == 1, "recv");
	need(recv(sockets[0], shared + 400, 4, MSG_WAITALL) == 4, "recv that waits");
	need(memcmp(shared + 400, "late", 4) == 0, "what recv stored that waited");
	pthread_join(thread, NULL);
	/* Nothing comes: nothing is stored. */
	need(recv(sockets[0], shared, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN, "recv of nothing");
	return 7;
}

static void *adds(void *arg)
{
	for (int i = 0; i < 250; i++)
		add(shared, 1);
	return arg;
}

static int threads(void)
{
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		need(pthread_create(&thread[i], NULL, adds, NULL) == 0, "a thread");
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	need(load32(shared) == 1000, "what was added");
	return 1000;
}

/* Who is in a call that others' stops would end must not feel them. */
static void *waits(void *arg)
{
	int *in = arg, set = epoll_create1(0);
	struct epoll_event e = {.events = EPOLLIN};
	char byte;

	need(epoll_ctl(set, EPOLL_CTL_ADD, in[0], &e) == 0, "epoll_ctl");
	need(write(in[3], "", 1) == 1, "write");
	need(epoll_wait(set, &e, 1, 60000) == 1, "epoll_wait beside stores");
	need(read(in[0], &byte, 1) == 1, "read");
	return NULL;
}

static int waiting(void)
{
	int pipes[4];
	pthread_t thread;
	char byte;

	need(pipe(pipes) == 0 && pipe(pipes + 2) == 0, "pipe");
	need(pthread_create(&thread, NULL, waits, pipes) == 0, "a thread");
	need(read(pipes[2], &byte, 1) == 1, "read");
	for (int i = 0; i < 50; i++)
		store32(shared, (uint32_t)i);
	need(write(pipes[1], "", 1) == 1, "write");
	pthread_join(thread, NULL);
	return 50;
}

static int children(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		for (int i = 0; i < 10; i++)
			add(shared, 1);
		_exit(0);
	}
	need(waitpid(pid, &status, 0) == pid && status == 0, "a child");
	for (int i = 0; i < 5; i++)
		add(shared, 1);
	pid = vfork();
	if (pid == 0) {
		for (int i = 0; i < 3; i++)
			add(shared, 1);
		_exit(0);
	}
	need(waitpid(pid, &status, 0) == pid && status == 0, "a child of vfork");
	need(load32(shared) == 18, "what was added");
	return 18;
}

/* For one that is ended: prints what the child had added, and the signal that ended it. */
static int children_left(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		for (int i = 0; i < 10; i++)
			add(shared, 1);
		_exit(0);
	}
	need(waitpid(pid, &status, 0) == pid, "a child");
	printf("%u %d\n", load32(shared), WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	exit(0);
}

static void stores_five(int signal)
{
	(void)signal;
	for (int i = 0; i < 5; i++)
		add(shared, 1);
}

static int handlers(void)
{
	struct sigaction a = {.sa_handler = stores_five};
	sigset_t all, before;

	sigfillset(&a.sa_mask);
	sigaction(SIGUSR1, &a, NULL);
	raise(SIGUSR1);
	/* SIGSEGV blocked, as when all signals are. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	raise(SIGUSR1);
	add(shared, 1);
	sigprocmask(SIG_BLOCK, NULL, &all);
	need(sigismember(&all, SIGSEGV) && sigismember(&all, SIGUSR2), "what is blocked");
	sigprocmask(SIG_SETMASK, &before, NULL);
	need(load32(shared) == 11, "what was added");
	return 11;
}

static volatile int ticks;

static void ticked(int signal)
{
	(void)signal;
	add(shared, 1);
	ticks = ticks + 1;
}

/* Signals that come while a thread is stopped at a store, or in a call that stores. */
static int storm(void)
{
	struct sigaction a = {.sa_handler = ticked, .sa_flags = SA_RESTART};
	struct itimerval every = {.it_interval = {.tv_usec = 700}, .it_value = {.tv_usec = 700}};
	int pipes[2], calls = 0, n = 0;

	need(pipe(pipes) == 0, "pipe");
	sigaction(SIGALRM, &a, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	for (; n < 1000 || ticks < 50; n++) {
		add(shared, 1);
		if (n % 10 == 0 && ++calls)
			need(write(pipes[1], &n, 4) == 4 && read(pipes[0], shared + 64, 4) == 4,
			     "read");
	}
	every = (struct itimerval){0};
	setitimer(ITIMER_REAL, &every, NULL);
	need(load32(shared) == (uint32_t)(n + ticks), "what was added");
	return n + ticks + calls;
}

struct reader {
	pthread_t thread;
	int out;
	volatile int restarts, ended;
};

static void *signals_it(void *arg)
{
	struct reader *r = arg;

	while (r->restarts ? ticks < 20 : !r->ended) {
		pthread_kill(r->thread, SIGUSR1);
		sched_yield();
	}
	need(write(r->out, "abc", 3) == 3, "write");
	return NULL;
}

/* A call that waits, and that a signal ends, or only interrupts. */
static int interrupted(void)
{
	struct reader me = {.thread = pthread_self()};
	int pipes[2], n = 0;

	need(pipe(pipes) == 0, "pipe");
	me.out = pipes[1];
	for (me.restarts = 0; me.restarts < 2; me.restarts++) {
		struct sigaction a = {.sa_handler = ticked,
				      .sa_flags = me.restarts ? SA_RESTART : 0};
		pthread_t thread;

		ticks = 0;
		store8(shared + 100, 0);
		sigaction(SIGUSR1, &a, NULL);
		need(pthread_create(&thread, NULL, signals_it, &me) == 0, "a thread");
		if (!me.restarts)
			need(read(pipes[0], shared + 100, 3) == -1 && errno == EINTR,
			     "a read that a signal ends");
		me.ended = 1;
		while (read(pipes[0], shared + 100, 3) == -1)
			need(errno == EINTR && !me.restarts, "the read after it");
		pthread_join(thread, NULL);
		need(memcmp(shared + 100, "abc", 3) == 0, "what was read");
		n += ticks + 2;
	}
	return n;
}

static sigjmp_buf back;
static volatile uintptr_t fault;

static void faulted(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	fault = (uintptr_t)info->si_addr;
	siglongjmp(back, 1);
}

/* Faults of the program's own are its own. */
static int faults(void)
{
	struct sigaction a = {.sa_sigaction = faulted, .sa_flags = SA_SIGINFO}, now;
	unsigned char *none = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigset_t set;

	sigaction(SIGSEGV, &a, NULL);
	if (sigsetjmp(back, 1) == 0)
		store8(none, 1);
	need(fault == (uintptr_t)none, "a fault of ordinary memory");
	/* From what can't be read, to a page that is ours to open. */
	if (sigsetjmp(back, 1) == 0) {
		volatile void *to = at;
		const void *from = none + 8;
		uint64_t n = 1;

		__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
	}
	need(fault == (uintptr_t)none + 8, "a fault of what is read");
	/* A store with SIGSEGV blocked, or ignored, leaves that as it was. */
	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	sigprocmask(SIG_BLOCK, &set, NULL);
	store8(at, 1);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigaction(SIGSEGV, NULL, &now);
	need(now.sa_sigaction == faulted, "the handler after a store while blocked");
	signal(SIGSEGV, SIG_IGN);
	store8(at + 1, 1);
	sigaction(SIGSEGV, NULL, &now);
	need(now.sa_handler == SIG_IGN, "SIGSEGV ignored after a store");
	sigaction(SIGSEGV, &a, NULL);
	need(mprotect(shared, PAGE, PROT_READ) == 0, "mprotect");
	if (sigsetjmp(back, 1) == 0)
		store8(at + 5, 1);
	need(fault == (uintptr_t)shared + 5 && at[5] == 0, "a fault of a page made read-only");
	need(mprotect(shared, PAGE, PROT_READ | PROT_WRITE) == 0, "mprotect");
	store8(at + 5, 1);
	return 3;
}

static void *dies_with_it(void *arg)
{
	need(pthread_mutex_lock(arg) == 0, "lock");
	return NULL;
}

/* The kernel's own store for who dies with a lock; how many glibc makes is its affair, and not told. */
static int robust(void)
{
	pthread_mutex_t *m = (pthread_mutex_t *)(void *)shared;
	pthread_mutexattr_t how;
	pthread_t thread;
	pid_t pid;

	pthread_mutexattr_init(&how);
	pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
	need(pthread_mutex_init(m, &how) == 0, "a mutex");
	need(pthread_create(&thread, NULL, dies_with_it, m) == 0, "a thread");
	pthread_join(thread, NULL);
	need(pthread_mutex_lock(m) == EOWNERDEAD, "the lock of the dead");
	need(pthread_mutex_consistent(m) == 0 && pthread_mutex_unlock(m) == 0, "unlock");
	pid = fork();
	if (pid == 0) {
		dies_with_it(m);
		raise(SIGKILL);
	}
	need(waitpid(pid, NULL, 0) == pid, "a child");
	need(pthread_mutex_lock(m) == EOWNERDEAD, "the lock of who was killed");
	return -1;
}

/* In a sandbox where it could not be made to open its pages. */
static int confined(void)
{
	struct sock_filter no_mprotect[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog filter = {.len = 4, .filter = no_mprotect};

	add(shared, 1);
	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		 prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0,
	     "a filter");
	add(shared, 1);
	add(shared, 1);
	need(load32(shared) == 3, "what was added");
	return 3;
}

static int executed(void)
{
	add(shared, 1);
	add(shared, 1);
	execl("/proc/self/exe", "stores", "after-exec", NULL);
	return 0;
}

static int after_exec(void)
{
	for (int i = 0; i < 3; i++)
		add(shared, 1);
	return 5;
}

static int none(void)
{
	unsigned char copy[16];

	memcpy(copy, shared, sizeof(copy));
	need(munmap(shared, (size_t)2 * PAGE) == 0, "munmap");
	need(mmap(shared, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		  0) == shared,
	     "mmap");
	store8(at, 1);
	return copy[0];
}

static const struct {
	const char *name;
	int (*make)(void);
} all[] = {
    {"plain", plain},       {"wide", wide},
    {"string", string},     {"atomic", atomic},
    {"border", border},     {"kernel", kernel},
    {"threads", threads},   {"waiting", waiting},
    {"children", children}, {"handlers", handlers},
    {"faults", faults},     {"robust", robust},
    {"storm", storm},       {"interrupted", interrupted},
    {"executed", executed}, {"after-exec", after_exec},
    {"none", none},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(argv[1], "list") == 0) {
			puts(all[i].name);
		} else if (strcmp(argv[1], "confined") == 0) {
			share();
			printf("%d\n", confined());
			return 0;
		} else if (strcmp(argv[1], "children-left") == 0) {
			share();
			return children_left();
		} else if (strcmp(argv[1], all[i].name) == 0) {
			int n;

			share();
			n = all[i].make();
			printf("%d\n", n);
			return 0;
		}
	}
	return argc == 2 && strcmp(argv[1], "list") == 0 ? 0 : 64;
}
