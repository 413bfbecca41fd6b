/* SPDX-License-Identifier: MIT */
/* A domain's grant table by libxenforeignmemory; stays with it mapped.
 * usage: resource-library DOMAIN */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xenforeignmemory.h>

#include <xen/grant_table.h>
#include <xen/memory.h>

int main(int argc, char **argv)
{
	domid_t dom = argc == 2 ? (domid_t)atoi(argv[1]) : 0;
	xenforeignmemory_handle *fmem = xenforeignmemory_open(NULL, 0);
	xenforeignmemory_resource_handle *fres;
	const grant_entry_v1_t *entry;
	void *addr = NULL;
	size_t bytes = 0;
	unsigned int granted = 0;

	if (!fmem ||
	    xenforeignmemory_resource_size(fmem, dom, XENMEM_resource_grant_table,
					   XENMEM_resource_grant_table_id_shared, &bytes)) {
		perror("size");
		return 1;
	}
	fres = xenforeignmemory_map_resource(fmem, dom, XENMEM_resource_grant_table,
					     XENMEM_resource_grant_table_id_shared, 0, bytes / 4096,
					     &addr, 3 /* PROT_READ | PROT_WRITE */, 0);
	if (!fres) {
		perror("map");
		return 1;
	}
	entry = addr;
	for (size_t i = 0; i < bytes / sizeof(*entry); i++)
		granted += (entry[i].flags & GTF_type_mask) != 0;
	printf("%zu frames, %u granted\n", bytes / 4096, granted);
	fflush(stdout);
	pause();
	return 0;
}
