/*
 * Console of a Xen domain on a pseudo-terminal: dom0's end of the channel to the program in domain 1.
 *
 *     console DOMID RING-REF PORT LOG
 *
 * Prints the terminal's name and stays in the background. It stands in for xenconsoled, which limits each guest
 * to 30 events in 200 ms: too few for a protocol of one line per call.
 *
 * What the domain writes goes to the terminal and to LOG, until an EOT (0x04): that closes the terminal, and the
 * rest goes to LOG alone.
 *
 * The ring is mapped with privcmd, as a foreign frame, so that the grant drivers under test are left alone.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

enum { END_OF_CHANNEL = 4, FRAME_SIZE = 4096 };

struct console_ring {
    char in[1024];
    char out[2048];
    uint32_t in_consumed, in_produced;
    uint32_t out_consumed, out_produced;
};

struct map_foreign_frames {
    unsigned int count;
    uint16_t domain;
    uint64_t address;
    const uint64_t *frames;
    int *errors;
};

struct bind_interdomain {
    unsigned int domain, port;
};

#define MAP_FOREIGN_FRAMES _IOC(_IOC_NONE, 'P', 4, sizeof(struct map_foreign_frames))
#define BIND_INTERDOMAIN _IOC(_IOC_NONE, 'E', 1, sizeof(struct bind_interdomain))
#define NOTIFY _IOC(_IOC_NONE, 'E', 4, sizeof(unsigned int))

static struct console_ring *ring;
static int events, log_file, terminal = -1;
static unsigned int local_port;

static struct console_ring *map_ring(unsigned int domain, uint64_t frame)
{
    int privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    if (privcmd < 0)
        err(1, "/dev/xen/privcmd");
    void *page = mmap(NULL, FRAME_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, privcmd, 0);
    if (page == MAP_FAILED)
        err(1, "mmap");
    int error = 0;
    struct map_foreign_frames map = {
        .count = 1,
        .domain = (uint16_t)domain,
        .address = (uintptr_t)page,
        .frames = &frame,
        .errors = &error,
    };
    if (ioctl(privcmd, MAP_FOREIGN_FRAMES, &map) < 0 || error)
        err(1, "cannot map frame %#llx of domain %u", (unsigned long long)frame, domain);
    return page;
}

static void bind_port(unsigned int domain, unsigned int port)
{
    events = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (events < 0)
        err(1, "/dev/xen/evtchn");
    struct bind_interdomain bind = { domain, port };
    int bound = ioctl(events, BIND_INTERDOMAIN, &bind);
    if (bound < 0)
        err(1, "cannot bind to port %u of domain %u", port, domain);
    local_port = (unsigned int)bound;
}

static void notify(void)
{
    ioctl(events, NOTIFY, &local_port);
}

/* The program's end is held open too, else the terminal hangs up whenever nobody has it open. */
static const char *open_terminal(void)
{
    struct termios raw;
    terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (terminal < 0 || grantpt(terminal) || unlockpt(terminal))
        err(1, "pseudo-terminal");
    const char *name = ptsname(terminal);
    int program_end = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (program_end < 0 || tcgetattr(program_end, &raw))
        err(1, "%s", name);
    cfmakeraw(&raw);
    tcsetattr(program_end, TCSANOW, &raw);
    return name;
}

static void to_log(const char *bytes, size_t count)
{
    if (write(log_file, bytes, count) < 0)
        warn("log");
}

/* Takes what fits from the ring; returns whether anything was taken. */
static int ring_to_terminal(void)
{
    uint32_t consumed = ring->out_consumed;
    uint32_t available = __atomic_load_n(&ring->out_produced, __ATOMIC_ACQUIRE) - consumed;
    uint32_t start = consumed % sizeof(ring->out);
    if (available > sizeof(ring->out) - start)
        available = (uint32_t)(sizeof(ring->out) - start);
    if (available == 0)
        return 0;

    const char *bytes = ring->out + start;
    if (terminal < 0) {
        to_log(bytes, available);
    } else {
        const char *end = memchr(bytes, END_OF_CHANNEL, available);
        size_t wanted = end ? (size_t)(end - bytes) : available;
        ssize_t taken = wanted ? write(terminal, bytes, wanted) : 0;
        if (taken < 0)
            return 0;
        to_log(bytes, (size_t)taken);
        available = (uint32_t)taken;
        if (end && (size_t)taken == wanted) {
            available++;
            close(terminal);
            terminal = -1;
        }
    }
    __atomic_store_n(&ring->out_consumed, consumed + available, __ATOMIC_RELEASE);
    return available > 0;
}

static int terminal_to_ring(void)
{
    uint32_t produced = ring->in_produced;
    uint32_t used = produced - __atomic_load_n(&ring->in_consumed, __ATOMIC_ACQUIRE);
    uint32_t start = produced % sizeof(ring->in);
    size_t room = sizeof(ring->in) - used;
    if (room > sizeof(ring->in) - start)
        room = sizeof(ring->in) - start;
    if (terminal < 0 || room == 0)
        return 0;
    ssize_t taken = read(terminal, ring->in + start, room);
    if (taken <= 0)
        return 0;
    __atomic_store_n(&ring->in_produced, produced + (uint32_t)taken, __ATOMIC_RELEASE);
    return 1;
}

static int ring_holds_output(void)
{
    return __atomic_load_n(&ring->out_produced, __ATOMIC_ACQUIRE) != ring->out_consumed;
}

static int ring_has_room(void)
{
    return ring->in_produced - __atomic_load_n(&ring->in_consumed, __ATOMIC_ACQUIRE) < sizeof(ring->in);
}

static void serve(void)
{
    for (;;) {
        int moved = 0;
        while (ring_to_terminal() | terminal_to_ring())
            moved = 1;
        if (moved)
            notify();

        struct pollfd waits[] = {
            { .fd = events, .events = POLLIN },
            { .fd = terminal,
              .events = (short)((ring_has_room() ? POLLIN : 0) | (ring_holds_output() ? POLLOUT : 0)) },
        };
        if (poll(waits, 2, -1) < 0)
            err(1, "poll");
        unsigned int port;
        while (read(events, &port, sizeof(port)) == sizeof(port))
            if (write(events, &port, sizeof(port)) < 0)
                err(1, "evtchn");
    }
}

int main(int argc, char **argv)
{
    if (argc != 5)
        errx(2, "usage: console DOMID RING-REF PORT LOG");
    unsigned int domain = (unsigned int)strtoul(argv[1], NULL, 10);
    ring = map_ring(domain, strtoull(argv[2], NULL, 10));
    bind_port(domain, (unsigned int)strtoul(argv[3], NULL, 10));
    log_file = open(argv[4], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log_file < 0)
        err(1, "%s", argv[4]);
    puts(open_terminal());
    fflush(stdout);
    if (daemon(0, 0))
        err(1, "daemon");
    serve();
}
