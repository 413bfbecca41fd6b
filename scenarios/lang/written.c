/* SPDX-License-Identifier: MIT */
#include "written.h"

#include <errno.h>

int scn_close_written(FILE *f)
{
	int err = fflush(f) ? -errno : 0;

	/* What a write before had to say is not known any more. */
	if (!err && ferror(f))
		err = -EIO;
	return fclose(f) && !err ? -errno : err;
}
