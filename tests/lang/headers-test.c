/* SPDX-License-Identifier: MIT */
/* What the kernel's headers name, the language knows by the same name and number, and so the fuzzer. */
#include "../../fakedev/uapi.h"

#include <stdio.h>
#include <string.h>

#include "lang/constants.h"
#include "lang/layout.h"

static const struct {
	const char *name;
	int64_t value;
} headers[] = {
#define X(name) {#name, name},
#include "headers-names.h"
#undef X
};

int main(void)
{
	int wrong = 0, ioctls = 0;

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		const char *name = headers[i].name;
		int64_t value = 0;

		ioctls += !strncmp(name, "IOCTL_", 6);
		if (scn_constant_find((struct scn_str){name, strlen(name)}, &value) &&
		    value == headers[i].value)
			continue;
		printf("%s is %lld in the kernel's headers, and %lld here\n", name,
		       (long long)headers[i].value, (long long)value);
		wrong++;
	}
	/* 6.1's have 21 of them, with our own BIND_STATIC. */
	if (ioctls < 21) {
		printf("only %d ioctls were found in the headers\n", ioctls);
		wrong++;
	}
	printf("%zu constants, %d ioctls, %d wrong\n", sizeof(headers) / sizeof(headers[0]), ioctls,
	       wrong);
	return wrong ? 1 : 0;
}
