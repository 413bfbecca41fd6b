/* SPDX-License-Identifier: MIT */
/**
 * @file look.h
 * Looking at a thread that nobody may catch (processes/catch.h), because it is traced for the machine already
 * (WIRE_ROLE_TRACED): who traces it does.
 */
#ifndef FAKEDEV_BROKER_DEATHS_LOOK_H
#define FAKEDEV_BROKER_DEATHS_LOOK_H

#include <stdbool.h>
#include <stdint.h>

struct broker;
struct client;
struct snapshot;
struct wire_in;

/** Asks for it. The thread is stopped for that, and stays so. @retval false nobody traces it for the machine, or it
 * has no devices */
bool look_ask(struct broker *b, uint32_t pid, uint32_t tid);
/** What came of it, for the caller to free; NULL: nothing as yet (broker_serve()). */
struct snapshot *look_take(struct broker *b, uint32_t tid);
/** WIRE_LOOK. */
void look_receive(struct client *c, const struct wire_in *in);

#endif
