/* SPDX-License-Identifier: MIT */
/**
 * @file fixture.h
 * What every unit test stands on: a machine made anew for each test on an allocator that counts,
 * fills and can be told to fail, and checked to the last byte when the test is over.
 *
 * A test program is a table of tests and `return unit_main(...)`. Unless a test asks for another
 * machine with fx_restart(), it finds domain 0 (PV) and domains 1 and 2 (PVH). It must close its
 * files and destroy its address spaces; grants still deferred get ten seconds of virtual time.
 */
#ifndef GNTSIM_TESTS_FIXTURE_H
#define GNTSIM_TESTS_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <gntsim/machine.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE   ((uint64_t)GNTSIM_PAGE_SIZE)
#define SECOND UINT64_C(1000000000)
/** Where tests map: any page-aligned address does. */
#define VA UINT64_C(0x10000000)

#define CLEAR_BYTE 1u
#define SEND_EVENT 2u

/** An allocator that balances its books. Its memory comes filled with 0xA5. */
struct counting_allocator {
	uint64_t calls;       /**< of alloc, ever */
	uint64_t fail_at;     /**< the call that fails, counted from 1; 0: none */
	bool fail_on;         /**< every later call fails too */
	uint64_t failed;      /**< calls that were made to fail */
	size_t blocks, bytes; /**< outstanding */
	bool misused;         /**< a free named a wrong size */
	struct gntsim_allocator ops;
};
void counting_allocator_init(struct counting_allocator *a);

/** The machine under test. A zero member means the default in brackets. */
struct fx_config {
	uint32_t n_frames;  /**< [256] */
	unsigned n_domains; /**< [3], 1 to 3; FX_NO_DOMAINS for none */
	enum gntsim_dmabufs dmabufs;
	enum gntsim_arch arch;
	const struct gntsim_domain_config *domain[3];
};
#define FX_NO_DOMAINS 9u

struct fixture {
	struct gntsim_machine *m;
	struct gntsim_domain *dom0, *dom1, *dom2;
	unsigned char *frames;
	uint32_t n_frames;
	struct counting_allocator allocator;
	unsigned failures_before;
};
extern struct fixture fx;

/** Replaces the test's machine, which must be unused, by one of another make. */
void fx_restart(const struct fx_config *config);

struct unit_test {
	const char *name;
	void (*run)(void);
};
/** Runs the tests, each between set-up and the checks; returns the program's exit status. */
int unit_main(const char *suite, const struct unit_test *tests, size_t n);
#define UNIT_MAIN(suite, tests) unit_main(suite, tests, sizeof(tests) / sizeof((tests)[0]))

/** Compares two integers and says both when they differ. EXPECT goes on, REQUIRE leaves. */
#define EXPECT_EQ(actual, expected)                                                                \
	fx_compare((intmax_t)(actual), (intmax_t)(expected), #actual, #expected, __FILE__,         \
		   __LINE__, false)
#define REQUIRE_EQ(actual, expected)                                                               \
	fx_compare((intmax_t)(actual), (intmax_t)(expected), #actual, #expected, __FILE__,         \
		   __LINE__, true)
#define EXPECT(condition)  fx_check((condition), #condition, __FILE__, __LINE__, false)
#define REQUIRE(condition) fx_check((condition), #condition, __FILE__, __LINE__, true)
bool fx_compare(intmax_t actual, intmax_t expected, const char *what, const char *wanted,
		const char *file, unsigned line, bool fatal);
bool fx_check(bool ok, const char *what, const char *file, unsigned line, bool fatal);

struct gntsim_totals fx_totals(void);
/** Files, mappings, frames, grants, ports: none of them is there, alive or ending. */
void fx_expect_nothing_left(const struct gntsim_totals *t);
/** Takes every queued effect; returns how many there were. */
unsigned fx_drain(void);
/** Takes every queued effect; returns how many were of this kind. */
unsigned fx_drain_kind(enum gntsim_effect_kind kind);
/** Takes every queued effect; whether one was a hazard of this name, and none another hazard. NULL: none. */
bool fx_drain_hazard(const char *name);

/** Opens for reading and writing; a failure ends the test. */
struct gntsim_file *fx_open(struct gntsim_domain *dom, enum gntsim_device device);
struct gntsim_mm *fx_mm(struct gntsim_domain *dom);

/** One writable page granted through gntalloc; a failure ends the test. */
gntsim_gref fx_alloc(struct gntsim_file *alloc, uint16_t domid, uint64_t *index);
/** A gntdev map of one grant, of @p count grants of one granter. */
uint64_t fx_map(struct gntsim_file *dev, uint16_t granter, gntsim_gref ref);
uint64_t fx_mapv(struct gntsim_file *dev, uint16_t granter, uint32_t count,
		 const gntsim_gref *refs);
/** mmap of whole pages, shared, readable and writable. */
int fx_mmap(struct gntsim_mm *mm, struct gntsim_file *file, uint64_t addr, uint64_t pages,
	    uint64_t offset);

/** A byte of device memory; a fault fails the test. */
uint8_t fx_peek(const struct gntsim_mm *mm, uint64_t addr);
void fx_poke(struct gntsim_mm *mm, uint64_t addr, uint8_t value);
/** How a load or store of one byte ends. */
enum gntsim_access fx_try_load(const struct gntsim_mm *mm, uint64_t addr);
enum gntsim_access fx_try_store(struct gntsim_mm *mm, uint64_t addr);
/** A frame's bytes. */
unsigned char *fx_bytes(gntsim_frame frame);

/** Two evtchn files, one in each domain, bound to each other and read empty. */
struct fx_channel {
	struct gntsim_file *here, *there;
	gntsim_port port_here, port_there;
};
struct fx_channel fx_channel(struct gntsim_domain *here, struct gntsim_domain *there);
void fx_channel_close(struct fx_channel *c);
/** Reads and re-enables everything queued; returns how many entries there were. */
unsigned fx_events(struct gntsim_file *evtchn);

/** A page that domain `granter` shares with domain `mapper`, mapped by both at VA. */
struct fx_share {
	struct gntsim_file *alloc, *dev;
	struct gntsim_mm *granter, *mapper;
	uint64_t index, map_index;
	gntsim_gref ref;
};
struct fx_share fx_share(struct gntsim_domain *granter, struct gntsim_domain *mapper);
/** Ends what is not NULL in it. */
void fx_share_close(struct fx_share *s);

#endif
