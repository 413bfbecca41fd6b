/* SPDX-License-Identifier: MIT */
/* The model in this process: no real process, no device, no waiting. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lang/bounds.h"
#include "model_process.h"
#include "model_state.h"
#include "player/variant.h"
#include "substrates/agent/heap.h"
#include "substrates/substrates.h"

#define DEFAULT_FRAMES 4096u
#define MAX_TICKS      100000u

struct model {
	struct gntsim_machine *machine;
	struct scn_model_effects effects;
	void *frames;
	size_t frames_size;
	struct scn_allowance allowance; /* of memory for the machine and its processes */
	uint64_t fail_in;               /* allocations until one fails; 0: none will */
	uint32_t n_domains;
	uint16_t domid[16];
	uint32_t domain_of[64];
	uint32_t n_frames, peak; /* frames; the most that were in use at the end of a call */
	bool keeps;              /* can be saved: all that it allocates is in one heap */
	uint32_t n_processes;
	struct scn_model_process processes[64];
};

static enum scn_status complain(struct scn_buf *why, const char *what, int err)
{
	scn_buf_printf(why, "the model: %s: %s", what, strerror(-err));
	return SCN_ERROR;
}

static void *model_alloc(void *ctx, size_t size)
{
	struct model *m = ctx;
	void *p;

	if (m->fail_in > 0 && --m->fail_in == 0)
		return NULL;
	if (!scn_allowance_take(&m->allowance, size))
		return NULL;
	p = scn_allowance_alloc(&m->allowance, size);
	if (!p)
		scn_allowance_give(&m->allowance, size);
	return p;
}

static void model_free(void *ctx, void *p, size_t size)
{
	struct model *m = ctx;

	scn_allowance_give(&m->allowance, size);
	scn_allowance_free(&m->allowance, p, size);
}

static enum scn_status model_open(const struct scn_options *options, void **self,
				  struct scn_buf *why)
{
	(void)options;
	*self = calloc(1, sizeof(struct model));
	if (*self)
		return SCN_OK;
	return complain(why, "open", -ENOMEM);
}

static void model_close(void *self)
{
	free(self);
}

static uint64_t model_capabilities(const void *self)
{
	(void)self;
	return SCN_ALL_CAPS;
}

static struct scn_version model_kernel(const void *self)
{
	(void)self;
	return (struct scn_version){6, 1, -1};
}

struct scn_platform scn_model_platform(const void *self)
{
	(void)self;
	return (struct scn_platform){.xen = {4, 17, -1}};
}

bool scn_model_xen_for(struct scn_version wanted, struct scn_version *out)
{
	struct scn_version known;
	const char *name;
	bool found = false;

	for (int x = GNTSIM_XEN_DEFAULT + 1; (name = gntsim_xen_name((enum gntsim_xen)x)); x++) {
		if (scn_version_parse(name, &known) || scn_version_compare(wanted, known) < 0)
			continue;
		*out = known;
		found = true;
	}
	return found;
}

bool scn_model_kernel_for(const void *self, struct scn_version wanted, struct scn_version *out)
{
	struct scn_version known;
	const char *name;
	bool found = false;

	(void)self;
	for (int k = GNTSIM_KERNEL_DEFAULT + 1; (name = gntsim_kernel_name((enum gntsim_kernel)k));
	     k++) {
		if (scn_version_parse(name, &known) || scn_version_compare(wanted, known) < 0)
			continue;
		*out = known;
		/* One series, at whatever patch level: conditions may ask for that. */
		if (wanted.major == known.major && wanted.minor == known.minor)
			*out = wanted;
		found = true;
	}
	return found;
}

static void model_end(void *self)
{
	struct model *m = self;
	bool keeps = m->keeps;

	for (unsigned int i = 0; i < m->n_processes; i++)
		scn_model_process_end(&m->processes[i]);
	gntsim_machine_free(m->machine);
	scn_heap_destroy(m->allowance.heap);
	if (m->frames)
		munmap(m->frames, m->frames_size);
	*m = (struct model){.keeps = keeps};
}

static bool find_xen(const struct scn_setup *setup, struct gntsim_config *config)
{
	char name[32];

	snprintf(name, sizeof(name), "%u.%u", setup->platform.xen.major, setup->platform.xen.minor);
	config->xsm = setup->platform.xsm == SCN_XSM_SILO ? GNTSIM_XSM_SILO : GNTSIM_XSM_DUMMY;
	config->arch = setup->platform.arch == SCN_ARM64 ? GNTSIM_ARCH_ARM64 : GNTSIM_ARCH_AMD64;
	return !setup->platform.xen.major || gntsim_xen_by_name(name, &config->xen) == 0;
}

