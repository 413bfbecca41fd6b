/* SPDX-License-Identifier: MIT */
/*
 * Real processes on a front of the fake devices. Each scenario has a machine of its own: a `gntsim
 * serve`; its processes are started by `gntsim run`, its machine steps are `gntsim control`. Nothing
 * of gntsim is linked in for this, only its command is used: the program this is part of, or
 * $GNTSIM. What looks at a machine, or changes it, is called in a child, if it can be, as it would be if executed.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "complaints.h"
#include "fronts.h"
#include "lang/source.h"
#include "player/child.h"
#include "player/variant.h"
#include "substrates/agent/agents.h"
#include "substrates/agent/scratch.h"
#include "substrates/static_player.h"
#include "substrates/substrates.h"
#include "unmount.h"

#define MAX_WORDS 32
#define HANG_S    20 /* no call takes so long: it hangs */

/* How the processes of a front are started, and what it takes of the host. */
struct front {
	const char *options[4], *node;
	bool mounts; /* the machine shows a tree */
	bool any;    /* its programs may be static: then the processes are */
};

struct server {
	struct scn_agents agents;
	const struct front *front;
	const char *gntsim;
	int (*command)(int argc, char **argv); /* of struct scn_options, if that is the same */
	struct scn_scratch scratch;
	char socket[104], tree[104];
	pid_t pid;
	int output; /* of the server: readable when it serves, at its end when it has died */
	struct scn_complaints complaints;
	struct scn_setup setup;
	uint32_t domain_of[64];
	char said[512]; /* of its output, what is not looked at yet */
	size_t n_said;
	char hazard[80]; /* the last it spoke of */
	struct scn_buf player;
	const char *player_argv[3];
};

static enum scn_status broken(struct scn_buf *why, const char *what)
{
	scn_buf_printf(why, "%s: %s", what, strerror(errno));
	return SCN_ERROR;
}

static const struct front fronts[SCN_N_FRONTS] = {
    [SCN_FRONT_SOCKET] = {{"--front", "socket"}, NULL, false, false},
    [SCN_FRONT_FUSE] = {{"--front", "fuse"}, "/dev/fuse", false, false},
    [SCN_FRONT_FUSE_UNASSISTED] = {{"--front", "fuse", "--assist=no"}, "/dev/fuse", true, false},
    [SCN_FRONT_CUSE] = {{"--front", "cuse"}, "/dev/cuse", false, false},
    [SCN_FRONT_PTRACE] = {{"--front", "ptrace"}, NULL, false, true},
};

/* What no machine that is served can do. */
static uint64_t front_capabilities(enum scn_front front)
{
	const uint64_t never = SCN_CAP(FAIL_ALLOCATION) | SCN_CAP(FAIL_MMAP) | SCN_CAP(RAISE_VIRQ);

	return SCN_ALL_CAPS & ~never & ~scn_front_lacks(front);
}

static struct scn_version front_kernel(const void *self)
{
	(void)self;
	return (struct scn_version){6, 1, -1};
}

/* What becomes of the child. */
static void be_command(const struct server *s, int (*gntsim)(int argc, char **argv), char **argv)
{
	int argc = 0, status;

	if (!gntsim) {
		execv(s->gntsim, argv);
		_exit(127);
	}
	while (argv[argc])
		argc++;
	optind = 0; /* another command's words were read before */
	status = gntsim(argc, argv);
	_exit(fflush(stdout) == 0 ? status : 127);
}

/*
 * Starts `gntsim WORD…` with its output in a pipe, its standard error in another. It ends with us, and our
 * directory after it. gntsim: as in struct scn_options
 */
