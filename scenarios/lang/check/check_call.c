/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <string.h>

#include "check_state.h"
#include "lang/constants.h"

struct signature {
	unsigned int min, max;
	const char *usage;
};

static const struct signature signatures[SCN_N_CALLS] = {
    [SCN_OPEN] = {2, 2, "open(\"PATH\", FLAGS)"},
    [SCN_CLOSE] = {1, 1, "close(FD)"},
    [SCN_DUP] = {1, 1, "dup(FD)"},
    [SCN_IOCTL] = {2, 3, "ioctl(FD, NUMBER, ARGUMENT)"},
    [SCN_MMAP] = {6, 6, "mmap(ADDRESS, LENGTH, PROT, FLAGS, FD, OFFSET)"},
    [SCN_MUNMAP] = {2, 2, "munmap(ADDRESS, LENGTH)"},
    [SCN_MPROTECT] = {3, 3, "mprotect(ADDRESS, LENGTH, PROT)"},
    [SCN_MADVISE] = {3, 3, "madvise(ADDRESS, LENGTH, ADVICE)"},
    [SCN_FUTEX] = {2, 2, "futex(ADDRESS, OPERATION)"},
    [SCN_MREMAP] = {4, 5, "mremap(ADDRESS, OLD_LENGTH, NEW_LENGTH, FLAGS[, NEW_ADDRESS])"},
    [SCN_LOAD] = {2, 2, "load(ADDRESS, LENGTH)"},
    [SCN_STORE] = {2, 2, "store(ADDRESS, BYTES)"},
    [SCN_READ] = {2, 3, "read(FD, LENGTH) or read(FD, ADDRESS, LENGTH)"},
    [SCN_WRITE] = {2, 3, "write(FD, [PORT, …][, LENGTH]) or write(FD, ADDRESS, LENGTH)"},
    [SCN_POLL] = {1, 1, "poll(FD)"},
    [SCN_FCNTL] = {3, 3, "fcntl(FD, F_SETFL, FLAGS) or fcntl(FD, F_SETOWN, PROCESS)"},
    [SCN_SIGIO] = {0, 0, "sigio()"},
    [SCN_PIN] = {1, 1, "FD = pin(ADDRESS)"},
    [SCN_FORK] = {0, 0, "CHILD = fork()"},
    [SCN_EXEC] = {0, 0, "exec()"},
    [SCN_EXIT] = {1, 1, "exit(STATUS)"},
    [SCN_SEND_FD] = {2, 2, "send_fd(PROCESS, FD)"},
};

bool scn_check_process(struct scn_checker *c, struct scn_str name, struct scn_pos pos,
		       uint32_t *out)
{
	for (uint32_t i = 0; i < c->s->n_processes; i++) {
		if (!scn_str_same(c->processes[i].decl->name, name))
			continue;
		*out = i;
		if (!c->processes[i].ended)
			return true;
		scn_check_error(c, pos,
				"expected a living process, found %.*s, which ended on line %u",
				SCN_STR(name), c->processes[i].ended);
		return false;
	}
	scn_check_error(c, pos,
			"expected a process, found '%.*s' (declare it: process %.*s in dom0)",
			SCN_STR(name), SCN_STR(name));
	return false;
}

static void check_ioctl_argument(struct scn_checker *c, struct scn_node *arg)
{
	if (arg->kind == SCN_READONLY || arg->kind == SCN_SHORT) {
		if (arg->first->next)
			scn_check_input(c, arg->first->next);
		arg = arg->first;
		if (arg->kind != SCN_STRUCT && arg->kind != SCN_FUNCTION) {
			scn_check_error(c, arg->pos,
					"expected {…} or bytes(…) to lay out in memory");
			return;
		}
	}
	if (arg->kind == SCN_FUNCTION && scn_str_is(arg->text, "bytes"))
		scn_check_bytes(c, arg, false);
	else if (arg->kind != SCN_STRUCT)
		scn_check_number(c, arg, "{…}, bytes(…) or an address");
	else if (c->layout)
		scn_check_struct(c, arg, c->layout, false);
	else
		scn_check_error(c, arg->pos,
				"expected bytes(…) or an address, found a struct: this "
				"ioctl number has none that is known");
}

static void check_ioctl(struct scn_checker *c, struct scn_step *step)
{
	struct scn_node *number = step->args->next;
	struct scn_str name = number->text;
	const struct scn_ioctl *request = number->kind == SCN_NAME ? scn_ioctl_by_name(name) : NULL;

	c->layout = request ? request->layout : NULL;
	scn_check_input(c, step->args);
	scn_check_input(c, number);
	if (number->next)
		check_ioctl_argument(c, number->next);
	else if (c->layout)
		scn_check_error(c, step->call_pos, "expected an argument {…} for %s, found none",
				request->name);
}

