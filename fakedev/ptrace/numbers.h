/* SPDX-License-Identifier: MIT */
/* Calls that not all architectures have: numbers that no call has, each another, so that what deals with calls by
 * their numbers needs to know nothing of it. */
#ifndef FAKEDEV_PTRACE_NUMBERS_H
#define FAKEDEV_PTRACE_NUMBERS_H

#include <sys/syscall.h>

#define NO_SUCH_CALL(n) (0x6e6f000000000000ull + (n))

#ifndef SYS_access
#define SYS_access NO_SUCH_CALL(1)
#endif
#ifndef SYS_chmod
#define SYS_chmod NO_SUCH_CALL(2)
#endif
#ifndef SYS_chown
#define SYS_chown NO_SUCH_CALL(3)
#endif
#ifndef SYS_creat
#define SYS_creat NO_SUCH_CALL(4)
#endif
#ifndef SYS_dup2
#define SYS_dup2 NO_SUCH_CALL(5)
#endif
#ifndef SYS_epoll_wait
#define SYS_epoll_wait NO_SUCH_CALL(6)
#endif
#ifndef SYS_fork
#define SYS_fork NO_SUCH_CALL(7)
#endif
#ifndef SYS_lchown
#define SYS_lchown NO_SUCH_CALL(8)
#endif
#ifndef SYS_lstat
#define SYS_lstat NO_SUCH_CALL(9)
#endif
#ifndef SYS_open
#define SYS_open NO_SUCH_CALL(10)
#endif
#ifndef SYS_poll
#define SYS_poll NO_SUCH_CALL(11)
#endif
#ifndef SYS_readlink
#define SYS_readlink NO_SUCH_CALL(12)
#endif
#ifndef SYS_rename
#define SYS_rename NO_SUCH_CALL(18)
#endif
#ifndef SYS_renameat
#define SYS_renameat NO_SUCH_CALL(19)
#endif
#ifndef SYS_select
#define SYS_select NO_SUCH_CALL(13)
#endif
#ifndef SYS_stat
#define SYS_stat NO_SUCH_CALL(14)
#endif
#ifndef SYS_unlink
#define SYS_unlink NO_SUCH_CALL(15)
#endif
#ifndef SYS_utime
#define SYS_utime NO_SUCH_CALL(16)
#endif
#ifndef SYS_utimes
#define SYS_utimes NO_SUCH_CALL(17)
#endif

#endif
