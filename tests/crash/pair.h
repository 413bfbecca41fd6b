/* SPDX-License-Identifier: MIT */
/*
 * What the programs in cases/ share: two roles, a domain each; where they meet, which stands in for
 * xenstore; and the device calls by short names. Each device call of who makes the mistake is one line of the case.
 *
 *     CASE server ::: --domain 1 -- CASE client
 *
 * A side that finds that the other is gone says so and ends with 1: that is right. One that finds
 * what nobody can have meant (CHECK) aborts.
 */
#ifndef CRASH_PAIR_H
#define CRASH_PAIR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The page that both have. */
struct page {
	_Atomic uint32_t asked, produced, consumed; /* messages */
	_Atomic uint32_t at;                        /* where the message stands in text */
	_Atomic uint32_t lock; /* 0: free; else the domain that has it, plus 1 */
	_Atomic uint8_t server_live, client_live, helper_live;
	char text[64];
};
#define PAGE_SIZE   4096U
#define SERVER_LIVE offsetof(struct page, server_live)
#define CLIENT_LIVE offsetof(struct page, client_live)
#define HELPER_LIVE offsetof(struct page, helper_live)
#define CLEAR_BYTE  1U
#define SEND_EVENT  2U
#define MESSAGE     "the answer is 42"

#define CHECK(condition) check(condition, #condition, __FILE__, __LINE__)
void check(bool true_it_is, const char *condition, const char *file, int line);

/** One side of a connection. */
struct side {
	bool grants; /* the page is ours */
	int memory, events;
	uint16_t other; /* domain */
	uint64_t index;
	uint32_t ref, port;
	struct page *page;
};

/** Grants a page to the domain and makes a port for it. */
bool share(struct side *s, uint16_t other);
/** What the server tells of it. */
struct offer {
	uint32_t ref, port;
};
/** Binds the port and maps the page. False: the server is gone. */
bool map(struct side *s, uint16_t other, struct offer offer);
/** SET_UNMAP_NOTIFY for a byte of the page. False: refused. */
bool arm(struct side *s, size_t offset, uint32_t action);
/** Sends an event. */
void notify(struct side *s);
/** Waits for one. */
void wait_event(struct side *s);
/** Waits until a word of the page is not 0, as it is done right. False: it is 0, and the other, whose live
 * flag that is, is gone. */
bool await(struct side *s, const _Atomic uint32_t *word, const _Atomic uint8_t *live);
/** Some calls that the other does not feel: meanwhile it comes to its wait. */
void work(struct side *s);
/** DEALLOC_GREF: the page lives as long as it is mapped. */
void give_up(struct side *s);
/** Gives all back. */
void leave(struct side *s);
/** Stores a message in the server's page by the kernel's GRANT_COPY, from the client. */
void copy_in(struct side *s, size_t offset, const char *message);

/** The server's place to meet; says "ready". */
int meet_open(void);
/** The next client. */
int meet_accept(int place);
/** The client's end of it. -1: the server is gone. */
int meet(void);
bool publish(int meeting, const struct side *s);
bool take_offer(int meeting, struct offer *offer);
/** The client's word that it is there. */
void report(int meeting);
/** The server's wait for it, and the meeting's end. False: the client is gone. */
bool hear(int meeting);

/** Says so, gives all back, and is the exit status. */
int gone(struct side *s, const char *other);

int server(void);
int client(void);
/** A client without a mistake: asks, waits for the message, and says that it has it. */
int asking_client(void);

#endif