static pid_t start(const struct server *s, int (*gntsim)(int argc, char **argv),
		   const char *const *words, int *output, struct scn_complaints *complaints)
{
	union {
		const char *in[MAX_WORDS + 2];
		char *out[MAX_WORDS + 2];
	} argv = {.in = {s->gntsim}};
	int fds[2], errors;
	pid_t pid;

	for (int i = 0; i < MAX_WORDS && words[i]; i++)
		argv.in[i + 1] = words[i];
	if (pipe2(fds, O_CLOEXEC))
		return -1;
	errors = scn_complaints_open(complaints);
	pid = scn_fork_child();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		if (errors >= 0)
			dup2(errors, STDERR_FILENO);
		fcntl(s->scratch.hold, F_SETFD, 0);
		be_command(s, gntsim, argv.out);
	}
	close(fds[1]);
	if (errors >= 0)
		close(errors);
	*output = fds[0];
	if (pid < 0) {
		close(fds[0]);
		scn_complaints_close(complaints);
	}
	return pid;
}

/* Runs `gntsim WORD…` to its end; what it prints goes to `out`. */
static enum scn_status run(const struct server *s, const char *const *words, struct scn_buf *out,
			   struct scn_buf *why)
{
	int output = -1, status = 0;
	struct scn_complaints complaints;
	pid_t pid = start(s, s->command, words, &output, &complaints);
	char chunk[1024];
	bool done;
	ssize_t n;
	int err;

	if (pid < 0)
		return broken(why, "gntsim");
	while ((n = scn_read(output, chunk, sizeof(chunk))) > 0)
		scn_buf_add(out, chunk, (size_t)n);
	err = out->failed ? ENOMEM : errno;
	close(output);
	scn_await_child(pid, &status);
	done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (n < 0 || out->failed) {
		scn_buf_printf(why, "gntsim %s: %s", words[0], strerror(err));
		done = false;
	} else if (!done) {
		scn_buf_printf(why, "gntsim %s %s failed", words[0], words[1]);
		scn_complaints_add(&complaints, why);
	}
	scn_complaints_close(&complaints);
	return done ? SCN_OK : SCN_ERROR;
}

/* How long a machine may take to begin, and to end: five seconds, where a call has its twenty. */
static int quarter_ms(const struct server *s)
{
	return (int)s->agents.hang_s * 1000 / 4;
}

static void front_end(void *self)
{
	struct server *s = self;
	int status = 0;

	scn_agents_end(&s->agents);
	if (s->pid > 0)
		status = scn_end_child(s->pid, 0, quarter_ms(s));
	/* What a broker that died left mounted. */
	if (status && s->front->mounts)
		scn_unmount(s->tree);
	s->pid = 0;
	/* Who traced them is ours to wait for, and ends after them: a machine's that was before has by now. */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	if (s->output >= 0)
		close(s->output);
	s->output = -1;
	scn_complaints_close(&s->complaints);
	unlink(s->socket);
	rmdir(s->tree);
}

static enum scn_status await_server(struct server *s, struct scn_buf *why)
{
	char line[128];

	s->n_said = 0;
	if (scn_await_input(s->output, quarter_ms(s)) &&
	    scn_read(s->output, line, sizeof(line)) > 0 &&
	    fcntl(s->output, F_SETFL, O_NONBLOCK) == 0)
		return SCN_OK;
	scn_buf_str(why, "gntsim serve did not start");
	scn_complaints_add(&s->complaints, why);
	front_end(s);
	return SCN_ERROR;
}

static enum scn_status front_set_limit(void *self, uint32_t domain, enum gntsim_limit limit,
				       uint64_t value, struct scn_buf *why)
{
	struct server *s = self;
	scn_cleanup_buf struct scn_buf out = {0};
	char domid[16], setting[48];
	const char *words[] = {"control", "--socket", s->socket, "limit", domid, setting, NULL};

	snprintf(domid, sizeof(domid), "%u", s->setup.domains[domain].number);
	snprintf(setting, sizeof(setting), "%s=%llu", gntsim_limit(limit)->name,
		 (unsigned long long)value);
	return run(s, words, &out, why);
}

/* Limits as words of a command: "maptrack_frames=1", or "--maptrack-frames=1". */
struct limit_words {
	char text[GNTSIM_N_LIMITS][48];
	unsigned int n;
};

