/* SPDX-License-Identifier: MIT */
/* Seccomp filters: which calls stop a program. What they compare are a call's number and arguments, so
 * what only memory tells (a path) stops each time. */
#include "follower.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STOP         SCMP_ACT_TRACE(0)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int new_filter(scmp_filter_ctx *c)
{
	*c = seccomp_init(SCMP_ACT_ALLOW);
	/* Programs of 32 bits have no devices. */
	if (!*c || seccomp_attr_set(*c, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW) < 0 ||
	    /* A tree: calls that do not stop are made as ever, and often. */
	    seccomp_attr_set(*c, SCMP_FLTATR_CTL_OPTIMIZE, 2) < 0) {
		seccomp_release(*c);
		return -ENOMEM;
	}
	return 0;
}

/* A program's ordinary read() and write() leave first, by numbers that on 32 bits are none of ours. Unless it is
 * one on the descriptors that are meant. */
struct leave {
	bool of_fds;
	uint32_t first, mask;
};
static const struct leave plain_leave;

#define LEAVE_MOST 7u
#define LOAD(field)                                                                                \
	(struct sock_filter)                                                                       \
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

static size_t put_leave(const struct leave *l, struct sock_filter out[static LEAVE_MOST])
{
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	size_t n = 0;

	if (!l)
		return 0;
	out[n++] = LOAD(nr);
	/* They follow each other; on x86-64 none comes before. */
	if (SYS_read > 0)
		out[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SYS_read, 0,
							l->of_fds ? 5 : 2);
	out[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SYS_write,
						l->of_fds ? 4 : 1, 0);
	if (l->of_fds) {
		/* The low half of the argument: a descriptor is no longer. */
		out[n++] = LOAD(args[0]);
		out[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, l->mask);
		out[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, l->first, 1, 0);
	}
	out[n++] = allow;
	return n;
}

/* As the kernel takes it. Gives the filter up. */
static int as_program(scmp_filter_ctx c, int err, const struct leave *l, struct sock_fprog *out)
{
	struct sock_filter before[LEAVE_MOST];
	size_t n = put_leave(l, before);
	int fd = err < 0 ? -1 : memfd_create("gntsim-filter", MFD_CLOEXEC);
	struct stat st;

	if (err == 0 && fd < 0)
		err = -errno;
	if (err == 0)
		err = seccomp_export_bpf(c, fd);
	if (err == 0 && fstat(fd, &st) < 0)
		err = -errno;
	seccomp_release(c);
	if (err == 0) {
		out->len = (unsigned short)(n + (size_t)st.st_size / sizeof(struct sock_filter));
		out->filter = calloc(out->len, sizeof(struct sock_filter));
		if (!out->filter)
			err = -ENOMEM;
		else if (pread(fd, out->filter + n, (size_t)st.st_size, 0) != st.st_size)
			err = -EIO;
		if (err < 0)
			free(out->filter);
		else
			memcpy(out->filter, before, n * sizeof(before[0]));
	}
	if (fd >= 0)
		close(fd);
	return err;
}

static int stop_at(scmp_filter_ctx c, int nr, unsigned int n, const struct scmp_arg_cmp *when)
{
	return seccomp_rule_add_array(c, STOP, nr, n, when);
}

static const int by_path[] = {
    SCMP_SYS(stat),     SCMP_SYS(lstat),      SCMP_SYS(newfstatat), SCMP_SYS(statx),
    SCMP_SYS(access),   SCMP_SYS(faccessat),  SCMP_SYS(faccessat2), SCMP_SYS(readlink),
    SCMP_SYS(execve),   SCMP_SYS(readlinkat), SCMP_SYS(execveat),   SCMP_SYS(chdir),
    SCMP_SYS(getcwd),   SCMP_SYS(chmod),      SCMP_SYS(fchmodat),   SCMP_SYS(chown),
    SCMP_SYS(lchown),   SCMP_SYS(utime),      SCMP_SYS(fchownat),   SCMP_SYS(utimensat),
    SCMP_SYS(utimes),   SCMP_SYS(unlink),     SCMP_SYS(unlinkat),   SCMP_SYS(truncate),
    SCMP_SYS(getxattr), SCMP_SYS(lgetxattr),  SCMP_SYS(listxattr),  SCMP_SYS(llistxattr),
    SCMP_SYS(rename),   SCMP_SYS(renameat),   SCMP_SYS(renameat2),
};
static const int opening[] = {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(creat)};
static const int others[] = {
    SCMP_SYS(fork),        SCMP_SYS(clone3),      SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg),
    SCMP_SYS(pidfd_getfd), SCMP_SYS(close_range), SCMP_SYS(seccomp),
};

static int each(scmp_filter_ctx c, const int *nr, size_t n_nr, unsigned int n,
		const struct scmp_arg_cmp *when)
{
	int err = 0;

	for (size_t i = 0; i < n_nr && err == 0; i++)
		err = stop_at(c, nr[i], n, when);
	return err;
}

