/* SPDX-License-Identifier: MIT */
#include "constants.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "layout.h"

struct constant {
	const char *name;
	int64_t value;
};

#define C(name)                                                                                    \
	{                                                                                          \
#name, name                                                                        \
	}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct constant errnos[] = {
    C(EPERM),    C(ENOENT),    C(ESRCH),        C(EINTR),    C(EIO),        C(ENXIO),
    C(E2BIG),    C(EBADF),     C(EAGAIN),       C(ENOMEM),   C(EACCES),     C(EFAULT),
    C(EBUSY),    C(EEXIST),    C(EXDEV),        C(ENODEV),   C(ENOTDIR),    C(EISDIR),
    C(EINVAL),   C(ENFILE),    C(EMFILE),       C(ENOTTY),   C(ETXTBSY),    C(EFBIG),
    C(ENOSPC),   C(ESPIPE),    C(EROFS),        C(EPIPE),    C(EDOM),       C(ERANGE),
    C(EDEADLK),  C(ENOSYS),    C(EOVERFLOW),    C(EPROTO),   C(EOPNOTSUPP), C(ENOBUFS),
    C(ENOTCONN), C(ETIMEDOUT), C(ECONNREFUSED), C(EALREADY), C(ECONNRESET), C(EISCONN),
};

static const struct constant open_flags[] = {
    C(O_RDONLY), C(O_WRONLY), C(O_RDWR), C(O_NONBLOCK), C(O_CLOEXEC), C(O_ASYNC),
};
static const struct constant prot_flags[] = {
    C(PROT_NONE),
    C(PROT_READ),
    C(PROT_WRITE),
    C(PROT_EXEC),
};
static const struct constant map_flags[] = {
    C(MAP_SHARED),   C(MAP_PRIVATE),   {"MAP_SHARED_VALIDATE", 3},
    C(MAP_FIXED),    C(MAP_ANONYMOUS), {"MAP_FIXED_NOREPLACE", 0x100000},
    C(MAP_POPULATE), C(MAP_NORESERVE),
};
static const struct constant mremap_flags[] = {
    {"MREMAP_MAYMOVE", 1},
    {"MREMAP_FIXED", 2},
    {"MREMAP_DONTUNMAP", 4},
};
static const struct constant advices[] = {
    {"MADV_NORMAL", 0},   {"MADV_RANDOM", 1}, {"MADV_SEQUENTIAL", 2}, {"MADV_WILLNEED", 3},
    {"MADV_DONTNEED", 4}, {"MADV_FREE", 8},   {"MADV_REMOVE", 9},
};
static const struct constant futex_operations[] = {
    {"FUTEX_WAKE", 1},
    {"FUTEX_WAKE_PRIVATE", 129},
};
static const struct constant poll_flags[] = {
    C(POLLIN), C(POLLOUT), C(POLLERR), C(POLLHUP), C(POLLNVAL),
};

static const struct {
	const struct constant *flags;
	size_t n;
} families[] = {
    [SCN_FLAGS_OPEN] = {open_flags, COUNT(open_flags)},
    [SCN_FLAGS_PROT] = {prot_flags, COUNT(prot_flags)},
    [SCN_FLAGS_MAP] = {map_flags, COUNT(map_flags)},
    [SCN_FLAGS_MREMAP] = {mremap_flags, COUNT(mremap_flags)},
    [SCN_FLAGS_POLL] = {poll_flags, COUNT(poll_flags)},
};