static void add_limit(struct limit_words *l, bool option, enum gntsim_limit limit, uint64_t value)
{
	char *text = l->text[l->n];

	if (!value)
		return;
	snprintf(text, sizeof(l->text[0]), "%s%s=%llu", option ? "--" : "",
		 gntsim_limit(limit)->name, (unsigned long long)value);
	for (char *c = text; option && (c = strchr(c, '_'));)
		*c = '-';
	l->n++;
}

static void add_limits(struct limit_words *l, bool option, const uint64_t *limits)
{
	for (unsigned int i = 0; i < GNTSIM_N_LIMITS; i++)
		add_limit(l, option, (enum gntsim_limit)i, limits[i]);
}

/* The words that make a command run in a domain of the machine. */
static void join_words(const struct server *s, uint32_t domain, char *domid, size_t size,
		       const char **words)
{
	const char *guest = s->setup.domains[domain].guest == SCN_PV ? "pv" : "pvh";
	size_t n = 0;

	snprintf(domid, size, "%u", s->setup.domains[domain].number);
	words[n++] = s->gntsim;
	words[n++] = "run";
	words[n++] = "--socket";
	words[n++] = s->socket;
	words[n++] = "--domain";
	words[n++] = domid;
	if (s->setup.domains[domain].has_guest) {
		words[n++] = "--guest";
		words[n++] = guest;
	}
	for (size_t i = 0; s->front->options[i]; i++)
		words[n++] = s->front->options[i];
	words[n++] = "--";
	words[n] = NULL;
}

static const char *guest_word(const struct scn_setup *setup, uint32_t domain)
{
	return setup->domains[domain].guest == SCN_PV ? "pv" : "pvh";
}

/* Domain 0 is there from the start. */
static enum scn_status make_domains(const struct server *s, struct scn_buf *why)
{
	for (uint32_t i = 0; i < s->setup.n_domains; i++) {
		scn_cleanup_buf struct scn_buf out = {0};
		struct limit_words limits = {.n = 0};
		char domid[16];
		const char *words[MAX_WORDS] = {"control", "--socket", s->socket, "create", domid};
		size_t n = 5;

		if (s->setup.domains[i].number == 0)
			continue;
		snprintf(domid, sizeof(domid), "%u", s->setup.domains[i].number);
		if (s->setup.domains[i].has_guest)
			words[n++] = guest_word(&s->setup, i);
		add_limits(&limits, false, s->setup.domains[i].limits);
		for (unsigned int l = 0; l < limits.n; l++)
			words[n++] = limits.text[l];
		if (run(s, words, &out, why) != SCN_OK)
			return SCN_ERROR;
	}
	return SCN_OK;
}

/* What the script says of domain 0; NULL: nothing. */
static const uint64_t *settings_of_domain0(const struct scn_setup *setup, const char **guest)
{
	*guest = setup->platform.arch == SCN_ARM64 ? "pvh" : "pv";
	for (uint32_t i = 0; i < setup->n_domains; i++) {
		if (setup->domains[i].number != 0)
			continue;
		if (setup->domains[i].has_guest)
			*guest = guest_word(setup, i);
		return setup->domains[i].limits;
	}
	return NULL;
}

static pid_t start_server(struct server *s, const struct scn_setup *setup)
{
	struct limit_words limits = {.n = 0};
	const char *arch = scn_arch_name(setup->platform.arch);
	const char *xsm = scn_xsm_name(setup->platform.xsm);
	char kernel[SCN_VERSION_ROOM], xen[24];
	const char *words[MAX_WORDS] = {"serve",     "--socket", s->socket, "--virtual-time",
					"--hazards", "--kernel", kernel,    "--xen",
					xen,         "--arch",   arch,      "--xsm",
					xsm,         "--domain", "0",       "--guest"};
	size_t n = 16;
	const uint64_t *of_domain0 = settings_of_domain0(setup, &words[n++]);

	snprintf(xen, sizeof(xen), "%u.%u", setup->platform.xen.major, setup->platform.xen.minor);
	scn_version_name(setup->kernel, kernel);
	add_limit(&limits, true, GNTSIM_LIMIT_FRAMES, setup->frames);
	if (of_domain0)
		add_limits(&limits, true, of_domain0);
	for (unsigned int l = 0; l < limits.n; l++)
		words[n++] = limits.text[l];
	if (setup->dmabufs)
		words[n++] = setup->dmabufs == GNTSIM_DMABUFS_LINUX ? "--dmabuf=linux" : "--dmabuf";
	if (s->front->mounts) {
		words[n++] = "--mount";
		words[n++] = s->tree;
	}
	return start(s, NULL, words, &s->output, &s->complaints);
}