static enum scn_status make_machine(struct model *m, const struct scn_setup *setup,
				    struct scn_buf *why)
{
	struct gntsim_allocator allocator = {model_alloc, model_free, m};
	struct gntsim_config config = {.allocator = &allocator, .dmabufs = setup->dmabufs};
	int err;

	if (!find_xen(setup, &config)) {
		scn_buf_printf(why, "the model knows no Xen %u.%u", setup->platform.xen.major,
			       setup->platform.xen.minor);
		return SCN_SKIP;
	}
	m->allowance.left = SCN_MAX_MODEL;
	if (m->keeps) {
		m->allowance.heap = scn_heap_new(SCN_MAX_MODEL);
		if (!m->allowance.heap)
			return complain(why, "memory", -ENOMEM);
	}
	config.n_frames = setup->frames ? (uint32_t)setup->frames : DEFAULT_FRAMES;
	m->frames_size = (size_t)config.n_frames * GNTSIM_PAGE_SIZE;
	m->frames = mmap(NULL, m->frames_size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->frames == MAP_FAILED) {
		m->frames = NULL;
		return complain(why, "frames", -errno);
	}
	config.frames = m->frames;
	m->n_frames = config.n_frames;
	err = gntsim_machine_new(&config, &m->machine);
	m->effects.machine = m->machine;
	return err ? complain(why, "new machine", err) : SCN_OK;
}

static enum scn_status make_domain(struct model *m, const struct scn_setup *setup, uint32_t i,
				   enum gntsim_kernel kernel, struct scn_buf *why)
{
	const uint64_t *limits = setup->domains[i].limits;
	enum gntsim_guest guest =
	    setup->domains[i].guest == SCN_PV ? GNTSIM_GUEST_PV : GNTSIM_GUEST_PVH;
	struct gntsim_domain_config config = {
	    .guest = setup->domains[i].has_guest ? &guest : NULL,
	    .kernel = kernel,
	};
	struct gntsim_domain *dom;
	int err;

	for (unsigned int l = 0; l < GNTSIM_N_LIMITS; l++) {
		uint32_t *member = gntsim_limit_member(&config, (enum gntsim_limit)l);

		if (member)
			*member = (uint32_t)limits[l];
	}
	err = gntsim_domain_create(m->machine, setup->domains[i].number, &config, &dom);
	m->domid[i] = setup->domains[i].number;
	return err ? complain(why, "new domain", err) : SCN_OK;
}

bool scn_needs_pv_on_arm(const struct scn_setup *setup, struct scn_buf *why)
{
	for (uint32_t i = 0; i < setup->n_domains; i++) {
		if (setup->platform.arch != SCN_ARM64 || !setup->domains[i].has_guest ||
		    setup->domains[i].guest != SCN_PV)
			continue;
		scn_buf_printf(why, "arm64 has no PV guests, and dom%u is one",
			       setup->domains[i].number);
		return true;
	}
	return false;
}

static enum scn_status model_begin(void *self, const struct scn_setup *setup, struct scn_buf *why)
{
	struct model *m = self;
	enum gntsim_kernel kernel;
	enum scn_status status;
	char name[SCN_VERSION_ROOM];

	if (gntsim_kernel_by_name(scn_version_name(setup->kernel, name), &kernel)) {
		scn_buf_printf(why, "the model knows no kernel %s", name);
		return SCN_SKIP;
	}
	if (scn_needs_pv_on_arm(setup, why))
		return SCN_SKIP;
	status = make_machine(m, setup, why);
	m->n_domains = setup->n_domains;
	for (uint32_t i = 0; status == SCN_OK && i < setup->n_domains; i++)
		status = make_domain(m, setup, i, kernel, why);
	if (status != SCN_OK)
		model_end(self);
	return status;
}

static uint16_t model_domid(const void *self, uint32_t domain)
{
	const struct model *m = self;

	return m->domid[domain];
}

static void note_process(struct model *m, uint32_t process)
{
	if (process >= m->n_processes)
		m->n_processes = process + 1;
}

static enum scn_status model_spawn(void *self, uint32_t process, uint32_t domain,
				   struct scn_buf *why)
{
	struct model *m = self;
	struct gntsim_domain *dom = gntsim_domain_find(m->machine, m->domid[domain]);
	int err =
	    dom ? scn_model_process_start(&m->processes[process], dom, &m->allowance, &m->effects)
		: -ESRCH;

	m->domain_of[process] = domain;
	note_process(m, process);
	return err ? complain(why, "new process", err) : SCN_OK;
}

/* A failure for want of our memory is not the machine's. */
static enum scn_status is_allowed(const struct model *m, struct scn_buf *why)
{
	if (m->allowance.exceeded)
		scn_buf_printf(why,
			       "this takes the model more than the %u MiB that a play may have",
			       (unsigned int)(SCN_MAX_MODEL >> 20));
	else if (m->allowance.refused)
		scn_buf_str(why, "the model: out of memory");
	else
		return SCN_OK;
	return SCN_ERROR;
}

