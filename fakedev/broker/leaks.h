/* SPDX-License-Identifier: MIT */
/**
 * @file leaks.h
 * What a process still held when it ended, and had not given up itself. What it only inherited from
 * the process that forked it is not its own: copies of mappings are nobody's leak, and a file's grants
 * and maps are that process's which ended with the file open.
 */
#ifndef FAKEDEV_LEAKS_H
#define FAKEDEV_LEAKS_H

#include <stdbool.h>
#include <stdint.h>

struct broker;
struct client;
struct device_file;

/** Leaks that a client has asked for (WIRE_WATCH): those of the processes below it. */
struct leak_watch {
	uint32_t id; /**< 0: it has not asked */
	char *text;  /**< a line for each */
	uint64_t len;
	bool lost; /**< there were more than memory, or a message, takes */
};

/** Whether anybody wants to know of leaks. */
bool leaks_are_noted(const struct broker *b);
/** The watch that a process is below, 0 if none. It costs something only while there is one. */
uint32_t leaks_watch_of(const struct broker *b, uint32_t pid);
/** Makes the client watch. */
void leaks_watch(struct client *c);
/** Frees the watch. */
void leaks_unwatch(struct client *c);
/** Notes what the file, or the address space, still holds, if its process is exiting. */
void leaks_of_file(struct broker *b, struct device_file *f);
void leaks_of_mm(struct broker *b, const struct client *c);
/**
 * A descriptor of the file is closed, as the kernel tells (FUSE_FLUSH) while the thread waits in its
 * close() or exec: looks at nothing of it for which that would have to go on.
 * @param thread 0: not known @param table the kernel's number of the descriptors that it was one of
 */
void leaks_of_close(struct device_file *f, uint32_t thread, uint64_t table);
/** Notes what is left in files whose end is still to be told, of processes that are gone. */
void leaks_catch_up(struct broker *b);
/** Looks which of its files the client's process has closed: they are not its own any more. */
void leaks_look_at_files(const struct client *c);

#endif
