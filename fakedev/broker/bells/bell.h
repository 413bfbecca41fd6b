/* SPDX-License-Identifier: MIT */
/**
 * @file bell.h
 * The broker's end of a doorbell (wire_bell.h): knows nothing of clients and requests.
 */
#ifndef FAKEDEV_BELL_H
#define FAKEDEV_BELL_H

#include "wire_bell.h"

struct bell {
	struct wire_bell *page;
	int rings;         /**< the eventfd */
	uint32_t answered; /**< requests; of the one under way it is told by bell_answer() */
	bool taken;        /**< one is under way, and not answered yet */
	uint64_t said_ns;  /**< monotonic time of the last answer; 0: there was none */
	uint32_t
	    pause_ns; /**< how long the program usually takes from an answer to its next request */
};

/** @param[out] fd of the page, for the program; the caller's to close. @return 0 or a negative errno */
int bell_make(struct bell *b, int *fd);
/** Nobody may rely on it from now on. */
void bell_say_ended(const struct bell *b);
/** Whoever waits for an answer gets none; the eventfd stays the caller's. */
void bell_end(struct bell *b);

/** Did who asked last run on another processor than @p here? */
bool bell_is_elsewhere(const struct bell *b, int here);
/** Is something asked that was not taken yet? */
bool bell_asks(const struct bell *b);
/**
 * Copies what is asked into @p buffer (WIRE_BUFFER bytes).
 * @return 0; -EAGAIN: nothing is; -EPROTO: it is no message
 */
int bell_take(struct bell *b, void *buffer, struct wire_in *in);
/** Answers what was taken. @return false: it does not fit; it is to be sent, then bell_answer_sent() */
bool bell_answer(struct bell *b, uint16_t op, int64_t result, const void *payload, size_t len);
/** The answer is in the socket. */
void bell_answer_sent(struct bell *b);

/** An event of this port is about to be read. @return a word that made room for its and was unmasked; else 0 */
uint32_t bell_port_fires(const struct bell *b, uint32_t file, uint32_t port);
/** Takes its word away. @return whether it was unmasked */
bool bell_port_take(const struct bell *b, uint32_t file, uint32_t port);
/** Takes the @p i th word away if it was unmasked, or whatever it says if @p any. @return it, or 0 */
uint32_t bell_word_take(const struct bell *b, uint32_t i, bool any);
/** An event is in a file of the program's. */
void bell_event(const struct bell *b);
/** Does somebody look for one? */
bool bell_waits(const struct bell *b);
/** A ring of the program's has overflowed. */
void bell_overflowed(const struct bell *b);

/** From now on the broker looks at it, and is not rung for. */
void bell_look(const struct bell *b);
/** From now on it does not. Who has asked before may not have rung: look once more. */
void bell_look_away(const struct bell *b);

#endif
