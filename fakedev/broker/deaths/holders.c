/* SPDX-License-Identifier: MIT */
#include "holders.h"

#include "broker/broker-internal.h"

struct look {
	const struct broker *b;
	const struct death_program *victim;
	struct gntsim_file *file;
	const struct gntsim_grant_info *grant;
	struct death_holders found;
};

static void add_program(struct look *look, int program)
{
	bool is_victim = program >= 0 && &look->b->config.deaths->programs[program] == look->victim;

	look->found.victim |= is_victim;
	look->found.others |= !is_victim;
}

static void add_client(struct look *look, const struct client *c)
{
	add_program(look, c->part >= 0 ? c->part
				       : deaths_program_of(look->b->config.deaths, c->program.pid));
}

static bool add_vma(void *ctx, struct gntsim_mm *mm, const struct gntsim_vma *vma)
{
	struct look *look = ctx;
	const struct client *c = vma->file == look->file ? gntsim_mm_data(mm) : NULL;

	if (c)
		add_client(look, c);
	return true;
}

struct death_holders death_holders_of(const struct broker *b, const struct death_program *victim,
				      struct gntsim_file *file)
{
	const struct device_file *f = gntsim_file_data(file);
	struct look look = {.b = b, .victim = victim, .file = file};
	bool held = false;

	for (const struct link *l = f ? f->holds.next : NULL; l && l != &f->holds; l = l->next) {
		const struct hold *h =
		    (const struct hold *)(const void *)((const char *)l -
							offsetof(struct hold, of_file));

		if (h->client->endpoint.dead || h->closed)
			continue;
		held = true;
		add_client(&look, h->client);
	}
	/* It is about to be closed, or its front tells of nobody. */
	if (f && !held)
		add_program(&look, f->part);
	gntsim_for_each_vma(b->machine, add_vma, &look);
	return look.found;
}

static bool add_map_page(void *ctx, const struct gntsim_map_page_info *page)
{
	struct look *look = ctx;

	if (page->granter != look->grant->granter || page->ref != look->grant->ref ||
	    (page->handle == GNTSIM_INVALID_HANDLE && page->kernel_handle == GNTSIM_INVALID_HANDLE))
		return true;
	look->found.others |= death_holders_of(look->b, look->victim, page->file).others;
	return !look->found.others;
}

bool death_is_seen(const struct broker *b, const struct death_program *victim,
		   const struct gntsim_grant_info *grant)
{
	struct look look = {.b = b, .victim = victim, .grant = grant};

	if (grant->keeper && death_holders_of(b, victim, grant->keeper).others)
		return true;
	gntsim_for_each_map_page(b->machine, add_map_page, &look);
	return look.found.others;
}