static enum scn_status front_begin(void *self, const struct scn_setup *setup, struct scn_buf *why)
{
	struct server *s = self;
	struct scn_version known;

	if (!scn_model_kernel_for(NULL, setup->kernel, &known) ||
	    known.major != setup->kernel.major || known.minor != setup->kernel.minor) {
		scn_buf_printf(why, "the model knows no kernel %u.%u", setup->kernel.major,
			       setup->kernel.minor);
		return SCN_SKIP;
	}
	if (scn_needs_pv_on_arm(setup, why))
		return SCN_SKIP;
	s->setup = *setup;
	if (s->front->mounts && mkdir(s->tree, 0700) && errno != EEXIST)
		return broken(why, s->tree);
	s->pid = start_server(s, setup);
	if (s->pid < 0)
		return broken(why, "gntsim serve");
	if (await_server(s, why) != SCN_OK)
		return SCN_ERROR;
	if (make_domains(s, why) == SCN_OK)
		return SCN_OK;
	front_end(s);
	return SCN_ERROR;
}

static uint16_t front_domid(const void *self, uint32_t domain)
{
	const struct server *s = self;

	return s->setup.domains[domain].number;
}

static enum scn_status front_spawn(void *self, uint32_t process, uint32_t domain,
				   struct scn_buf *why)
{
	struct server *s = self;
	const char *launcher[MAX_WORDS];
	char domid[16];

	join_words(s, domain, domid, sizeof(domid), launcher);
	s->domain_of[process] = domain;
	return scn_agents_spawn(&s->agents, process, launcher, why);
}

static enum scn_status front_totals(void *self, struct scn_totals *out, struct scn_buf *why)
{
	struct server *s = self;
	scn_cleanup_buf struct scn_buf text = {0};
	const char *words[] = {"status", "--socket", s->socket, NULL};
	enum scn_status status = run(s, words, &text, why);
	const char *line = scn_buf_text(&text);

	*out = (struct scn_totals){0};
	while (status == SCN_OK && *line) {
		size_t n = strcspn(line, " ");
		int total = scn_total_find((struct scn_str){line, n});

		if (total >= 0)
			out->of[total] = strtoull(line + n, NULL, 10);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return status;
}

/* The kernel has closed what a call or a death closed when it returns; `gntsim status` answers when
 * the machine has dealt with that. */
static enum scn_status settle(struct server *s, struct scn_buf *why)
{
	struct scn_totals totals;

	return front_totals(s, &totals, why);
}

/* Whether a call may have ended a file, or a mapping that was the last to hold one. */
static bool may_end(const struct server *s, enum scn_call_kind kind)
{
	if (kind == SCN_CLOSE || kind == SCN_EXEC || kind == SCN_EXIT)
		return true;
	/* Otherwise the preloaded library has told the broker. */
	return s->front->mounts && (kind == SCN_MUNMAP || kind == SCN_MMAP || kind == SCN_MREMAP);
}

static enum scn_status front_call(void *self, uint32_t process, const struct scn_call *call,
				  struct scn_result *result, struct scn_buf *why)
{
	struct server *s = self;
	enum scn_status status;

