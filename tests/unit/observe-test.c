/* SPDX-License-Identifier: MIT */
/* What an observer is told, in order, of one life of a grant, a port and a domain. */
#include "support/mapping.h"

#include <stdio.h>
#include <string.h>

static char told[4096];

static void say(const struct gntsim_observation *o)
{
	static const char *const names[] = {
	    [GNTSIM_SAW_GRANT] = "grant",         [GNTSIM_SAW_DEFERRED] = "deferred",
	    [GNTSIM_SAW_HANDLE_TAKEN] = "handle", [GNTSIM_SAW_HANDLE_FREED] = "handle-freed",
	    [GNTSIM_SAW_MAP_REFUSED] = "refused", [GNTSIM_SAW_PORT] = "port",
	    [GNTSIM_SAW_PENDING] = "pending",     [GNTSIM_SAW_EVENT] = "event",
	    [GNTSIM_SAW_NOTIFY_SET] = "notify",   [GNTSIM_SAW_NOTIFY_BYTE] = "byte",
	    [GNTSIM_SAW_NOTIFY_EVENT] = "sends",  [GNTSIM_SAW_REVOKED] = "revoked",
	    [GNTSIM_SAW_MAP_FREED] = "map-freed", [GNTSIM_SAW_RELEASE] = "release",
	    [GNTSIM_SAW_MM_END] = "mm-end",       [GNTSIM_SAW_DOMAIN] = "domain",
	    [GNTSIM_SAW_DESTROY] = "destroy",     [GNTSIM_SAW_BURIED] = "buried",
	};
	size_t at = strlen(told);
	char more[64] = "";

	switch (o->kind) {
	case GNTSIM_SAW_GRANT:
		snprintf(more, sizeof(more), "(%u f%x p%u)", o->ref, o->entry.flags, o->pins);
		break;
	case GNTSIM_SAW_HANDLE_TAKEN:
	case GNTSIM_SAW_HANDLE_FREED:
		snprintf(more, sizeof(more), "(%u: %u of %u)", o->handle, o->ref, o->peer);
		break;
	case GNTSIM_SAW_MAP_REFUSED:
		snprintf(more, sizeof(more), "(%u of %u: %d)", o->ref, o->peer, o->status);
		break;
	case GNTSIM_SAW_PORT:
		snprintf(more, sizeof(more), "(%u s%d)", o->port, o->port_status.state);
		break;
	case GNTSIM_SAW_PENDING:
	case GNTSIM_SAW_EVENT:
	case GNTSIM_SAW_NOTIFY_EVENT:
		snprintf(more, sizeof(more), "(%u%s)", o->port, o->overflow ? " lost" : "");
		break;
	case GNTSIM_SAW_NOTIFY_SET:
		snprintf(more, sizeof(more), "(%u at %u, port %u%s)", o->action, o->offset, o->port,
			 o->replaced ? ", again" : "");
		break;
	case GNTSIM_SAW_NOTIFY_BYTE:
		snprintf(more, sizeof(more), "(%u at %u)", o->ref, o->offset);
		break;
	case GNTSIM_SAW_REVOKED:
		snprintf(more, sizeof(more), "(%u)", (unsigned)(o->len / PAGE));
		break;
	case GNTSIM_SAW_MAP_FREED:
		snprintf(more, sizeof(more), "(%u)", o->count);
		break;
	case GNTSIM_SAW_RELEASE:
		snprintf(more, sizeof(more), "(%d)", o->device);
		break;
	case GNTSIM_SAW_DEFERRED:
	case GNTSIM_SAW_MM_END:
	case GNTSIM_SAW_DOMAIN:
	case GNTSIM_SAW_DESTROY:
	case GNTSIM_SAW_BURIED:
		break;
	}
	snprintf(told + at, sizeof(told) - at, "%sd%u %s%s", at ? ", " : "", o->domid,
		 names[o->kind], more);
}

static void look(void *ctx, const struct gntsim_observation *o)
{
	EXPECT(ctx == &fx);
	say(o);
}

/* What was told since the last look. */
#define EXPECT_TOLD(text) expect_told((text), __LINE__)
static void expect_told(const char *text, unsigned line)
{
	if (strcmp(told, text))
		printf("\n  told:     %s\n  expected: %s\n", told, text);
	fx_check(strcmp(told, text) == 0, "what was told", __FILE__, line, false);
	told[0] = '\0';
}

static void start(void)
{
	told[0] = '\0';
	gntsim_machine_observe(fx.m, look, &fx);
}

