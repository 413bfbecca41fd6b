/* SPDX-License-Identifier: MIT */
#include "broken.h"

void broken_says(const char *expected, const char *file, unsigned line)
{
	const char *said = gntsim_machine_check(fx.m);

	fx_check(said && strcmp(said, expected) == 0, said ? said : "nothing is wrong", file, line,
		 false);
}

static void wipe_file(struct gntsim_file *file)
{
	file->seen = 0;
	if (file->device == GNTSIM_DEV_GNTDEV)
		for (struct list *l = file->u.gntdev.all.next; l != &file->u.gntdev.all;
		     l = l->next)
			container_of(l, struct map, all)->seen = 0;
}

static void wipe_mm(const struct gntsim_mm *mm)
{
	for (struct vma *vma = gs_vma_find(mm, 0); vma; vma = gs_vma_next(vma))
		if (vma->file->device == GNTSIM_DEV_GNTALLOC)
			vma->u.run->seen = 0;
}

static void wipe(struct gntsim_domain *dom)
{
	for (struct list *l = dom->files.next; l != &dom->files; l = l->next)
		wipe_file(container_of(l, struct gntsim_file, link));
	for (struct list *l = dom->mms.next; l != &dom->mms; l = l->next)
		wipe_mm(container_of(l, struct gntsim_mm, link));
}

void broken_no_more(const char *file, unsigned line)
{
	const char *said;

	wipe(fx.dom0);
	wipe(fx.dom1);
	wipe(fx.dom2);
	said = gntsim_machine_check(fx.m);
	fx_check(!said, said ? said : "", file, line, false);
}
