/* SPDX-License-Identifier: MIT */
/* The control connection through a fork: the child's is made by the parent before it, so that no
 * instant exists in which the child's mappings have no owner. */
#include "connection.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

void lib_fork_prepare(void)
{
	struct lib_room room;
	struct wire_in in;
	sigset_t saved;

	if (!lib_active())
		return;
	lib_enter(&saved);
	lib.at_fork = saved;
	if (lib.fd < 0 || lib.broken)
		return;
	lib_room_begin(&room);
	if (lib_call(WIRE_FORK, NULL, 0, NULL, 0, &in) == 0)
		lib.child_fd = wire_in_take_fd(&in, 0);
	/* Out of the low numbers, where the program's own next descriptor belongs. */
	if (lib.child_fd >= 0)
		lib.child_fd = lib_settle(lib.child_fd);
	wire_in_done(&in);
	lib_room_end(&room);
}

static void end_in_parent(bool sharing)
{
	sigset_t saved = lib.at_fork;

	if (!lib_active())
		return;
	if (lib.child_fd >= 0 && !sharing)
		raw_close(lib.child_fd);
	lib.child_fd = -1;
	lib_leave(&saved);
}

void lib_fork_parent(void)
{
	end_in_parent(false);
}

void lib_fork_parent_sharing(void)
{
	end_in_parent(true);
}

static void begin_in_child(bool sharing)
{
	sigset_t saved = lib.at_fork;

	if (!lib_active())
		return;
	/* lib_fork_prepare() has it in this thread; checkers of threads must see it go. */
	pthread_mutex_unlock(&lib.lock);
	atomic_store(&lib.inside, 0);
	lib.pid = lib_own_pid();
	if (lib.same)
		atomic_store(lib.same, 1);
	lib_reads_forget();
	if (lib.bell.rings >= 0 && !sharing)
		raw_close(lib.bell.rings);
	lib_bell_forget();
	lib_forget();
	ranges_forked();
	if (lib.fd >= 0) {
		/* The parent's is the parent's, where both have it by one number. */
		if (!sharing)
			raw_close(lib.fd);
		lib.fd = lib.child_fd;
	}
	lib.child_fd = -1;
	if (lib.fd >= 0) {
		int err;

		if (!sharing)
			lib.fd = lib_settle(lib.fd);
		lib.cookie = lib_cookie_of(lib.fd);
		err = lib_say_hello(lib.fd, sharing ? WIRE_ROLE_SHARING : WIRE_ROLE_PROCESS);
		/* The domain was destroyed meanwhile: so is its process. */
		if (err == -ENODEV)
			raw_syscall(SYS_kill, lib_own_pid(), SIGKILL, 0, 0, 0, 0);
	}
	if (lib_may(SYS_rt_sigprocmask))
		lib_mask(SIG_SETMASK, &saved, NULL);
}

void lib_fork_child(void)
{
	begin_in_child(false);
}

void lib_fork_child_sharing(void)
{
	begin_in_child(true);
}

/* pthread_atfork() is a part of the program in one C library (glibc), of the library in another
 * (musl): neither may be linked to. */
static void at_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	int (*glibc)(void (*)(void), void (*)(void), void (*)(void), void *) =
	    (__typeof__(glibc))dlsym(RTLD_DEFAULT, "__register_atfork");
	int (*other)(void (*)(void), void (*)(void), void (*)(void)) =
	    (__typeof__(other))dlsym(RTLD_DEFAULT, "pthread_atfork");

	if (glibc)
		glibc(prepare, parent, child, NULL);
	else if (other)
		other(prepare, parent, child);
}

/* Valgrind may run constructors twice. */
__attribute__((constructor)) static void start(void)
{
	if (lib.handlers || !lib_active())
		return;
	lib.handlers = true;
	lib.pid = lib_own_pid();
	at_fork(lib_fork_prepare, lib_fork_parent, lib_fork_child);
}
