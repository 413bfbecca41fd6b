/* SPDX-License-Identifier: MIT */
/* What play_xen.c has planned, and xen_boots.c plays. */
#ifndef SCN_XEN_BOOTS_H
#define SCN_XEN_BOOTS_H

#include "lab_run.h"
#include "player/report.h"

/* A file, or one of its variants, and what has to be known of it before it is played. */
struct scn_xen_item {
	char *path;
	bool swapped;  /* the script's first domain is the second of the guest */
	bool misfit;   /* no domain here is what it holds for */
	bool alone;    /* in a boot of its own */
	bool crash;    /* the kernel's crash is what it expects */
	bool destroys; /* a domain, which then is gone */
	int missing;   /* the capability that it needs and that isn't there; -1 */
	struct scn_buf variant;
};

/* In which order things are played. */
enum scn_xen_turn { SCN_XEN_TOGETHER, SCN_XEN_SWAPPED, SCN_XEN_ALONE, SCN_XEN_NOT_AT_ALL };

struct scn_xen_front {
	struct scn_filter filter; /* of what is played */
	uint64_t capabilities;
	bool once;
	int patience;          /* seconds for a scenario */
	size_t jobs;           /* boots at a time, of those that play one scenario */
	struct scn_buf player; /* the static player's path */
	struct scn_lab lab;
	struct scn_report *report;
	struct scn_xen_item *items;
	size_t n, room;
	bool heard; /* the lab works here: a guest has answered */
	double deadline;
	unsigned int fruitless; /* boots without a result, one after the other */
	struct scn_buf why;     /* the last boot's last word */
	int err; /* of ours, for which it came to nothing; 0: it is the lab's to say */
};

enum scn_xen_turn scn_xen_turn(const struct scn_xen_item *item);

/* Reports what has no boot of its own. */
__attribute__((format(printf, 4, 5))) void scn_xen_report(struct scn_xen_front *f,
							  const struct scn_xen_item *item,
							  enum scn_verdict verdict,
							  const char *format, ...);

/* Plays all items, which are sorted by their turns. Returns -ENODEV if the very first boot is refused, another
 * negative errno if that was for a reason of ours; f->why says why. */
int scn_xen_play_all(struct scn_xen_front *f);

#endif
