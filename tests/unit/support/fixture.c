/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <CUnit/Basic.h>
#include <stdio.h>

struct fixture fx;

/** In front of each block of the counting allocator. */
struct block {
	_Alignas(max_align_t) size_t size;
};

static void *counting_alloc(void *ctx, size_t size)
{
	struct counting_allocator *a = ctx;
	struct block *b;

	a->calls++;
	if (a->fail_at && (a->calls == a->fail_at || (a->fail_on && a->calls > a->fail_at))) {
		a->failed++;
		return NULL;
	}
	b = malloc(sizeof(*b) + size);
	if (!b)
		abort();
	b->size = size;
	a->blocks++;
	a->bytes += size;
	return memset(b + 1, 0xA5, size);
}

static void counting_free(void *ctx, void *p, size_t size)
{
	struct counting_allocator *a = ctx;
	struct block *b;

	if (!p)
		return;
	b = (struct block *)p - 1;
	if (b->size != size)
		a->misused = true;
	a->blocks--;
	a->bytes -= b->size;
	memset(b, 0x5A, sizeof(*b) + b->size);
	free(b);
}

void counting_allocator_init(struct counting_allocator *a)
{
	*a = (struct counting_allocator){
	    .ops = {.alloc = counting_alloc, .free = counting_free, .ctx = a}};
}

bool fx_compare(intmax_t actual, intmax_t expected, const char *what, const char *wanted,
		const char *file, unsigned line, bool fatal)
{
	char text[400];

	snprintf(text, sizeof(text), "%s is %jd, expected %s = %jd", what, actual, wanted,
		 expected);
	return CU_assertImplementation(actual == expected, line, text, file, "",
				       fatal ? CU_TRUE : CU_FALSE);
}

bool fx_check(bool ok, const char *what, const char *file, unsigned line, bool fatal)
{
	return CU_assertImplementation(ok, line, what, file, "", fatal ? CU_TRUE : CU_FALSE);
}

static void machine_make(const struct fx_config *config)
{
	static const struct fx_config defaults;
	struct gntsim_domain **slot[3] = {&fx.dom0, &fx.dom1, &fx.dom2};
	struct gntsim_config mc = {.allocator = &fx.allocator.ops};
	unsigned n;

	if (!config)
		config = &defaults;
	fx.n_frames = config->n_frames ? config->n_frames : 256;
	fx.frames = aligned_alloc(GNTSIM_PAGE_SIZE, (size_t)fx.n_frames * GNTSIM_PAGE_SIZE);
	if (!fx.frames)
		abort();
	memset(fx.frames, 0, (size_t)fx.n_frames * GNTSIM_PAGE_SIZE);
	counting_allocator_init(&fx.allocator);
	mc.frames = fx.frames;
	mc.n_frames = fx.n_frames;
	mc.dmabufs = config->dmabufs;
	mc.arch = config->arch;
	if (gntsim_machine_new(&mc, &fx.m)) {
		fprintf(stderr, "fixture: no machine\n");
		abort();
	}
	n = config->n_domains ? config->n_domains : 3;
	if (n == FX_NO_DOMAINS)
		n = 0;
	fx.dom0 = fx.dom1 = fx.dom2 = NULL;
	for (unsigned i = 0; i < n; i++) {
		if (gntsim_domain_create(fx.m, (uint16_t)i, config->domain[i], slot[i])) {
			fprintf(stderr, "fixture: no domain %u\n", i);
			abort();
		}
	}
}

void fx_expect_nothing_left(const struct gntsim_totals *t)
{
	EXPECT_EQ(t->zombies, 0);
	EXPECT_EQ(t->files, 0);
	EXPECT_EQ(t->mms, 0);
	EXPECT_EQ(t->vmas, 0);
	EXPECT_EQ(t->frames, 0);
	EXPECT_EQ(t->grants, 0);
	EXPECT_EQ(t->deferred, 0);
	EXPECT_EQ(t->gntdev_maps, 0);
	EXPECT_EQ(t->maptrack, 0);
	EXPECT_EQ(t->ports, 0);
}

