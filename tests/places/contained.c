/* SPDX-License-Identifier: MIT */
/*
 * contained [--no-memory] PROGRAM [ARGUMENT...]: runs it as in a default container of Docker's: with the
 * capabilities that its root has, and the calls refused that its seccomp profile refuses whoever has no
 * more. --no-memory: as profiles do that are older than Docker 19.03, other processes' memory too.
 * contained --refuse CALL=ERRNO... PROGRAM [ARGUMENT...]: these calls are refused, and nothing else is as there; the
 * errno is EPERM or ENOSYS.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const int refused[] = {
    SCMP_SYS(acct),
    SCMP_SYS(add_key),
    SCMP_SYS(bpf),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(clock_settime),
    SCMP_SYS(delete_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(fsopen),
    SCMP_SYS(get_mempolicy),
    SCMP_SYS(init_module),
    SCMP_SYS(ioperm),
    SCMP_SYS(iopl),
    SCMP_SYS(kcmp),
    SCMP_SYS(kexec_load),
    SCMP_SYS(keyctl),
    SCMP_SYS(mbind),
    SCMP_SYS(mount),
    SCMP_SYS(move_mount),
    SCMP_SYS(move_pages),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(open_tree),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pivot_root),
    SCMP_SYS(process_madvise),
    SCMP_SYS(quotactl),
    SCMP_SYS(reboot),
    SCMP_SYS(request_key),
    SCMP_SYS(set_mempolicy),
    SCMP_SYS(setns),
    SCMP_SYS(settimeofday),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(umount2),
    SCMP_SYS(unshare),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
};
static const int memory[] = {SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev)};

static const int kept[] = {CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FSETID,     CAP_FOWNER,
			   CAP_MKNOD,   CAP_NET_RAW,      CAP_SETGID,     CAP_SETUID,
			   CAP_SETFCAP, CAP_SETPCAP,      CAP_SYS_CHROOT, CAP_NET_BIND_SERVICE,
			   CAP_KILL,    CAP_AUDIT_WRITE};

static int refuse(scmp_filter_ctx c, const int *nr, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && err == 0; i++)
		err = seccomp_rule_add(c, SCMP_ACT_ERRNO(EPERM), nr[i], 0);
	return err;
}

#define REFUSED_MOST 8
struct wanted {
	int no_memory;
	int n; /* as --refuse says; 0: as Docker does */
	struct {
		int nr, err;
	} refuse[REFUSED_MOST];
};

/* @return whether it is CALL=ERRNO */
static int want(struct wanted *w, const char *text)
{
	const char *is = text ? strchr(text, '=') : NULL;
	char name[32];

	if (!is || w->n == REFUSED_MOST || (size_t)(is - text) >= sizeof(name))
		return 0;
	memcpy(name, text, (size_t)(is - text));
	name[is - text] = '\0';
	w->refuse[w->n].nr = seccomp_syscall_resolve_name(name);
	w->refuse[w->n].err = strcmp(is + 1, "ENOSYS") == 0 ? ENOSYS : EPERM;
	return w->refuse[w->n++].nr != __NR_SCMP_ERROR;
}

static int refuse_wanted(scmp_filter_ctx c, const struct wanted *w)
{
	int err = 0;

	for (int i = 0; i < w->n && err == 0; i++)
		err = seccomp_rule_add(c, SCMP_ACT_ERRNO((unsigned)w->refuse[i].err),
				       w->refuse[i].nr, 0);
	return err;
}

static int refuse_as_docker(scmp_filter_ctx c, int no_memory)
{
	const unsigned long spaces = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
	int err = refuse(c, refused, COUNT(refused));

	if (err == 0 && no_memory)
		err = refuse(c, memory, COUNT(memory));
	for (unsigned int bit = 0; bit < 32 && err == 0; bit++)
		if (spaces & (1ul << bit))
			err = seccomp_rule_add(c, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
					       SCMP_A0(SCMP_CMP_MASKED_EQ, 1ul << bit, 1ul << bit));
	/* Its flags are where no filter can look. */
	if (err == 0)
		err = seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return err;
}

static int set_filter(const struct wanted *w)
{
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_ALLOW);
	/* Whoever has the right needs not give it up. */
	int err = c ? seccomp_attr_set(c, SCMP_FLTATR_CTL_NNP, geteuid() != 0) : -ENOMEM;

	if (err == 0)
		err = w->n ? refuse_wanted(c, w) : refuse_as_docker(c, w->no_memory);
	return err == 0 ? seccomp_load(c) : err;
}

static int keeps(int cap)
{
	for (size_t i = 0; i < COUNT(kept); i++)
		if (kept[i] == cap)
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	struct wanted w = {0};
	int err;

	for (argv++; argc > 1 && *argv && **argv == '-'; argv++) {
		w.no_memory |= strcmp(*argv, "--no-memory") == 0;
		if (strcmp(*argv, "--refuse") == 0 && !want(&w, *++argv))
			return 2;
	}
	if (!*argv)
		return 2;
	err = set_filter(&w);
	if (err < 0) {
		fprintf(stderr, "contained: no seccomp filter: %s\n", strerror(-err));
		return 2;
	}
	/* What root is executed with. */
	for (int cap = 0; !w.n && geteuid() == 0 && prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if (!keeps(cap) && prctl(PR_CAPBSET_DROP, cap) < 0)
			return 2;
	execvp(*argv, argv);
	perror(*argv);
	return 2;
}
