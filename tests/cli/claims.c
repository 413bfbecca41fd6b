/* SPDX-License-Identifier: MIT */
/*
 * claims: tries what a program can see of a front's capabilities, and prints of each its name and
 * whether it is there. Domain 0. With an argument, the broker's process: after its end, too.
 */
#include "../../fakedev/privcmd/abi.h"
#include "../../fakedev/uapi.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define MISC_MAJOR 10

static const char *const nodes[] = {"/dev/xen/gntalloc", "/dev/xen/gntdev", "/dev/xen/evtchn"};

static int open_node(const char *path, int flags)
{
	int fd = open(path, O_RDWR | flags);

	if (fd < 0) {
		perror(path);
		exit(2);
	}
	return fd;
}

/* Whether a descriptor is gntdev's: it has no map to unmap. */
static bool is_gntdev(int fd)
{
	struct ioctl_gntdev_unmap_grant_ref unmap = {.count = 1};

	return fd >= 0 && ioctl(fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &unmap) && errno == ENOENT;
}

#if defined(__x86_64__)
static long bare_open(const char *path)
{
	long result;
	register long flags __asm__("r10") = 0;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(SYS_openat), "D"(AT_FDCWD), "S"(path), "d"(O_RDWR), "r"(flags)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
static long bare_open(const char *path)
{
	register long x8 __asm__("x8") = SYS_openat;
	register long x0 __asm__("x0") = AT_FDCWD;
	register long x1 __asm__("x1") = (long)path;
	register long x2 __asm__("x2") = O_RDWR;
	register long x3 __asm__("x3") = 0;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
}
#endif

static bool all_calls(void)
{
	return is_gntdev((int)bare_open(nodes[1]));
}

static bool character_device(void)
{
	struct stat st;

	return stat(nodes[1], &st) == 0 && S_ISCHR(st.st_mode);
}

static bool misc_device(void)
{
	struct stat by_name, by_descriptor;

	if (stat(nodes[1], &by_name) || fstat(open_node(nodes[1], 0), &by_descriptor))
		return false;
	return major(by_name.st_rdev) == MISC_MAJOR && by_descriptor.st_rdev == by_name.st_rdev;
}

static bool reopen(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", open_node(nodes[1], 0));
	return is_gntdev(open(path, O_RDWR));
}

static bool listing(void)
{
	DIR *dir = opendir("/dev/xen");
	unsigned int found = 0;

	for (struct dirent *e; dir && (e = readdir(dir));) {
		for (unsigned int i = 0; i < 3; i++)
			found += strcmp(e->d_name, strrchr(nodes[i], '/') + 1) == 0;
	}
	return found == 3;
}

/* Whether calls that take a path find the node, whatever they say of it then. */
static bool paths(void)
{
	char real[PATH_MAX], link[PATH_MAX];

	if (!realpath(nodes[1], real) || strcmp(real, nodes[1]) != 0)
		return false;
	if (readlink(nodes[1], link, sizeof(link)) != -1 || errno != EINVAL)
		return false;
	if (chmod(nodes[1], 0666) && (errno == ENOENT || errno == ENOTDIR))
		return false;
	return utimensat(AT_FDCWD, nodes[1], NULL, 0) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* Whether privcmd looks for the domain whose page is asked for. */
static bool foreign_map(void)
{
	int fd = open("/dev/xen/privcmd", O_RDWR), err = 0;
	uint64_t frame = 1;
	void *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	struct privcmd_batch b = {.num = 1,
				  .dom = 999,
				  .addr = (uint64_t)(uintptr_t)at,
				  .arr = (uint64_t)(uintptr_t)&frame,
				  .err = (uint64_t)(uintptr_t)&err};

	return ioctl(fd, PRIVCMD_MMAPBATCH_V2, &b) == 0 && err == -ESRCH;
}

static bool says(const char *path, const char *text)
{
	char line[64] = "";
	FILE *f = fopen(path, "r");

	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	fclose(f);
	return strcmp(line, text) == 0;
}

static bool sysfs(void)
{
	return says("/sys/hypervisor/type", "xen\n") &&
	       says("/proc/xen/capabilities", "control_d\n") &&
	       says("/sys/module/xen_gntalloc/parameters/limit", "1024\n");
}

static bool epoll_eperm(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(0);

	return epoll_ctl(epoll, EPOLL_CTL_ADD, open_node(nodes[1], 0), &event) && errno == EPERM &&
	       epoll_ctl(epoll, EPOLL_CTL_ADD, open_node(nodes[0], 0), &event) && errno == EPERM;
}

static bool enosys(void)
{
	return ioctl(open_node(nodes[2], 0), _IOC(_IOC_NONE, 'E', 99, 0), 0) == -1 &&
	       errno == ENOSYS;
}

/* A bad pointer, and a length that the driver refuses before it looks at the memory. */
static bool check_order(void)
{
	void *volatile bad = (void *)1;

	return read(open_node(nodes[2], O_NONBLOCK), bad, 0) == 0 &&
	       read(open_node(nodes[2], O_NONBLOCK), bad, 4) == -1 && errno == EAGAIN;
}

static uint32_t notified;
static int notifier;

/* Two ends of a channel of domain 0 with itself: what notifies, and the descriptor that hears. */
static int make_channel(void)
{
	struct ioctl_evtchn_bind_unbound_port unbound = {.remote_domain = 0};
	struct ioctl_evtchn_bind_interdomain inter = {.remote_domain = 0};
	int hears = open_node(nodes[2], 0);
	uint32_t port;

	notifier = open_node(nodes[2], 0);
	inter.remote_port = (uint32_t)ioctl(hears, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &unbound);
	notified = (uint32_t)ioctl(notifier, IOCTL_EVTCHN_BIND_INTERDOMAIN, &inter);
	/* Binding is an event of the side that binds; the other has none yet. */
	port = inter.remote_port;
	if ((int)port < 0 || (int)notified < 0) {
		fputs("claims: no channel\n", stderr);
		exit(2);
	}
	return hears;
}

static void notify(int signal)
{
	struct ioctl_evtchn_notify n = {.port = notified};

	(void)signal;
	ioctl(notifier, IOCTL_EVTCHN_NOTIFY, &n);
}

static bool restart(void)
{
	struct sigaction action = {.sa_handler = notify, .sa_flags = SA_RESTART};
	struct itimerval soon = {.it_value.tv_usec = 50000};
	int fd = make_channel();
	uint32_t port;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	return read(fd, &port, sizeof(port)) == sizeof(port);
}

static bool sigio(void)
{
	struct timespec patience = {.tv_nsec = 500000000};
	sigset_t set;
	int fd = make_channel();

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (fcntl(fd, F_SETOWN, getpid()) || fcntl(fd, F_SETFL, O_ASYNC))
		return false;
	notify(0);
	return sigtimedwait(&set, NULL, &patience) == SIGIO;
}

static bool large_ioctl(void)
{
	static char memory[sizeof(struct ioctl_gntdev_map_grant_ref) +
			   20000 * sizeof(struct ioctl_gntdev_grant_ref)];
	struct ioctl_gntdev_map_grant_ref *map = (void *)memory;

	map->count = 20000;
	return ioctl(open_node(nodes[1], 0), IOCTL_GNTDEV_MAP_GRANT_REF, map) == 0 ||
	       errno == EINVAL; /* the grants, not the size, where they are looked at at once */
}

/*
 * Ends the machine, by its process. What counts is the answer once it is gone: FUSE itself gives EIO to
 * the request that the broker was taking when it ended.
 */
static bool broker_eio(pid_t broker)
{
	int fd = open_node(nodes[1], 0);
	struct timespec pause = {.tv_nsec = 1000000};
	struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, broker, 0), .events = POLLIN};

	kill(broker, SIGKILL);
	poll(&ended, 1, 10000);
	for (int i = 0; i < 10000 && is_gntdev(fd); i++)
		nanosleep(&pause, NULL);
	return !is_gntdev(fd) && errno == EIO;
}

static const struct claim {
	const char *name;
	bool (*is_true)(void);
} claims[] = {
    {"all_calls", all_calls},
    {"character_device", character_device},
    {"misc_device", misc_device},
    {"reopen", reopen},
    {"listing", listing},
    {"paths", paths},
    {"foreign_map", foreign_map},
    {"sysfs", sysfs},
    {"epoll_eperm", epoll_eperm},
    {"enosys", enosys},
    {"check_order", check_order},
    {"restart", restart},
    {"sigio", sigio},
    {"large_ioctl", large_ioctl},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		printf("%s %s\n", claims[i].name, claims[i].is_true() ? "yes" : "-");
	if (argc > 1)
		printf("broker_eio %s\n", broker_eio(atoi(argv[1])) ? "yes" : "-");
	return 0;
}