static const struct constant others[] = {
    {"NULL", 0},
    {"BAD", 8}, /* below mmap_min_addr: no process maps it */
    {"PAGE_SIZE", 4096},
    C(F_SETFL),
    C(F_SETOWN),
    {"GNTALLOC_FLAG_WRITABLE", 1},
    {"UNMAP_NOTIFY_CLEAR_BYTE", 1},
    {"UNMAP_NOTIFY_SEND_EVENT", 2},
    {"GNTCOPY_source_gref", 1},
    {"GNTCOPY_dest_gref", 2},
    {"GNTDEV_DMA_FLAG_WC", 1},
    {"GNTDEV_DMA_FLAG_COHERENT", 2},
    {"GNTST_okay", 0},
    {"GNTST_general_error", -1},
    {"GNTST_bad_domain", -2},
    {"GNTST_bad_gntref", -3},
    {"GNTST_bad_handle", -4},
    {"GNTST_bad_virt_addr", -5},
    {"GNTST_bad_dev_addr", -6},
    {"GNTST_no_device_space", -7},
    {"GNTST_permission_denied", -8},
    {"GNTST_bad_page", -9},
    {"GNTST_bad_copy_arg", -10},
    {"GNTST_address_too_big", -11},
    {"GNTST_eagain", -12},
    {"GNTST_no_space", -13},
    {"DOMID_FIRST_RESERVED", 0x7ff0},
    {"DOMID_SELF", 0x7ff0},
    {"DOMID_IO", 0x7ff1},
    {"DOMID_XEN", 0x7ff2},
    {"DOMID_COW", 0x7ff3},
    {"DOMID_INVALID", 0x7ff4},
    {"VIRQ_TIMER", 0},
    {"VIRQ_DEBUG", 1},
    {"VIRQ_CONSOLE", 2},
    {"VIRQ_DOM_EXC", 3},
    {"VIRQ_TBUF", 4},
    {"VIRQ_DEBUGGER", 6},
    {"VIRQ_XENOPROF", 7},
    {"VIRQ_CON_RING", 8},
    {"VIRQ_PCPU_STATE", 9},
    {"VIRQ_MEM_EVENT", 10},
    {"VIRQ_ARGO", 11},
    {"VIRQ_ENOMEM", 12},
    {"VIRQ_XENPMU", 13},
    {"NR_VIRQS", 24},
};

static const struct constant *find(const struct constant *table, size_t n, struct scn_str name)
{
	for (size_t i = 0; i < n; i++) {
		if (scn_str_is(name, table[i].name))
			return &table[i];
	}
	return NULL;
}

bool scn_constant_find(struct scn_str name, int64_t *value)
{
	const struct constant *c = find(others, COUNT(others), name);
	const struct scn_ioctl *request;

	for (size_t i = 0; !c && i < COUNT(families); i++)
		c = find(families[i].flags, families[i].n, name);
	if (!c)
		c = find(advices, COUNT(advices), name);
	if (!c)
		c = find(futex_operations, COUNT(futex_operations), name);
	if (!c)
		c = find(errnos, COUNT(errnos), name);
	if (c) {
		*value = c->value;
		return true;
	}
	request = scn_ioctl_by_name(name);
	if (request)
		*value = request->number;
	return request != NULL;
}

int scn_errno_find(struct scn_str name)
{
	const struct constant *c = find(errnos, COUNT(errnos), name);

	return c ? (int)c->value : 0;
}

const char *scn_errno_name(int err)
{
	for (size_t i = 0; i < COUNT(errnos); i++) {
		if (errnos[i].value == err)
			return errnos[i].name;
	}
	return NULL;
}

const char *scn_constant_name(const char *prefix, int64_t value)
{
	for (size_t i = 0; i < COUNT(others); i++) {
		if (others[i].value == value && !strncmp(others[i].name, prefix, strlen(prefix)))
			return others[i].name;
	}
	return NULL;
}

const char *scn_signal_name(int signal)
{
	if (signal == SIGSEGV)
		return "SIGSEGV";
	return signal == SIGBUS ? "SIGBUS" : "signal";
}

static bool print_flag(struct scn_buf *b, const struct constant *c, uint64_t *left, bool first)
{
	uint64_t bits = (uint64_t)c->value;

	if (!bits || (*left & bits) != bits)
		return false;
	*left &= ~bits;
	scn_buf_printf(b, "%s%s", first ? "" : "|", c->name);
	return true;
}

void scn_print_flags(struct scn_buf *b, enum scn_flags family, uint64_t value)
{
	const struct constant *flags = families[family].flags;
	uint64_t left = value;
	bool first = true;

	if (family == SCN_FLAGS_OPEN && (value & O_ACCMODE) == O_RDONLY) {
		scn_buf_str(b, "O_RDONLY");
		first = false;
	}
	for (size_t i = 0; i < families[family].n; i++) {
		if (print_flag(b, &flags[i], &left, first))
			first = false;
	}
	if (value == 0 && first)
		scn_buf_str(b, family == SCN_FLAGS_PROT ? "PROT_NONE" : "0");
	else if (left)
		scn_buf_printf(b, "%s0x%llx", first ? "" : "|", (unsigned long long)left);
}