/* All the checks that end a test, then the machine's own end. */
static void machine_end(void)
{
	struct gntsim_totals t;
	const char *wrong;

	gntsim_machine_advance(fx.m, 10 * SECOND);
	wrong = gntsim_machine_check(fx.m);
	if (wrong)
		fx_check(false, wrong, __FILE__, __LINE__, false);
	t = fx_totals();
	if (CU_get_number_of_failures() == fx.failures_before)
		fx_expect_nothing_left(&t);
	/* The machine rounds what it asks for up to a grain of 8 bytes. */
	EXPECT(t.bytes >= fx.allocator.bytes && t.bytes < fx.allocator.bytes + 8);
	EXPECT(gntsim_machine_next_timer(fx.m) == UINT64_MAX);
	gntsim_machine_free(fx.m);
	fx.m = NULL;
	EXPECT_EQ(fx.allocator.blocks, 0);
	EXPECT_EQ(fx.allocator.bytes, 0);
	EXPECT(!fx.allocator.misused);
	free(fx.frames);
	fx.frames = NULL;
}

static void set_up(void)
{
	fx.failures_before = CU_get_number_of_failures();
	machine_make(NULL);
}

static void tear_down(void)
{
	machine_end();
}

void fx_restart(const struct fx_config *config)
{
	machine_end();
	machine_make(config);
}

int unit_main(const char *suite, const struct unit_test *tests, size_t n)
{
	CU_pSuite s;
	unsigned failures;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	s = CU_add_suite_with_setup_and_teardown(suite, NULL, NULL, set_up, tear_down);
	if (!s)
		return 2;
	for (size_t i = 0; i < n; i++) {
		if (!CU_add_test(s, tests[i].name, tests[i].run))
			return 2;
	}
	CU_basic_set_mode(CU_BRM_NORMAL);
	if (CU_basic_run_tests() != CUE_SUCCESS)
		return 2;
	failures = CU_get_number_of_failures() + CU_get_number_of_tests_failed();
	printf("%s: %zu tests, %u failed\n", suite, n, CU_get_number_of_tests_failed());
	CU_cleanup_registry();
	return failures ? 1 : 0;
}

struct gntsim_totals fx_totals(void)
{
	struct gntsim_totals t;

	gntsim_machine_totals(fx.m, &t);
	return t;
}

unsigned fx_drain_kind(enum gntsim_effect_kind kind)
{
	struct gntsim_effect e;
	unsigned n = 0;

	while (gntsim_next_effect(fx.m, &e))
		n += e.kind == kind;
	return n;
}

bool fx_drain_hazard(const char *name)
{
	struct gntsim_effect e;
	unsigned n = 0, named = 0;

	while (gntsim_next_effect(fx.m, &e)) {
		if (e.kind != GNTSIM_EFFECT_HAZARD)
			continue;
		n++;
		named += name && strcmp(e.hazard, name) == 0;
	}
	return n == named && named == (name ? 1 : 0);
}

unsigned fx_drain(void)
{
	struct gntsim_effect e;
	unsigned n = 0;

	while (gntsim_next_effect(fx.m, &e))
		n++;
	return n;
}

struct gntsim_file *fx_open(struct gntsim_domain *dom, enum gntsim_device device)
{
	struct gntsim_file *file = NULL;

	REQUIRE_EQ(gntsim_open(dom, device, O_RDWR, &file), 0);
	return file;
}

struct gntsim_mm *fx_mm(struct gntsim_domain *dom)
{
	struct gntsim_mm *mm = NULL;

	REQUIRE_EQ(gntsim_mm_create(dom, &mm), 0);
	return mm;
}

gntsim_gref fx_alloc(struct gntsim_file *alloc, uint16_t domid, uint64_t *index)
{
	uint64_t ignored;
	gntsim_gref ref = 0;

	REQUIRE_EQ(gntsim_gntalloc_alloc(alloc, domid, 1, 1, index ? index : &ignored, &ref), 0);
	return ref;
}

uint64_t fx_mapv(struct gntsim_file *dev, uint16_t granter, uint32_t count, const gntsim_gref *refs)
{
	struct gntsim_grant *grants = calloc(count, sizeof(*grants));
	uint64_t index = UINT64_MAX;
	int err;

	if (!grants)
		abort();
	for (uint32_t i = 0; i < count; i++)
		grants[i] = (struct gntsim_grant){.domid = granter, .ref = refs[i]};
	err = gntsim_gntdev_map(dev, count, grants, &index);
	free(grants);
	REQUIRE_EQ(err, 0);
	return index;
}