static void end(void)
{
	gntsim_machine_observe(fx.m, NULL, NULL);
	told[0] = '\0';
}

static void nobody_looks(void)
{
	struct fx_share s;

	start();
	end();
	s = fx_share(fx.dom1, fx.dom2);
	fx_share_close(&s);
	EXPECT_TOLD("");
}

/* PVH: one handle a page; unpinned only at the last put. */
static void grant_of_pvh(void)
{
	struct fx_share s = {.alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC),
			     .dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV),
			     .mapper = fx_mm(fx.dom2)};

	start();
	s.ref = fx_alloc(s.alloc, 2, &s.index);
	EXPECT_TOLD("d1 grant(8 f1 p0)");
	s.map_index = fx_map(s.dev, 1, s.ref);
	EXPECT_TOLD("");
	EXPECT_EQ(fx_mmap(s.mapper, s.dev, VA, 1, s.map_index), 0);
	EXPECT_TOLD("d1 grant(8 f19 p1), d2 handle(0: 8 of 1)");
	EXPECT_EQ(gntsim_gntdev_unmap(s.dev, s.map_index, 1), 0);
	EXPECT_TOLD("");
	EXPECT_EQ(gntsim_munmap(s.mapper, VA, PAGE), 0);
	EXPECT_TOLD("d2 handle-freed(0: 8 of 1), d1 grant(8 f1 p0), d2 map-freed(1)");
	EXPECT_EQ(gntsim_gntalloc_dealloc(s.alloc, s.index, 1), 0);
	EXPECT_TOLD("d1 grant(8 f0 p0)");
	gntsim_close(s.alloc);
	EXPECT_TOLD("d1 release(0)");
	gntsim_mm_destroy(s.mapper);
	EXPECT_TOLD("d2 mm-end");
	gntsim_close(s.dev);
	EXPECT_TOLD("d2 release(1)");
	end();
}

/* PV: the kernel maps each page, too. */
static void grant_of_pv(void)
{
	struct mapped_pv_pages {
		struct gntsim_file *alloc, *dev;
		struct gntsim_mm *mm;
	} p = {fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC), fx_open(fx.dom0, GNTSIM_DEV_GNTDEV),
	       fx_mm(fx.dom0)};
	uint64_t index;
	gntsim_gref ref = fx_alloc(p.alloc, 0, &index);

	start();
	EXPECT_EQ(fx_mmap(p.mm, p.dev, VA, 1, fx_map(p.dev, 1, ref)), 0);
	EXPECT_TOLD("d1 grant(8 f19 p1), d0 handle(0: 8 of 1), d1 grant(8 f19 p2), "
		    "d0 handle(1: 8 of 1)");
	EXPECT_EQ(gntsim_mprotect(p.mm, VA, PAGE, PROT_READ), 0);
	EXPECT_TOLD("d0 handle-freed(0: 8 of 1), d1 grant(8 f19 p1), d0 handle-freed(1: 8 of 1), "
		    "d1 grant(8 f1 p0), d0 revoked(1)");
	end();
	gntsim_mm_destroy(p.mm);
	gntsim_close(p.dev);
	gntsim_close(p.alloc);
	fx_drain();
}

static void refused_map(void)
{
	struct gntsim_file *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(fx.dom2);

	start();
	EXPECT_EQ(fx_mmap(mm, dev, VA, 1, fx_map(dev, 1, 4711)), -EINVAL);
	EXPECT_TOLD("d2 refused(4711 of 1: -3)");
	end();
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
}

/* The page waits for its mapper, and the timer. */
static void deferred(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);

	start();
	gntsim_mm_destroy(s.granter);
	gntsim_close(s.alloc);
	EXPECT_TOLD("d1 mm-end, d1 release(0), d1 deferred");
	end();
	gntsim_mm_destroy(s.mapper);
	gntsim_close(s.dev);
	start();
	gntsim_machine_advance(fx.m, SECOND);
	EXPECT_TOLD("d1 grant(8 f0 p0)");
	end();
}

