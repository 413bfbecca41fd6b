/* SPDX-License-Identifier: MIT */
/**
 * @file wire_bell.h
 * The doorbell: a page that an address space shares with the broker (WIRE_BELL), through which it asks
 * and is answered without a message in the socket. Requests and replies are those of wire.h: the header
 * and the payload, as they would be sent. Like the connection's, they come one by one: who has asked
 * waits for the answer before he asks again, here or in the socket.
 *
 * To ask: put the request into the page, add one to `asked`; then, if the broker does not look here
 * (`looks`), ring: add to the eventfd that came with the page. The broker answers by `answered`, which
 * becomes what `asked` was; whoever sleeps until then sleeps in a futex on it, for a bounded time, and
 * looks at the connection whenever that is over: only its end says that nobody will answer. A reply that
 * does not fit, or carries descriptors, comes in the socket before `answered` says that it is there.
 *
 * Who is about to sleep until there is an event may look at `events` for a moment instead, while the broker looks
 * too: the event itself is in its file by then.
 *
 * Both ends write each word and the bytes of their own side only. Neither believes the page: what lies in
 * it may change at any time, and is copied before it is looked at. The broker's count of what it has
 * answered is its own; all else there is a hint, with which a program can harm none but itself.
 *
 * Ports, which both write: a write() of one port need not be asked for while no event waits for it. Before an
 * event can be read, the broker puts its port's word there: WIRE_PORT_FIRED. The program makes that
 * WIRE_PORT_UNMASKED, at once (compare and exchange): that is the whole call, unless it finds `ended` set
 * afterwards. Where it finds anything else there it asks. At the port's next event the broker takes the word away:
 * either it was unmasked, and the event is read, or the event waits, and the program finds no word. It takes what
 * was unmasked too before a call that finds a difference, and at the program's end. So a write() has happened at
 * the moment of the exchange, whoever dies then. What is left there of a port that has had no event since, or of
 * another file that had the number, says nothing wrong: there is nothing to unmask.
 */
#ifndef FAKEDEV_WIRE_BELL_H
#define FAKEDEV_WIRE_BELL_H

#include "wire.h"

#include <stdalign.h>
#include <stdatomic.h>

/** Bytes, with the header. */
#define WIRE_BELL_REQUEST 1408u
#define WIRE_BELL_REPLY   2048u
/** Words, of which each port has one, and shares it with others. */
#define WIRE_BELL_PORTS 128u

struct wire_bell {
	/* Of who asks. */
	alignas(64) _Atomic uint32_t asked; /**< how many requests */
	_Atomic uint32_t request;           /**< bytes of the last one */
	_Atomic uint32_t sleeps;            /**< somebody may be asleep on `answered` */
	_Atomic uint32_t asker; /**< the processor that he ran on, or WIRE_BELL_NOWHERE */
	_Atomic uint32_t waits; /**< somebody looks at `events` before he sleeps */
	/* Of the broker. */
	alignas(64) _Atomic uint32_t answered; /**< how many requests */
	_Atomic uint32_t reply;                /**< bytes of the last one; 0: it is in the socket */
	_Atomic uint32_t looks;                /**< it will see a request without being rung for */
	_Atomic uint32_t looker; /**< the processor that it ran on, or WIRE_BELL_NOWHERE */
	_Atomic uint32_t ended;  /**< what was not answered never will be */
	_Atomic uint32_t events; /**< how many were sent into files that it has */
	_Atomic uint32_t
	    overflowed; /**< an evtchn file that it has may have an odd byte (wire.h) */
	/* Of both. */
	alignas(64) _Atomic uint32_t ports[WIRE_BELL_PORTS];
	/* The messages. */
	alignas(64) unsigned char requested[WIRE_BELL_REQUEST];
	unsigned char replied[WIRE_BELL_REPLY];
};
_Static_assert(sizeof(struct wire_bell) == 4096, "a page");

#define WIRE_BELL_NOWHERE UINT32_MAX

/** A port's word: the file's id on this connection, the port, and what it says. */
#define WIRE_PORT_FILES    (1u << 13)
#define WIRE_PORT_PORTS    (1u << 17)
#define WIRE_PORT_FIRED    1u
#define WIRE_PORT_UNMASKED 2u
#define WIRE_PORT_SAYS     3u

/** @return false: it has none */
static inline bool wire_port_word(uint32_t file, uint32_t port, uint32_t *word)
{
	*word = file << 19 | port << 2;
	return file < WIRE_PORT_FILES && port < WIRE_PORT_PORTS;
}
static inline uint32_t wire_port_file(uint32_t word)
{
	return word >> 19;
}
static inline uint32_t wire_port_port(uint32_t word)
{
	return word >> 2 & (WIRE_PORT_PORTS - 1);
}
/** Where it lies. */
static inline _Atomic uint32_t *wire_port_at(struct wire_bell *page, uint32_t word)
{
	return &page->ports[(word >> 2) * UINT32_C(2654435761) >> 25];
}
_Static_assert(WIRE_BELL_PORTS == 1u << (32 - 25), "as many as there are places");

/** For a short wait that is not to be a sleep. */
static inline void wire_bell_pause(void)
{
#if defined(__x86_64__)
	__asm__ volatile("pause" ::: "memory");
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

#endif