int filter_base(bool with_store, struct sock_fprog *out)
{
	const struct scmp_arg_cmp copies = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_VM, 0);
	const struct scmp_arg_cmp confines = SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP, 0);
	const struct scmp_arg_cmp limit = SCMP_A0(SCMP_CMP_EQ, RLIMIT_NOFILE, 0);
	const struct scmp_arg_cmp limit_of[] = {SCMP_A1(SCMP_CMP_EQ, RLIMIT_NOFILE, 0),
						SCMP_A2(SCMP_CMP_NE, 0, 0)};
	const struct scmp_arg_cmp magic = SCMP_A5(SCMP_CMP_EQ, FILTER_MAGIC, 0);
	const struct scmp_arg_cmp ordinary = SCMP_A5(SCMP_CMP_NE, FILTER_MAGIC, 0);
	const struct scmp_arg_cmp magic_mmap = SCMP_A0(SCMP_CMP_EQ, FILTER_MAGIC, 0);
	scmp_filter_ctx c;
	int err = new_filter(&c);

	if (err < 0)
		return err;
	err = each(c, by_path, COUNT(by_path), 0, NULL);
	if (err == 0)
		err = each(c, others, COUNT(others), 0, NULL);
	if (err == 0 && with_store)
		err = stop_at(c, SCMP_SYS(connect), 0, NULL);
	if (err == 0)
		err = each(c, opening, COUNT(opening), 1, &ordinary);
	for (size_t i = 0; i < COUNT(opening) && err == 0; i++)
		err = seccomp_rule_add_array(c, SCMP_ACT_NOTIFY, opening[i], 1, &magic);
	if (err == 0)
		err = seccomp_rule_add_array(c, SCMP_ACT_NOTIFY, SCMP_SYS(mmap), 1, &magic_mmap);
	if (err == 0)
		err = stop_at(c, SCMP_SYS(clone), 1, &copies);
	if (err == 0)
		err = stop_at(c, SCMP_SYS(prctl), 1, &confines);
	if (err == 0)
		err = stop_at(c, SCMP_SYS(setrlimit), 1, &limit);
	if (err == 0)
		err = stop_at(c, SCMP_SYS(prlimit64), 2, limit_of);
	return as_program(c, err, &plain_leave, out);
}

int filter_strict(struct sock_fprog *out)
{
	static const int allowed[] = {SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(exit),
				      SCMP_SYS(rt_sigreturn)};
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_TRACE(FILTER_STRICT));
	int err = c ? 0 : -ENOMEM;

	for (size_t i = 0; i < COUNT(allowed) && err == 0; i++)
		err = seccomp_rule_add_array(c, SCMP_ACT_ALLOW, allowed[i], 0, NULL);
	return c ? as_program(c, err, NULL, out) : err;
}

/* Those whose first argument is a descriptor; and where else one is. */
static const int on_first[] = {
    SCMP_SYS(read),        SCMP_SYS(write),       SCMP_SYS(readv),      SCMP_SYS(writev),
    SCMP_SYS(pread64),     SCMP_SYS(pwrite64),    SCMP_SYS(preadv),     SCMP_SYS(pwritev),
    SCMP_SYS(preadv2),     SCMP_SYS(pwritev2),    SCMP_SYS(ioctl),      SCMP_SYS(fcntl),
    SCMP_SYS(close),       SCMP_SYS(dup),         SCMP_SYS(dup2),       SCMP_SYS(dup3),
    SCMP_SYS(fstat),       SCMP_SYS(getsockname), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
    SCMP_SYS(getpeername), SCMP_SYS(sendto),      SCMP_SYS(sendmsg),    SCMP_SYS(recvfrom),
    SCMP_SYS(shutdown),    SCMP_SYS(connect),     SCMP_SYS(bind),       SCMP_SYS(listen),
    SCMP_SYS(sendfile),    SCMP_SYS(splice),      SCMP_SYS(lseek),
};
static const struct {
	int nr;
	unsigned int arg;
} on_other[] = {
    {SCMP_SYS(dup2), 1},     {SCMP_SYS(dup3), 1},   {SCMP_SYS(epoll_ctl), 2},
    {SCMP_SYS(sendfile), 1}, {SCMP_SYS(splice), 2}, {SCMP_SYS(mmap), 4},
};

int filter_own(uint32_t fd, struct sock_fprog *out)
{
	const struct scmp_arg_cmp first = SCMP_A0(SCMP_CMP_EQ, fd, 0);
	const struct scmp_arg_cmp second = SCMP_A1(SCMP_CMP_EQ, fd, 0);
	scmp_filter_ctx c;
	int err = new_filter(&c);

	if (err < 0)
		return err;
	err = stop_at(c, SCMP_SYS(close), 1, &first);
	if (err == 0)
		err = stop_at(c, SCMP_SYS(dup2), 1, &second);
	if (err == 0)
		err = stop_at(c, SCMP_SYS(dup3), 1, &second);
	return as_program(c, err, &plain_leave, out);
}

