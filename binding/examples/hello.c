/* SPDX-License-Identifier: MIT */
/* hello DOMID: shares a page with DOMID, the program's own domain, and maps it itself. */
#include <gnttab/gntshr.h>
#include <gnttab/gnttab.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	GNTSHR_AUTO_CLOSE struct gntshr *shr = gntshr_open();
	GNTTAB_AUTO_CLOSE struct gnttab *tab = gnttab_open();
	uint16_t domid = (uint16_t)(argc > 1 ? atoi(argv[1]) : 0);
	struct gntshr_share *share;
	struct gnttab_mapping *mapping;

	if (!shr || !tab)
		return perror("/dev/xen"), 1;
	share = gntshr_share(shr, domid, 1, true);
	if (!share)
		return perror("gntshr_share"), 1;
	strcpy(gntshr_bytes(share), "hello, other side");
	mapping = gnttab_map(tab, domid, gntshr_ref(share, 0), true);
	if (!mapping)
		return perror("gnttab_map"), 1;
	puts(gnttab_bytes(mapping));
	return gnttab_unmap(mapping) < 0 || gntshr_unshare(share) < 0;
}
