/* SPDX-License-Identifier: MIT */
/* Book-keeping memory when the caller brings no allocator: pooled, reused, and all given back (which
 * the leak checkers of Valgrind and ASan see). */
#include "support/fixture.h"

enum { N = 300 };

/* The linker puts it between the model and malloc(). */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
static bool is_short;

void *__wrap_malloc(size_t size)
{
	return is_short ? NULL : __real_malloc(size);
}

static _Alignas(4096) unsigned char memory[N * GNTSIM_PAGE_SIZE];

struct pooled {
	struct gntsim_machine *m;
	struct gntsim_domain *dom[2];
};

static struct pooled pooled_new(void)
{
	struct pooled p = {0};
	struct gntsim_config config = {.frames = memory, .n_frames = N};

	memset(memory, 0, sizeof(memory));
	REQUIRE_EQ(gntsim_machine_new(&config, &p.m), 0);
	REQUIRE_EQ(gntsim_domain_create(p.m, 1, NULL, &p.dom[0]), 0);
	REQUIRE_EQ(gntsim_domain_create(p.m, 2, NULL, &p.dom[1]), 0);
	return p;
}

static uint64_t bytes_of(struct gntsim_machine *m)
{
	struct gntsim_totals t;

	gntsim_machine_totals(m, &t);
	return t.bytes;
}

/* Shares, maps and ends n pages, one at a time or all at once. */
static void share_pages(struct pooled *p, unsigned n, bool at_once)
{
	static struct fx_share s[N];

	for (unsigned i = 0; i < n; i++) {
		s[i] = fx_share(p->dom[0], p->dom[1]);
		fx_poke(s[i].granter, VA, (uint8_t)i);
		if (!at_once)
			fx_share_close(&s[i]);
	}
	EXPECT(gntsim_machine_check(p->m) == NULL);
	for (unsigned i = 0; i < n && at_once; i++) {
		EXPECT_EQ(fx_peek(s[i].mapper, VA), (uint8_t)i);
		fx_share_close(&s[i]);
	}
	gntsim_machine_advance(p->m, 60 * SECOND);
}

static void bytes_come_back(void)
{
	struct pooled p = pooled_new();
	uint64_t before;

	share_pages(&p, 1, true);
	before = bytes_of(p.m);
	share_pages(&p, 250, true);
	EXPECT_EQ(bytes_of(p.m), before);
	share_pages(&p, 250, false);
	EXPECT_EQ(bytes_of(p.m), before);
	gntsim_machine_free(p.m);
}

/* The machine goes with everything in it. */
static void freed_while_in_use(void)
{
	struct pooled p = pooled_new();
	struct fx_channel c = fx_channel(p.dom[0], p.dom[1]);

	for (unsigned i = 0; i < 250; i++)
		(void)fx_share(p.dom[0], p.dom[1]);
	EXPECT(c.port_here > 0);
	EXPECT(gntsim_machine_check(p.m) == NULL);
	gntsim_machine_free(p.m);
}

/* What there is is used up first; then each call says so, until there is more. */
static void short_of_memory(void)
{
	struct pooled p = pooled_new();
	struct gntsim_file *file, *alloc;
	struct gntsim_mm *mm;
	uint64_t index;
	gntsim_gref ref;
	unsigned n = 0;
	int rc;

	REQUIRE_EQ(gntsim_open(p.dom[0], GNTSIM_DEV_GNTALLOC, O_RDWR, &alloc), 0);
	REQUIRE_EQ(gntsim_mm_create(p.dom[0], &mm), 0);
	REQUIRE_EQ(gntsim_gntalloc_alloc(alloc, 2, 1, 1, &index, &ref), 0);
	is_short = true;
	/* Each a mapping. */
	while ((rc = gntsim_mmap(mm, alloc, VA + n * PAGE, PAGE, PROT_READ, MAP_SHARED, index)) ==
		   0 &&
	       n < 10000)
		n++;
	EXPECT(n > 0);
	EXPECT_EQ(rc, -ENOMEM);
	EXPECT_EQ(gntsim_open(p.dom[0], GNTSIM_DEV_GNTALLOC, O_RDWR, &file), -ENOMEM);
	is_short = false;
	EXPECT(gntsim_machine_check(p.m) == NULL);
	EXPECT_EQ(gntsim_open(p.dom[0], GNTSIM_DEV_GNTALLOC, O_RDWR, &file), 0);
	gntsim_machine_free(p.m);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"bytes come back", bytes_come_back},
	    {"freed while in use", freed_while_in_use},
	    {"short of memory", short_of_memory},
	};

	return UNIT_MAIN("memory", tests);
}
