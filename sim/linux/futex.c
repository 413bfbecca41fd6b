/* SPDX-License-Identifier: MIT */
/* What futexes that processes share find (Linux kernel/futex/core.c, get_futex_key()). */
#include "model.h"

/* As a store does that changes nothing: get_user_pages_fast() wants to write, if it may. */
static bool copy_page(struct gntsim_mm *mm, uint64_t addr)
{
	unsigned char byte;

	return gntsim_mm_load(mm, addr, &byte, 1) == GNTSIM_ACCESS_OK &&
	       gntsim_mm_store(mm, addr, &byte, 1) == GNTSIM_ACCESS_OK;
}

int gntsim_mm_futex(struct gntsim_mm *mm, uint64_t addr)
{
	const struct own_page *own;
	struct gntsim_page page;

	if (gntsim_mm_page(mm, addr, &page) < 0)
		return -EFAULT;
	if (page.copies)
		return copy_page(mm, addr) ? 0 : -EFAULT;
	own = gs_own_page(mm, addr - PAGE_OFFSET(addr));
	return own && own->frame != GNTSIM_NO_FRAME && page.readable ? 0 : -EFAULT;
}
