// SPDX-License-Identifier: MIT
// The headers in C++, and a body that throws out of a scoped call: what it held is released.
#include <gnttab/evtchn.h>
#include <gnttab/gntshr.h>
#include <gnttab/gnttab.h>

#include <cstdio>

static struct gntshr *seen;

static int thrower(struct gntshr *g, void *)
{
	seen = g;
	throw 42;
}

int main()
{
	try {
		gntshr_with(thrower, nullptr);
	} catch (int n) {
		if (n == 42 && gntshr_close(seen) == -EBADF)
			return puts("ok"), 0;
	}
	return 1;
}