static void ports(void)
{
	struct gntsim_file *a = fx_open(fx.dom1, GNTSIM_DEV_EVTCHN);
	struct gntsim_file *b = fx_open(fx.dom2, GNTSIM_DEV_EVTCHN);
	gntsim_port port;

	start();
	EXPECT_EQ(gntsim_evtchn_bind_unbound(a, 2), 1);
	EXPECT_TOLD("d1 port(1 s1)");
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(b, 1, 1), 1);
	EXPECT_TOLD("d2 port(1 s2), d1 port(1 s2), d2 pending(1), d2 event(1)");
	EXPECT_EQ(gntsim_evtchn_notify(b, 1), 0);
	EXPECT_TOLD("d1 event(1)");
	EXPECT_EQ(gntsim_evtchn_notify(b, 1), 0);
	EXPECT_TOLD("d1 pending(1)");
	port = 1;
	EXPECT_EQ(gntsim_evtchn_write(a, sizeof(port), &port), (int)sizeof(port));
	EXPECT_TOLD("d1 event(1)");
	EXPECT_EQ(gntsim_evtchn_unbind(b, 1), 0);
	EXPECT_TOLD("d1 port(1 s1), d2 port(1 s0)");
	end();
	gntsim_close(a);
	gntsim_close(b);
	fx_drain();
}

/* Set, replaced, taken back; and fired by the mapper's end, byte before event. */
static void notifications(void)
{
	struct mapping m = mapping(fx.dom2);

	start();
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(m.dev, m.index + 7, CLEAR_BYTE, 0), 0);
	EXPECT_TOLD("d2 notify(1 at 7, port 0, again)");
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(m.dev, m.index, 0, 0), 0);
	EXPECT_TOLD("d2 notify(0 at 0, port 0, again)");
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(m.dev, m.index + 9, CLEAR_BYTE | SEND_EVENT,
						 m.c.port_here),
		  0);
	EXPECT_TOLD("d2 notify(3 at 9, port 1)");
	EXPECT_EQ(gntsim_gntdev_unmap(m.dev, m.index, 1), 0);
	EXPECT_EQ(gntsim_munmap(m.mm, VA, PAGE), 0);
	EXPECT_TOLD("d2 byte(8 at 9), d2 handle-freed(0: 8 of 1), d1 grant(8 f1 p0), d2 sends(1), "
		    "d1 event(1), d2 map-freed(1)");
	end();
	mapping_end(&m);
}

static void granters_notification(void)
{
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);
	struct gntsim_file *alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	uint64_t index;

	(void)fx_alloc(alloc, 2, &index);
	start();
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(alloc, index + 21, CLEAR_BYTE | SEND_EVENT,
						   c.port_here),
		  0);
	EXPECT_TOLD("d1 notify(3 at 21, port 1)");
	EXPECT_EQ(gntsim_gntalloc_dealloc(alloc, index, 1), 0);
	EXPECT_TOLD("d1 byte(8 at 21), d1 sends(1), d2 event(1), d1 grant(8 f0 p0)");
	end();
	gntsim_close(alloc);
	fx_channel_close(&c);
}

static void domains(void)
{
	struct gntsim_domain *dom;
	struct gntsim_file *file;

	start();
	EXPECT_EQ(gntsim_domain_create(fx.m, 7, NULL, &dom), 0);
	EXPECT_TOLD("d7 domain");
	gntsim_domain_destroy(dom);
	EXPECT_TOLD("d7 destroy, d7 buried");
	EXPECT_EQ(gntsim_domain_create(fx.m, 7, NULL, &dom), 0);
	file = fx_open(dom, GNTSIM_DEV_EVTCHN);
	EXPECT_TOLD("d7 domain");
	gntsim_domain_destroy(dom);
	EXPECT_TOLD("d7 destroy, d7 release(2), d7 buried");
	gntsim_close(file);
	EXPECT_TOLD("");
	end();
	fx_drain();
}

static const char *name_of(unsigned int kind)
{
	return gntsim_observation_name((enum gntsim_observation_kind)kind);
}

static void names(void)
{
	for (unsigned int i = 0; i < GNTSIM_SAW_KINDS; i++) {
		REQUIRE(name_of(i) != NULL);
		for (unsigned int k = 0; k < i; k++)
			EXPECT(strcmp(name_of(i), name_of(k)) != 0);
	}
	EXPECT(name_of(GNTSIM_SAW_KINDS) == NULL);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"each kind has a name of its own", names},
	    {"nobody looks", nobody_looks},
	    {"a grant that a PVH domain maps", grant_of_pvh},
	    {"a grant that a PV domain maps", grant_of_pv},
	    {"a map that Xen refuses", refused_map},
	    {"a deferred page", deferred},
	    {"ports", ports},
	    {"notifications of a mapper", notifications},
	    {"a granter's notification", granters_notification},
	    {"domains", domains},
	};

	return UNIT_MAIN("observe", tests);
}