/* Whether it is one. */
static bool check_peer(struct scn_checker *c, struct scn_step *step, const struct scn_node *peer,
		       const char *which)
{
	if (peer->kind == SCN_NAME && !peer->first) {
		step->target = peer->text;
		return scn_check_process(c, peer->text, peer->pos, &step->target_process);
	}
	scn_check_error(c, peer->pos, "expected a process's name as %s argument", which);
	return false;
}

static void check_send_fd(struct scn_checker *c, struct scn_step *step)
{
	check_peer(c, step, step->args, "first");
	scn_check_input(c, step->args->next);
}

static void check_fcntl(struct scn_checker *c, struct scn_step *step)
{
	struct scn_node *command = step->args->next, *last = command->next;

	scn_check_input(c, step->args);
	scn_check_input(c, command);
	if (command->kind != SCN_NUMBER ||
	    (command->number != F_SETFL && command->number != F_SETOWN))
		scn_check_error(c, command->pos, "expected F_SETFL or F_SETOWN");
	else if (command->number == F_SETFL)
		scn_check_input(c, last);
	else if (check_peer(c, step, last, "third") &&
		 c->processes[step->target_process].decl->domain !=
		     c->processes[step->process].decl->domain)
		scn_check_error(c, last->pos, "expected a process of the same domain");
}

static void check_fork(struct scn_checker *c, struct scn_step *step)
{
	struct scn_node *bind = step->bind;
	struct scn_process_decl *decl;
	struct scn_process_decl **tail = &c->s->processes;

	if (!bind || bind->kind != SCN_NAME || bind->first) {
		scn_check_error(c, step->call_pos,
				"expected the child's name before fork: C = fork()");
		return;
	}
	if (c->s->n_processes == SCN_MAX_PROCESSES) {
		scn_check_error(c, bind->pos, "expected at most %u processes", SCN_MAX_PROCESSES);
		return;
	}
	decl = scn_arena_alloc(&c->s->arena, sizeof(*decl));
	if (!decl) {
		c->out_of_memory = true;
		return;
	}
	*decl = (struct scn_process_decl){.pos = bind->pos, .name = bind->text, .forked = true};
	decl->domain_name = c->processes[step->process].decl->domain_name;
	decl->domain = c->processes[step->process].decl->domain;
	while (*tail)
		tail = &(*tail)->next;
	*tail = decl;
	step->target = bind->text;
	step->target_process = c->s->n_processes;
	c->processes[c->s->n_processes++].decl = decl;
	step->bind = NULL;
}

static void check_write(struct scn_checker *c, struct scn_step *step)
{
	struct scn_node *data = step->args->next;

	scn_check_input(c, step->args);
	if (data->kind == SCN_LIST)
		scn_check_list(c, data, NULL, false);
	else
		scn_check_number(c, data, "[PORT, …] or an address");
	if (data->next)
		scn_check_input(c, data->next);
	else if (data->kind != SCN_LIST)
		scn_check_error(c, data->pos, "expected a length after the address");
}

static void check_arguments(struct scn_checker *c, struct scn_step *step)
{
	struct scn_node *first = step->args;

	switch (step->call) {
	case SCN_IOCTL:
		check_ioctl(c, step);
		return;
	case SCN_WRITE:
		check_write(c, step);
		return;
	case SCN_SEND_FD:
		check_send_fd(c, step);
		return;
	case SCN_FCNTL:
		check_fcntl(c, step);
		return;
	case SCN_FORK:
		check_fork(c, step);
		return;
	case SCN_STORE:
		scn_check_input(c, first);
		scn_check_bytes(c, first->next, false);
		return;
	case SCN_OPEN:
		if (first->kind != SCN_STRING)
			scn_check_error(c, first->pos, "expected a path in quotes");
		scn_check_input(c, first->next);
		return;
	case SCN_CLOSE:
	case SCN_DUP:
	case SCN_MMAP:
	case SCN_MUNMAP:
	case SCN_MPROTECT:
	case SCN_MADVISE:
	case SCN_FUTEX:
	case SCN_PIN:
	case SCN_SIGIO:
	case SCN_MREMAP:
	case SCN_LOAD:
	case SCN_READ:
	case SCN_POLL:
	case SCN_EXEC:
	case SCN_EXIT:
	case SCN_N_CALLS:
		break;
	}
	for (struct scn_node *n = first; n; n = n->next)
		scn_check_input(c, n);
}

