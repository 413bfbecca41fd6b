/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "crash/trial.h"
#include "crash/order.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "substrates/agent/remove.h"

#define OUTPUT_TOLD 4000
#define CHECK       "check" /* the file in a trial's directory */

int64_t crash_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Words of an order, which stand in one buffer, each with its zero byte. */
struct word_list {
	struct scn_buf text;
	size_t at[16 + CRASH_RINGS];
	char *words[16 + CRASH_RINGS + 1];
	unsigned int n;
};

static void add_word(struct word_list *w, const char *option, const char *value)
{
	w->at[w->n++] = w->text.len;
	scn_buf_printf(&w->text, "--%s%s%s", option, value ? "=" : "", value ? value : "");
	scn_buf_zeros(&w->text, 1);
}

static char **words_of(struct word_list *w)
{
	for (unsigned int i = 0; i < w->n && !w->text.failed; i++)
		w->words[i] = w->text.data + w->at[i];
	return w->words;
}

static void order_machine(struct word_list *w, const struct crash_search *s, const char *dir,
			  bool counts_stores)
{
	scn_cleanup_buf struct scn_buf points = {0}, check = {0}, hang = {0};

	scn_buf_printf(&points, "%s/points-%s", dir, CRASH_ORDER_RUN);
	add_word(w, "points", scn_buf_text(&points));
	add_word(w, "leaks", NULL);
	/* Found at once by the run itself, if nothing is to come; else by us. */
	scn_buf_printf(&hang, "%us", s->patience);
	add_word(w, "hang", scn_buf_text(&hang));
	if (counts_stores)
		add_word(w, "count-stores", NULL);
	if (s->check) {
		scn_buf_printf(&check, "sh '%s/" CHECK "' || { : >'%s/check-failed'; exit 1; }",
			       dir, dir);
		add_word(w, "check", scn_buf_text(&check));
	}
}

/* A script of its own: it may end in a comment. */
static int write_check(const char *check, const char *dir)
{
	scn_cleanup_buf struct scn_buf path = {0};
	FILE *out;
	int err;

	scn_buf_printf(&path, "%s/" CHECK, dir);
	out = path.failed ? NULL : fopen(scn_buf_text(&path), "we");
	if (!out)
		return path.failed ? -ENOMEM : -errno;
	fprintf(out, "%s\n", check);
	err = ferror(out) ? -EIO : 0;
	return fclose(out) ? -errno : err;
}

static int write_order(const struct crash_search *s, const char *dir, const struct trial_what *what)
{
	const struct crash_point *point = what->point;
	struct word_list machine = {0}, program = {0};
	scn_cleanup_buf struct scn_buf at = {0}, schedule = {0};
	struct crash_order order = {0};
	int status = -ENOMEM;

	order_machine(&machine, s, dir, !point && s->choice.stores && !s->only);
	if (what->schedule) {
		crash_schedule_text(what->schedule, &schedule);
		add_word(&machine, "schedule", scn_buf_text(&schedule));
	}
	if (what->watched && *what->watched)
		add_word(&machine, "watch-bytes", what->watched);
	/* Where loads can't be watched, the undisturbed run says so. */
	for (size_t i = 0; i < s->n_rings; i++)
		if (point || strstr(s->rings[i], ":data="))
			add_word(&machine, "watch-ring", s->rings[i]);
	for (char **word = s->more; word && *word; word++)
		add_word(&machine, *word, NULL);
	if (point) {
		order.run = point->run;
		order.program = point->program;
		crash_point_at(point, &at);
		add_word(&program, "kill-at", scn_buf_text(&at));
		if (s->end)
			add_word(&program, "end", s->end);
	}
	order.machine = words_of(&machine);
	order.of_program = words_of(&program);
	if (!machine.text.failed && !program.text.failed)
		status = s->check ? write_check(s->check, dir) : 0;
	if (status == 0)
		status = crash_order_write(dir, &order);
	scn_buf_free(&machine.text);
	scn_buf_free(&program.text);
	return status;
}