int filter_fds(uint32_t first, uint32_t mask, enum filter_waits waits, struct sock_fprog *out)
{
	const struct leave by_number = {true, first, mask};
	static const int polls[] = {SCMP_SYS(poll), SCMP_SYS(ppoll)};
	static const int others_wait[] = {SCMP_SYS(select), SCMP_SYS(pselect6),
					  SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
					  SCMP_SYS(epoll_pwait2)};
	scmp_filter_ctx c;
	int err = new_filter(&c);

	if (err < 0)
		return err;
	for (size_t i = 0; i < COUNT(on_first) && err == 0; i++) {
		const struct scmp_arg_cmp when = SCMP_A0(SCMP_CMP_MASKED_EQ, mask, first);

		err = stop_at(c, on_first[i], mask ? 1 : 0, &when);
	}
	for (size_t i = 0; i < COUNT(on_other) && err == 0; i++) {
		const struct scmp_arg_cmp when =
		    SCMP_CMP(on_other[i].arg, SCMP_CMP_MASKED_EQ, mask, first);

		err = stop_at(c, on_other[i].nr, mask ? 1 : 0, &when);
	}
	if (waits != FILTER_NO_WAITS && err == 0)
		err = each(c, polls, COUNT(polls), 0, NULL);
	if (waits == FILTER_ALL_WAITS && err == 0)
		err = each(c, others_wait, COUNT(others_wait), 0, NULL);
	return as_program(c, err, mask ? &by_number : NULL, out);
}

int filter_memory(uint64_t window, uint64_t mask, struct sock_fprog *out)
{
	static const int changes[] = {SCMP_SYS(munmap), SCMP_SYS(mprotect), SCMP_SYS(pkey_mprotect),
				      SCMP_SYS(mremap), SCMP_SYS(remap_file_pages)};
	const struct scmp_arg_cmp inside = SCMP_A0(SCMP_CMP_MASKED_EQ, mask, window);
	const struct scmp_arg_cmp is_long = SCMP_A1(SCMP_CMP_GE, LONG, 0);
	const struct scmp_arg_cmp moved[] = {
	    SCMP_A4(SCMP_CMP_MASKED_EQ, mask, window),
	    SCMP_A3(SCMP_CMP_MASKED_EQ, MREMAP_FIXED, MREMAP_FIXED)};
	const struct scmp_arg_cmp over[] = {inside,
					    SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_FIXED, MAP_FIXED)};
	const struct scmp_arg_cmp long_over[] = {is_long,
						 SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_FIXED, MAP_FIXED)};
	const struct scmp_arg_cmp shared[] = {SCMP_A1(SCMP_CMP_MASKED_EQ, FUTEX_PRIVATE_FLAG, 0),
					      inside};
	static const uint64_t advice[] = {MADV_DONTNEED, MADV_REMOVE, MADV_FREE};
	scmp_filter_ctx c;
	int err = new_filter(&c);

	if (err < 0)
		return err;
	if (!mask) {
		err = each(c, changes, COUNT(changes), 0, NULL);
		if (err == 0)
			err = stop_at(c, SCMP_SYS(mmap), 0, NULL);
		if (err == 0)
			err = stop_at(c, SCMP_SYS(madvise), 0, NULL);
		if (err == 0)
			err = stop_at(c, SCMP_SYS(futex), 1, shared);
		return as_program(c, err, &plain_leave, out);
	}
	err = each(c, changes, COUNT(changes), 1, &inside);
	if (err == 0)
		err = stop_at(c, SCMP_SYS(futex), 2, shared);
	if (err == 0)
		err = each(c, changes, COUNT(changes), 1, &is_long);
	if (err == 0)
		err = stop_at(c, SCMP_SYS(mremap), 2, moved);
	if (err == 0)
		err = stop_at(c, SCMP_SYS(mmap), 2, over);
	if (err == 0)
		err = stop_at(c, SCMP_SYS(mmap), 2, long_over);
	for (size_t i = 0; i < COUNT(advice) && err == 0; i++) {
		const struct scmp_arg_cmp there[] = {inside, SCMP_A2(SCMP_CMP_EQ, advice[i], 0)};
		const struct scmp_arg_cmp far[] = {is_long, SCMP_A2(SCMP_CMP_EQ, advice[i], 0)};

		err = stop_at(c, SCMP_SYS(madvise), 2, there);
		if (err == 0)
			err = stop_at(c, SCMP_SYS(madvise), 2, far);
	}
	return as_program(c, err, &plain_leave, out);
}