static enum scn_status model_call(void *self, uint32_t process, const struct scn_call *call,
				  struct scn_result *result, struct scn_buf *why)
{
	struct model *m = self;
	struct scn_model_process *p = &m->processes[process];
	int err = 0;

	if (!p->mm)
		return complain(why, "no such process", -ESRCH);
	if (call->kind == SCN_FORK) {
		m->domain_of[call->peer] = m->domain_of[process];
		note_process(m, call->peer);
		err = scn_model_process_fork(p, &m->processes[call->peer]);
		result->value = err;
		return is_allowed(m, why);
	}
	if (call->kind == SCN_EXIT)
		scn_model_process_end(p);
	else if (call->kind == SCN_SEND_FD)
		result->value =
		    scn_model_process_send(p, (int)call->arg[0], &m->processes[call->peer]);
	else if (call->kind == SCN_FCNTL && call->arg[1] == F_SETOWN)
		result->value = scn_model_process_own(p, call->arg[0], &m->processes[call->peer]);
	else
		err = scn_model_process_call(p, call, result);
	scn_model_take_effects(&m->effects);
	return err ? complain(why, scn_call_name(call->kind), err) : is_allowed(m, why);
}

static enum scn_status model_kill(void *self, uint32_t process, struct scn_buf *why)
{
	struct model *m = self;

	(void)why;
	scn_model_process_end(&m->processes[process]);
	scn_model_take_effects(&m->effects);
	return SCN_OK;
}

static enum scn_status model_advance(void *self, uint64_t ns, struct scn_buf *why)
{
	struct model *m = self;

	(void)why;
	gntsim_machine_advance(m->machine, ns);
	return SCN_OK;
}

static struct gntsim_domain *find_domain(const struct model *m, uint32_t domain,
					 struct scn_buf *why)
{
	struct gntsim_domain *dom = gntsim_domain_find(m->machine, m->domid[domain]);

	if (!dom)
		complain(why, "the domain is destroyed", -ESRCH);
	return dom;
}

static enum scn_status model_destroy(void *self, uint32_t domain, struct scn_buf *why)
{
	struct model *m = self;
	struct gntsim_domain *dom = find_domain(m, domain, why);

	if (!dom)
		return SCN_ERROR;
	gntsim_domain_destroy(dom);
	for (unsigned int i = 0; i < m->n_processes; i++) {
		if (m->domain_of[i] == domain)
			scn_model_process_end(&m->processes[i]);
	}
	return SCN_OK;
}

static enum scn_status model_set_limit(void *self, uint32_t domain, enum gntsim_limit limit,
				       uint64_t value, struct scn_buf *why)
{
	struct gntsim_domain *dom = find_domain(self, domain, why);
	int err = dom ? gntsim_domain_set_limit(dom, limit, (uint32_t)value) : 0;

	if (!dom)
		return SCN_ERROR;
	return err ? complain(why, gntsim_limit(limit)->name, err) : SCN_OK;
}

static enum scn_status model_fail_allocation(void *self, uint64_t nth, struct scn_buf *why)
{
	struct model *m = self;

	(void)why;
	m->fail_in = nth;
	return SCN_OK;
}

static enum scn_status model_fail_mmap(void *self, uint64_t nth, struct scn_buf *why)
{
	struct model *m = self;

	(void)why;
	gntsim_interrupt_mmap(m->machine, nth);
	return SCN_OK;
}

static enum scn_status model_raise_virq(void *self, uint32_t domain, uint64_t virq,
					struct scn_buf *why)
{
	struct gntsim_domain *dom = find_domain(self, domain, why);

	if (!dom)
		return SCN_ERROR;
	gntsim_raise_virq(dom, (uint32_t)virq);
	return SCN_OK;
}

static enum scn_status model_totals(void *self, struct scn_totals *out, struct scn_buf *why)
{
	struct model *m = self;
	struct gntsim_totals t;

	(void)why;
	gntsim_machine_totals(m->machine, &t);
	*out = (struct scn_totals){{
	    [SCN_TOTAL_DOMAINS] = t.domains,
	    [SCN_TOTAL_ZOMBIES] = t.zombies,
	    [SCN_TOTAL_FILES] = t.files,
	    [SCN_TOTAL_MMS] = t.mms,
	    [SCN_TOTAL_VMAS] = t.vmas,
	    [SCN_TOTAL_FRAMES] = t.frames,
	    [SCN_TOTAL_GRANTS] = t.grants,
	    [SCN_TOTAL_DEFERRED] = t.deferred,
	    [SCN_TOTAL_GNTDEV_MAPS] = t.gntdev_maps,
	    [SCN_TOTAL_MAPTRACK] = t.maptrack,
	    [SCN_TOTAL_PORTS] = t.ports,
	}};
	return SCN_OK;
}