static void check_out(struct scn_checker *c, const struct scn_step *step, struct scn_node *out)
{
	if (step->call == SCN_READ && out->kind == SCN_LIST)
		scn_check_list(c, out, NULL, true);
	else if (step->call == SCN_IOCTL && out->kind == SCN_FUNCTION)
		scn_check_bytes(c, out, true);
	else if (step->call == SCN_IOCTL && out->kind == SCN_STRUCT && c->layout)
		scn_check_struct(c, out, c->layout, true);
	else
		scn_check_error(c, out->pos,
				"expected no more than a value: %s gives back nothing that "
				"this could match",
				scn_call_name(step->call));
}

/* "0 bytes(…)" is read as bytes side by side, which only a load has as its result. */
static void split_bytes(const struct scn_step *step, struct scn_alternative *a)
{
	struct scn_node *value = a->value, *out;

	if (!value || value->kind != SCN_SEQUENCE || step->call == SCN_LOAD || a->out)
		return;
	out = value->first->next;
	if (out->next || out->kind != SCN_FUNCTION || !scn_str_is(out->text, "bytes"))
		return;
	a->value = value->first;
	a->value->next = NULL;
	a->out = out;
}

static void check_expectation(struct scn_checker *c, const struct scn_step *step,
			      struct scn_alternative *a)
{
	bool access = step->call == SCN_LOAD || step->call == SCN_STORE;

	if (step->kind == SCN_STEP_KILL && a->expect != SCN_EXPECT_CRASH) {
		scn_check_error(c, a->pos, "expected crash: kill has no other result");
		return;
	}
	if (a->expect == SCN_EXPECT_SIGNAL && !access)
		scn_check_error(c, a->pos,
				"expected a value or an error: only load and store can "
				"end with a signal");
	if (a->expect == SCN_EXPECT_BLOCKS && step->call != SCN_READ)
		scn_check_error(c, a->pos, "expected a value or an error: only read can block");
	if (a->expect == SCN_EXPECT_ERROR && access)
		scn_check_error(c, a->pos, "expected %s: loads and stores have no errno",
				step->call == SCN_LOAD ? "bytes, SIGSEGV or SIGBUS"
						       : "SIGSEGV or SIGBUS");
	if (a->error && a->error->kind == SCN_NAME) {
		a->error->number = (uint64_t)scn_errno_find(a->error->text);
		if (!a->error->number)
			scn_check_error(c, a->error->pos,
					"expected an errno such as EINVAL, found '%.*s'",
					SCN_STR(a->error->text));
	}
	if (a->expect != SCN_EXPECT_VALUE)
		return;
	split_bytes(step, a);
	if (a->value && step->call == SCN_LOAD)
		scn_check_bytes(c, a->value, true);
	else if (a->value)
		scn_check_output(c, a->value);
}

void scn_check_alternatives(struct scn_checker *c, struct scn_step *step)
{
	for (struct scn_alternative *a = step->alternatives; a; a = a->next) {
		if (a->condition)
			scn_check_condition(c, a->condition);
		check_expectation(c, step, a);
		if (a->out)
			check_out(c, step, a->out);
		if (a->expect == SCN_EXPECT_CRASH)
			c->s->needs |= SCN_CAP(SURVIVE_CRASH);
	}
}

void scn_check_call(struct scn_checker *c, struct scn_step *step)
{
	const struct signature *sig = &signatures[step->call];
	bool known = scn_check_process(c, step->process_name, step->pos, &step->process);
	unsigned int n = 0;

	c->layout = NULL;
	for (struct scn_node *arg = step->args; arg; arg = arg->next)
		n++;
	if (n < sig->min || n > sig->max) {
		scn_check_error(c, step->call_pos, "expected %s, found %u argument%s", sig->usage,
				n, n == 1 ? "" : "s");
	} else if (known || step->call != SCN_FORK) {
		check_arguments(c, step);
	}
	if (step->bind) {
		c->binding = true;
		scn_check_output(c, step->bind);
		c->binding = false;
	}
	scn_check_alternatives(c, step);
	if (step->otherwise != SCN_ELSE_FAIL && !c->block && !c->in_always)
		scn_check_error(c, step->pos, "expected 'else %s' only in a parallel%s",
				step->otherwise == SCN_ELSE_WAIT ? "wait" : "stop",
				step->otherwise == SCN_ELSE_WAIT ? "" : " or always");
	if (known && step->call == SCN_EXIT && !step->condition)
		c->processes[step->process].ended = step->pos.line;
}
