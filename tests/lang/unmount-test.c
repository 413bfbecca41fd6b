/* SPDX-License-Identifier: MIT */
/* What a machine that died left mounted goes by the call, else by fusermount3, else by umount. */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "substrates/unmount.h"

/* (The linker leads here: --wrap. No file system is mounted.) */
int __wrap_umount2(const char *dir, int flags);

static bool may_unmount;

int __wrap_umount2(const char *dir, int flags)
{
	CU_ASSERT_STRING_EQUAL(dir, "/a mount");
	CU_ASSERT_EQUAL(flags, MNT_DETACH | UMOUNT_NOFOLLOW);
	errno = EPERM;
	return may_unmount ? 0 : -1;
}

static char bin[] = "/tmp/unmount-test-XXXXXX";

static void path_of(const char *name, char path[64])
{
	snprintf(path, 64, "%s/%s", bin, name);
}

/* A program that notes that it ran, with what, and ends with a status; below 0 there is none of it. */
static void make_program(const char *name, int status)
{
	char path[64];
	FILE *f;

	path_of(name, path);
	unlink(path);
	if (status < 0)
		return;
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fprintf(f, "#!/bin/sh\necho \"%s $*\" >>%s/ran\necho a complaint >&2\nexit %d\n", name, bin,
		status);
	fclose(f);
	CU_ASSERT_EQUAL(chmod(path, 0755), 0);
}

static void unmounts(bool call, int fusermount, int umount, bool expected, const char *ran)
{
	char path[64], text[200] = "";
	FILE *f;

	may_unmount = call;
	make_program("fusermount3", fusermount);
	make_program("umount", umount);
	path_of("ran", path);
	unlink(path);
	CU_ASSERT_EQUAL(scn_unmount("/a mount"), expected);
	f = fopen(path, "r");
	if (f) {
		text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
		fclose(f);
	}
	EXPECT_TEXT(text, ran);
}

static void one_after_the_other(void)
{
	static const char fusermount[] = "fusermount3 -u -z -q -- /a mount\n";
	static const char both[] = "fusermount3 -u -z -q -- /a mount\numount -l -- /a mount\n";

	unmounts(true, 0, 0, true, "");
	unmounts(false, 0, 0, true, fusermount);
	unmounts(false, 1, 0, true, both);
	unmounts(false, -1, 0, true, "umount -l -- /a mount\n");
	unmounts(false, 1, 32, false, both);
	unmounts(false, -1, -1, false, "");
}

int main(void)
{
	static const struct lang_test tests[] = {{"one after the other", one_after_the_other}};
	static const char *const names[] = {"fusermount3", "umount", "ran"};
	int status;

	if (!mkdtemp(bin))
		return 2;
	setenv("PATH", bin, 1);
	status = lang_run("unmount", tests, sizeof(tests) / sizeof(tests[0]));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[64];

		path_of(names[i], path);
		unlink(path);
	}
	rmdir(bin);
	return status;
}
