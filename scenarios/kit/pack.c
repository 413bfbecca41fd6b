/* SPDX-License-Identifier: MIT */
#include "pack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "player/child.h"

#define ROOT "gntsim-kit" /* what all of the archive is below */

static int explain(const char *what, int err, struct scn_buf *why)
{
	scn_buf_printf(why, "%s: %s", what, strerror(err));
	return -err;
}

int kit_pack_begin(struct kit_pack *pack, struct scn_buf *why)
{
	int err = scn_scratch_make(&pack->stage, "gntsim-kit");

	return err ? explain(pack->stage.path, -err, why) : 0;
}

/* The directories that lead to a file below the stage. */
static int make_parents(const char *stage, char *path)
{
	for (char *slash = path + strlen(stage); slash; slash = strchr(slash + 1, '/')) {
		int failed;

		*slash = '\0';
		failed = mkdir(path, 0755) && errno != EEXIST;
		*slash = '/';
		if (failed)
			return -errno;
	}
	return 0;
}

int kit_pack_add(struct kit_pack *pack, const char *file, const char *at, struct scn_buf *why)
{
	scn_cleanup_buf struct scn_buf link = {0};
	char real[PATH_MAX];
	int err;

	if (!realpath(file, real))
		return explain(file, errno, why);
	scn_buf_printf(&link, "%s/" ROOT "/%s", pack->stage.path, at);
	if (link.failed)
		return explain(at, ENOMEM, why);
	err = make_parents(pack->stage.path, link.data);
	if (!err && symlink(real, link.data))
		err = -errno;
	return err ? explain(scn_buf_text(&link), -err, why) : 0;
}

_Noreturn static void run_tar(const char *stage, int out)
{
	dup2(out, STDOUT_FILENO);
	/* Links stand for what they lead to; what only the source tree needs stays there. */
	execlp("tar", "tar", "--create", "--file=-", "--directory", stage, "--format=ustar",
	       "--dereference", "--hard-dereference", "--sort=name", "--owner=root:0",
	       "--group=root:0", "--mtime=@0", "--mode=u=rwX,go=rX", "--exclude=table.sh",
	       "--exclude=*.txt", "--exclude=*.md", ROOT, (char *)NULL);
	_exit(127);
}

/* What tar(1) has to say it says itself, on standard error. */
static int write_to(const struct kit_pack *pack, int out, const char *path, struct scn_buf *why)
{
	int status = 0;
	pid_t pid = scn_fork_child();

	if (pid == 0)
		run_tar(pack->stage.path, out);
	if (pid < 0 || scn_await_child(pid, &status))
		return explain("tar", errno, why);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return explain("tar", ENOENT, why);
	scn_buf_printf(why, "%s: tar could not write it", path);
	return -EIO;
}

int kit_pack_write(struct kit_pack *pack, const char *path, struct scn_buf *why)
{
	struct stat st;
	int out, err;

	if (!strcmp(path, "-"))
		return write_to(pack, STDOUT_FILENO, "standard output", why);
	out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (out < 0)
		return explain(path, errno, why);
	err = write_to(pack, out, path, why);
	/* Some file systems say only then that they are full. */
	if (close(out) && !err)
		err = explain(path, errno, why);
	if (err && stat(path, &st) == 0 && S_ISREG(st.st_mode))
		unlink(path);
	return err;
}

void kit_pack_end(struct kit_pack *pack)
{
	scn_scratch_remove(&pack->stage);
}