struct gntsim_machine *scn_model_machine(const void *self)
{
	const struct model *m = self;

	return m->machine;
}

const struct scn_model_process *scn_model_process(const void *self, uint32_t process)
{
	const struct model *m = self;

	return &m->processes[process];
}

void scn_model_keep(void *self)
{
	struct model *m = self;

	m->keeps = true;
}

/* What of the process is to be copied. */
static size_t size_of_process(const struct scn_model_process *p)
{
	return offsetof(struct scn_model_process, fds) + p->n_fds * sizeof(p->fds[0]);
}

static void note_frames(struct model *m)
{
	struct gntsim_totals t;

	gntsim_machine_totals(m->machine, &t);
	/* Frames are used from the first on; one is used anew before one is used first. */
	m->peak = t.frames > m->peak ? t.frames : m->peak;
}

void scn_model_save(void *self, struct scn_buf *out)
{
	struct model *m = self;

	note_frames(m);
	scn_buf_clear(out);
	scn_buf_add(out, m, offsetof(struct model, processes));
	for (uint32_t i = 0; i < m->n_processes; i++)
		scn_buf_add(out, &m->processes[i], size_of_process(&m->processes[i]));
	scn_buf_add(out, m->frames, m->peak * (size_t)GNTSIM_PAGE_SIZE);
	scn_buf_add(out, m->allowance.heap, m->allowance.heap->used);
}

static const char *take(void *to, const char *from, size_t n)
{
	memcpy(to, from, n);
	return from + n;
}

void scn_model_restore(void *self, const struct scn_buf *saved)
{
	struct model *m = self;
	const char *from;
	uint32_t peak;

	note_frames(m);
	peak = m->peak;
	from = take(m, saved->data, offsetof(struct model, processes));
	for (uint32_t i = 0; i < m->n_processes; i++) {
		struct scn_model_process *p = &m->processes[i];

		from = take(p, from, offsetof(struct scn_model_process, fds));
		from = take(p->fds, from, p->n_fds * sizeof(p->fds[0]));
	}
	from = take(m->frames, from, m->peak * (size_t)GNTSIM_PAGE_SIZE);
	/* A frame that was never used is zero. */
	if (peak > m->peak)
		memset((char *)m->frames + m->peak * (size_t)GNTSIM_PAGE_SIZE, 0,
		       (peak - m->peak) * (size_t)GNTSIM_PAGE_SIZE);
	take(m->allowance.heap, from, saved->len - (size_t)(from - saved->data));
}

static const char *model_hazard(void *self)
{
	struct model *m = self;
	const char *hazard;

	scn_model_take_effects(&m->effects);
	hazard = m->effects.hazard;
	m->effects.hazard = NULL;
	return hazard;
}

static void run_timers(struct model *m)
{
	struct gntsim_totals t;

	for (unsigned int i = 0; i < MAX_TICKS; i++) {
		uint64_t next = gntsim_machine_next_timer(m->machine);

		gntsim_machine_totals(m->machine, &t);
		if (next == UINT64_MAX || t.deferred == 0)
			return;
		gntsim_machine_advance(m->machine, next);
	}
}

static bool model_check(void *self, struct scn_buf *wrong)
{
	struct model *m = self;
	const char *broken;
	struct scn_totals t;

	run_timers(m);
	broken = gntsim_machine_check(m->machine);
	if (broken)
		scn_buf_str(wrong, broken);
	model_totals(m, &t, wrong);
	for (int i = SCN_TOTAL_ZOMBIES; i < SCN_N_TOTALS; i++) {
		if (t.of[i])
			scn_buf_printf(wrong, "%s%llu %s", wrong->len ? ", " : "",
				       (unsigned long long)t.of[i],
				       scn_total_name((enum scn_total)i));
	}
	return wrong->len == 0;
}

const struct scn_substrate_ops scn_substrate_model = {
    .name = "model",
    .summary = "the model in this process, as fast as it goes",
    .open = model_open,
    .close = model_close,
    .capabilities = model_capabilities,
    .kernel = model_kernel,
    .platform = scn_model_platform,
    .kernel_for = scn_model_kernel_for,
    .begin = model_begin,
    .end = model_end,
    .domid = model_domid,
    .spawn = model_spawn,
    .call = model_call,
    .kill = model_kill,
    .advance = model_advance,
    .destroy = model_destroy,
    .set_limit = model_set_limit,
    .fail_allocation = model_fail_allocation,
    .fail_mmap = model_fail_mmap,
    .raise_virq = model_raise_virq,
    .totals = model_totals,
    .hazard = model_hazard,
    .check = model_check,
};