/* The child's. */
static void become(const struct trial *t, const struct crash_search *s, struct keeper *k,
		   pid_t parent, const sigset_t *before)
{
	scn_cleanup_buf struct scn_buf output = {0};
	int in, out;

	setpgid(0, 0);
	if (keeper_began(k, getpid()) < 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 ||
	    getppid() != parent)
		_exit(125);
	scn_buf_printf(&output, "%s/output", t->dir);
	in = open("/dev/null", O_RDONLY);
	out = open(scn_buf_text(&output), O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	if (in > STDERR_FILENO)
		close(in);
	if (out > STDERR_FILENO)
		close(out);
	setenv(CRASH_ENVIRONMENT, t->dir, 1);
	/* A machine that is killed leaves what it has on disk there, and it goes with the trial. */
	setenv("TMPDIR", t->dir, 1);
	sigprocmask(SIG_SETMASK, before, NULL);
	execvp(s->argv[0], s->argv);
	dprintf(STDERR_FILENO, "gntsim: cannot run %s: %s\n", s->argv[0], strerror(errno));
	_exit(127);
}

int trial_start(struct trial *t, const struct crash_search *s, struct keeper *k, const char *base,
		size_t number, const struct trial_what *what, const sigset_t *before)
{
	pid_t parent = getpid();
	int status;

	*t = (struct trial){.loud = s->loud, .began = crash_now_ms(), .looked = crash_now_ms()};
	if (asprintf(&t->dir, "%s/%zu", base, number) < 0) {
		t->dir = NULL;
		return -ENOMEM;
	}
	if (mkdir(t->dir, 0700) < 0)
		return -errno;
	status = write_order(s, t->dir, what);
	if (status < 0)
		return status;
	fflush(NULL);
	t->pid = fork();
	if (t->pid == 0)
		become(t, s, k, parent, before);
	if (t->pid < 0) {
		t->pid = 0;
		return -errno;
	}
	setpgid(t->pid, t->pid);
	return 0;
}

void trial_repeat(struct trial *t)
{
	scn_cleanup_buf struct scn_buf path = {0};
	char bytes[4096];
	ssize_t n;
	int fd;

	if (!t->loud)
		return;
	scn_buf_printf(&path, "%s/output", t->dir);
	fd = open(scn_buf_text(&path), O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = pread(fd, bytes, sizeof(bytes), t->repeated)) > 0 &&
	       write(STDERR_FILENO, bytes, (size_t)n) == n)
		t->repeated += n;
	if (fd >= 0)
		close(fd);
}

int trial_reap(struct trial *t, struct keeper *k)
{
	int status = 0;

	/* While it is there, dead, nobody else has its number. */
	kill(-t->pid, SIGKILL);
	while (waitpid(t->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	keeper_ended(k, t->pid);
	t->pid = 0;
	trial_repeat(t);
	return status;
}

static int read_run(const struct trial *t, struct trial_said *said, struct scn_buf *why)
{
	scn_cleanup_buf struct scn_buf path = {0};
	struct crash_run run, *more;
	int status;

	crash_order_file(&path, t->dir, (unsigned int)said->n_runs + 1, "points");
	status = crash_run_read(scn_buf_text(&path), &run, why);
	if (status < 0 && !run.programs)
		return status;
	more = status < 0 ? NULL : reallocarray(said->runs, said->n_runs + 1, sizeof(*more));
	if (!more) {
		crash_run_free(&run);
		return status < 0 ? status : -ENOMEM;
	}
	said->runs = more;
	said->runs[said->n_runs++] = run;
	return 0;
}

int trial_read(const struct trial *t, struct trial_said *said, struct scn_buf *why)
{
	scn_cleanup_buf struct scn_buf path = {0};
	int status;

	*said = (struct trial_said){0};
	do
		status = read_run(t, said, why);
	while (status == 0);
	scn_buf_printf(&path, "%s/check-failed", t->dir);
	said->check_failed = access(scn_buf_text(&path), F_OK) == 0;
	return status == -ENOENT ? 0 : status;
}

void trial_output(const struct trial *t, struct scn_buf *out)
{
	scn_cleanup_buf struct scn_buf path = {0};
	char bytes[OUTPUT_TOLD];
	size_t n = 0;
	FILE *in;

	scn_buf_printf(&path, "%s/output", t->dir);
	in = fopen(scn_buf_text(&path), "re");
	if (!in)
		return;
	if (fseek(in, -OUTPUT_TOLD, SEEK_END) < 0)
		rewind(in);
	n = fread(bytes, 1, sizeof(bytes), in);
	fclose(in);
	while (n > 0 && bytes[n - 1] == '\n')
		n--;
	scn_buf_clean(out, bytes, n, "\n\t");
}

void trial_remove(struct trial *t)
{
	if (t->dir)
		scn_remove(t->dir);
	free(t->dir);
	t->dir = NULL;
	scn_buf_free(&t->waiting);
	t->waiting = (struct scn_buf){0};
}

void trial_said_free(struct trial_said *said)
{
	for (size_t i = 0; i < said->n_runs; i++)
		crash_run_free(&said->runs[i]);
	free(said->runs);
	*said = (struct trial_said){0};
}
