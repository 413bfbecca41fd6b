/* SPDX-License-Identifier: MIT */
/**
 * @file bytes.h
 * The bytes by which programs tell each other that they live: those that a notification of theirs is to clear
 * (SET_UNMAP_NOTIFY). Which they are is noted in one run; in another, in which a program dies, it is looked
 * whether they are clear afterwards. And the rings that somebody has described: whether a survivor goes on with
 * indexes that are none.
 */
#ifndef FAKEDEV_BROKER_DEATHS_BYTES_H
#define FAKEDEV_BROKER_DEATHS_BYTES_H

#include "broker/deaths.h"
#include "broker/trace.h"

struct broker;
struct device_file;

/** A call of the program begins, on @p f: it may arm a notification. */
void death_bytes_call(struct broker *b, struct death_program *p, const struct trace_call *call,
		      const struct device_file *f);
/** It is done: what it armed is noted. */
void death_bytes_called(struct broker *b);

#endif