uint64_t fx_map(struct gntsim_file *dev, uint16_t granter, gntsim_gref ref)
{
	return fx_mapv(dev, granter, 1, &ref);
}

int fx_mmap(struct gntsim_mm *mm, struct gntsim_file *file, uint64_t addr, uint64_t pages,
	    uint64_t offset)
{
	return gntsim_mmap(mm, file, addr, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			   offset);
}

uint8_t fx_peek(const struct gntsim_mm *mm, uint64_t addr)
{
	uint8_t value = 0;

	EXPECT_EQ(gntsim_mm_load(mm, addr, &value, 1), GNTSIM_ACCESS_OK);
	return value;
}

void fx_poke(struct gntsim_mm *mm, uint64_t addr, uint8_t value)
{
	EXPECT_EQ(gntsim_mm_store(mm, addr, &value, 1), GNTSIM_ACCESS_OK);
}

enum gntsim_access fx_try_load(const struct gntsim_mm *mm, uint64_t addr)
{
	uint8_t value;

	return gntsim_mm_load(mm, addr, &value, 1);
}

enum gntsim_access fx_try_store(struct gntsim_mm *mm, uint64_t addr)
{
	uint8_t value = 0xEE;

	return gntsim_mm_store(mm, addr, &value, 1);
}

unsigned char *fx_bytes(gntsim_frame frame)
{
	unsigned char *p = gntsim_frame_ptr(fx.m, frame);

	REQUIRE(p != NULL);
	return p;
}

unsigned fx_events(struct gntsim_file *evtchn)
{
	gntsim_port ports[1024];
	unsigned n = 0;
	int got;

	while ((got = gntsim_evtchn_read(evtchn, sizeof(ports), ports)) > 0) {
		n += (unsigned)got / 4;
		EXPECT_EQ(gntsim_evtchn_write(evtchn, (size_t)got, ports), got);
	}
	EXPECT_EQ(got, -EAGAIN);
	return n;
}

struct fx_channel fx_channel(struct gntsim_domain *here, struct gntsim_domain *there)
{
	struct fx_channel c = {.here = fx_open(here, GNTSIM_DEV_EVTCHN),
			       .there = fx_open(there, GNTSIM_DEV_EVTCHN)};
	int port;

	port = gntsim_evtchn_bind_unbound(c.here, gntsim_domain_id(there));
	REQUIRE(port > 0);
	c.port_here = (gntsim_port)port;
	port = gntsim_evtchn_bind_interdomain(c.there, gntsim_domain_id(here), c.port_here);
	REQUIRE(port > 0);
	c.port_there = (gntsim_port)port;
	REQUIRE_EQ(fx_events(c.there), 1);
	REQUIRE_EQ(fx_events(c.here), 0);
	return c;
}

void fx_channel_close(struct fx_channel *c)
{
	if (c->here)
		gntsim_close(c->here);
	if (c->there)
		gntsim_close(c->there);
	*c = (struct fx_channel){0};
}

struct fx_share fx_share(struct gntsim_domain *granter, struct gntsim_domain *mapper)
{
	struct fx_share s = {.alloc = fx_open(granter, GNTSIM_DEV_GNTALLOC),
			     .dev = fx_open(mapper, GNTSIM_DEV_GNTDEV),
			     .granter = fx_mm(granter),
			     .mapper = fx_mm(mapper)};

	s.ref = fx_alloc(s.alloc, gntsim_domain_id(mapper), &s.index);
	s.map_index = fx_map(s.dev, gntsim_domain_id(granter), s.ref);
	REQUIRE_EQ(fx_mmap(s.granter, s.alloc, VA, 1, s.index), 0);
	REQUIRE_EQ(fx_mmap(s.mapper, s.dev, VA, 1, s.map_index), 0);
	return s;
}

void fx_share_close(struct fx_share *s)
{
	if (s->mapper)
		gntsim_mm_destroy(s->mapper);
	if (s->dev)
		gntsim_close(s->dev);
	if (s->granter)
		gntsim_mm_destroy(s->granter);
	if (s->alloc)
		gntsim_close(s->alloc);
	*s = (struct fx_share){0};
}