	if (call->kind == SCN_FORK)
		s->domain_of[call->peer] = s->domain_of[process];
	status = scn_agents_call(&s->agents, process, call, result, why);
	if (status == SCN_OK && may_end(s, call->kind))
		status = settle(s, why);
	return status;
}

static enum scn_status front_kill(void *self, uint32_t process, struct scn_buf *why)
{
	struct server *s = self;
	enum scn_status status = scn_agents_kill(&s->agents, process, why);

	return status == SCN_OK ? settle(s, why) : status;
}

static enum scn_status front_advance(void *self, uint64_t ns, struct scn_buf *why)
{
	struct server *s = self;
	scn_cleanup_buf struct scn_buf out = {0};
	char text[24];
	const char *words[] = {"control", "--socket", s->socket, "advance", text, NULL};

	snprintf(text, sizeof(text), "%llu", (unsigned long long)ns);
	return run(s, words, &out, why);
}

static enum scn_status front_destroy(void *self, uint32_t domain, struct scn_buf *why)
{
	struct server *s = self;
	scn_cleanup_buf struct scn_buf out = {0};
	char domid[16];
	const char *words[] = {"control", "--socket", s->socket, "destroy", domid, NULL};
	enum scn_status status;

	snprintf(domid, sizeof(domid), "%u", s->setup.domains[domain].number);
	status = run(s, words, &out, why);
	for (uint32_t i = 0; i < 64 && status == SCN_OK; i++) {
		if (s->agents.agents[i].pid > 0 && s->domain_of[i] == domain)
			status = scn_agents_await(&s->agents, i, why);
	}
	return status == SCN_OK ? settle(s, why) : status;
}

/* A line of the server's: "hazard NAME". */
static void take_line(struct server *s, const char *line, size_t n)
{
	static const char word[] = "hazard ";
	const size_t skip = sizeof(word) - 1;

	if (n > skip && n - skip < sizeof(s->hazard) && !memcmp(line, word, skip))
		snprintf(s->hazard, sizeof(s->hazard), "%.*s", (int)(n - skip), line + skip);
}

/* The server has said what a call led to before the call returns, or settle() does. */
static const char *front_hazard(void *self)
{
	struct server *s = self;
	ssize_t n;

	s->hazard[0] = '\0';
	scn_complaints_hear(&s->complaints);
	while ((n = scn_read(s->output, s->said + s->n_said, sizeof(s->said) - s->n_said)) > 0) {
		const char *at = s->said, *end;

		s->n_said += (size_t)n;
		for (; (end = memchr(at, '\n', s->n_said - (size_t)(at - s->said))); at = end + 1)
			take_line(s, at, (size_t)(end - at));
		s->n_said -= (size_t)(at - s->said);
		memmove(s->said, at, s->n_said);
		if (s->n_said == sizeof(s->said))
			s->n_said = 0;
	}
	return s->hazard[0] ? s->hazard : NULL;
}

/* Whether this host lets a program have the front's devices. */
static enum scn_status try_out(struct server *s, struct scn_buf *why)
{
	static const struct scn_setup setup = {
	    .n_domains = 1, .kernel = {6, 1, -1}, .platform = {.xen = {4, 17, -1}}};
	scn_cleanup_buf struct scn_buf out = {0};
	const char *words[MAX_WORDS];
	enum scn_status status = front_begin(s, &setup, why);
	char domid[16];
	size_t n = 0;

	if (status != SCN_OK)
		return SCN_SKIP;
	join_words(s, 0, domid, sizeof(domid), words);
	while (words[n])
		n++;
	words[n++] = s->gntsim;
	words[n++] = "--version";
	words[n] = NULL;
	status = run(s, words + 1, &out, why);
	front_end(s);
	return status == SCN_OK ? SCN_OK : SCN_SKIP;
}

static void front_close(void *self)
{
	struct server *s = self;

	scn_buf_free(&s->player);
	scn_scratch_remove(&s->scratch);
	free(s);
}

/* What no library could be preloaded into, if it was built. */
static void be_static(struct server *s)
{
	scn_static_player("", &s->player);
	if (access(scn_buf_text(&s->player), X_OK) < 0)
		return;
	s->player_argv[0] = scn_buf_text(&s->player);
	s->player_argv[1] = "--agent";
	s->agents.agent_argv = s->player_argv;
}

static enum scn_status front_open(enum scn_front which, const struct scn_options *options,
				  void **self, struct scn_buf *why)
{
	const struct front *front = &fronts[which];
	struct server *s;
	enum scn_status status;
	int err;

	if (front->node && access(front->node, R_OK | W_OK) < 0) {
		scn_buf_printf(why, "%s: %s", front->node, strerror(errno));
		return SCN_SKIP;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return broken(why, "out of memory");
	scn_agents_init(&s->agents, options);
	if (front->any)
		be_static(s);
	s->agents.hang_s = options->hang_s ? options->hang_s : HANG_S;
	s->front = front;
	s->gntsim = getenv("GNTSIM");
	if (!s->gntsim) {
		s->gntsim = "/proc/self/exe";
		s->command = options->gntsim;
	}
	s->output = -1;
	s->complaints.fd = -1;
	err = scn_scratch_make(&s->scratch, "gntsim-play");
	if (err) {
		scn_buf_printf(why, "%s: %s", s->scratch.path, strerror(-err));
		free(s);
		return SCN_ERROR;
	}
	snprintf(s->socket, sizeof(s->socket), "%s/socket", s->scratch.path);
	snprintf(s->tree, sizeof(s->tree), "%s/tree", s->scratch.path);
	status = front->node ? try_out(s, why) : SCN_OK;
	if (status == SCN_OK)
		*self = s;
	else
		front_close(s);
	return status;
}

/* The same steps behind each front; the broker, and what it can do, is one. */
#define SUBSTRATE(symbol, front, name_, summary_)                                                  \
	static enum scn_status symbol##_open(const struct scn_options *options, void **self,       \
					     struct scn_buf *why)                                  \
	{                                                                                          \
		return front_open(front, options, self, why);                                      \
	}                                                                                          \
	static uint64_t symbol##_capabilities(const void *self)                                    \
	{                                                                                          \
		(void)self;                                                                        \
		return front_capabilities(front);                                                  \
	}                                                                                          \
	const struct scn_substrate_ops scn_substrate_##symbol = {                                  \
	    .name = name_,                                                                         \
	    .summary = summary_,                                                                   \
	    .open = symbol##_open,                                                                 \
	    .close = front_close,                                                                  \
	    .capabilities = symbol##_capabilities,                                                 \
	    .kernel = front_kernel,                                                                \
	    .platform = scn_model_platform,                                                        \
	    .kernel_for = scn_model_kernel_for,                                                    \
	    .begin = front_begin,                                                                  \
	    .end = front_end,                                                                      \
	    .domid = front_domid,                                                                  \
	    .spawn = front_spawn,                                                                  \
	    .call = front_call,                                                                    \
	    .kill = front_kill,                                                                    \
	    .advance = front_advance,                                                              \
	    .destroy = front_destroy,                                                              \
	    .set_limit = front_set_limit,                                                          \
	    .totals = front_totals,                                                                \
	    .hazard = front_hazard,                                                                \
	}

SUBSTRATE(socket, SCN_FRONT_SOCKET, "socket",
	  "real processes on the socket front, a machine for each scenario");
SUBSTRATE(fuse, SCN_FRONT_FUSE, "fuse", "the same on the FUSE front, assisted");
SUBSTRATE(fuse_unassisted, SCN_FRONT_FUSE_UNASSISTED, "fuse-unassisted",
	  "the same on the FUSE front, without the preloaded library");
SUBSTRATE(ptrace, SCN_FRONT_PTRACE, "ptrace",
	  "static processes on the ptrace front, without a library or a mount");
SUBSTRATE(cuse, SCN_FRONT_CUSE, "cuse", "the same on the CUSE front (root, /dev/cuse)");
