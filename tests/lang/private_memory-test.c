/* SPDX-License-Identifier: MIT */
/* Random maps, unmaps, protections and forks of a simulated process's memory, beside a plain array of pages; each
 * allocation fails in turn, and what can't be had changes no page but those that were asked for. */
#include "failing.h"
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "substrates/agent/heap.h"
#include "substrates/agent/private_memory.h"

#define PAGE  4096u
#define PAGES 24u
#define BASE  0x10000u
#define STEPS 120u
#define ROOM  (64u * PAGE)

/* What each page is to be; its first byte. */
struct page {
	bool there, shared;
	int prot;
	uint8_t byte;
};

struct process {
	struct scn_private_memory memory;
	struct page pages[PAGES];
};

static uint32_t dice;

static uint32_t roll(uint32_t n)
{
	dice = dice * 1664525u + 1013904223u;
	return (dice >> 8) % n;
}

static uint64_t address(uint32_t page)
{
	return BASE + (uint64_t)page * PAGE;
}

/* A page whose bytes can't be read is made readable for a look. */
static const char *look(struct process *p)
{
	for (uint32_t i = 0; i < PAGES; i++) {
		const struct page *page = &p->pages[i];
		size_t len = 1;
		const uint8_t *bytes = scn_private_at(&p->memory, address(i), false, &len);
		size_t writable = 1;
		const uint8_t *to = scn_private_at(&p->memory, address(i), true, &writable);

		if (scn_private_overlaps(&p->memory, address(i), address(i + 1)) != page->there)
			return "a page is there, or not, that should not be";
		if (!page->there && (bytes || len || to))
			return "there are bytes of no page";
		if (!page->there)
			continue;
		if (len < PAGE || writable < PAGE)
			return "a page is cut";
		if ((bytes != NULL) != ((page->prot & PROT_READ) != 0) ||
		    (to != NULL) != ((page->prot & PROT_WRITE) != 0))
			return "a page's protection is another one";
		if (bytes && bytes[0] != page->byte)
			return "a page's byte is another one";
	}
	return NULL;
}

/* What came of a change that may have been made in part: each page is as it was, or as it was to be. */
static const char *settle(struct process *p, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		if (!scn_private_overlaps(&p->memory, address(i), address(i + 1)))
			p->pages[i] = (struct page){0};
	}
	return look(p);
}

static const char *change(struct process *p)
{
	static const int prots[] = {PROT_NONE, PROT_READ, PROT_WRITE, PROT_READ | PROT_WRITE};
	uint32_t from = roll(PAGES), to = from + 1 + roll(PAGES - from > 4 ? 4 : PAGES - from);
	int prot = prots[roll(4)], err;
	uint32_t what = roll(4);
	bool shared = roll(2);
	size_t len;

	if (what == 0)
		err = scn_private_unmap(&p->memory, address(from), address(to));
	else if (what == 1)
		err = scn_private_protect(&p->memory, address(from), address(to), prot);
	else
		err = scn_private_map(&p->memory, address(from), address(to), prot, shared);
	if (err)
		return err != -ENOMEM                                     ? "it is another error"
		       : failing->failed || p->memory.allowance->exceeded ? settle(p, from, to)
									  : "there was memory";
	for (uint32_t i = from; i < to; i++) {
		struct page *page = &p->pages[i];
		uint8_t *bytes;

		if (what == 0)
			*page = (struct page){0};
		else if (what > 1)
			*page = (struct page){true, shared, prot, 0};
		page->prot = page->there ? prot : 0;
		bytes = scn_private_at(&p->memory, address(i), true, &len);
		if (bytes)
			bytes[0] = page->byte = (uint8_t)roll(256);
	}
	return look(p);
}

/* The child's private pages are its own, shared ones both have. */
static const char *fork_once(struct process *p)
{
	struct process child = *p;
	const char *wrong;
	int err = scn_private_fork(&p->memory, &child.memory);

	if (err)
		return failing->failed || p->memory.allowance->exceeded ? look(p)
									: "there was memory";
	wrong = look(&child);
	for (uint32_t i = 0; i < PAGES && !wrong; i++) {
		size_t len;
		uint8_t *bytes = scn_private_at(&child.memory, address(i), true, &len);

		if (!bytes)
			continue;
		bytes[0] ^= 0x5a;
		child.pages[i].byte ^= 0x5a;
		if (p->pages[i].shared)
			p->pages[i].byte ^= 0x5a;
	}
	if (!wrong)
		wrong = look(&child);
	scn_private_free(&child.memory);
	return wrong ? wrong : look(p);
}

static const char *live(void *ctx)
{
	struct scn_allowance *given = ctx, allowance = *given;
	struct process p = {.memory = {.allowance = &allowance}};
	const char *wrong = NULL;

	dice = 7;
	for (uint32_t i = 0; i < STEPS && !wrong; i++)
		wrong = roll(12) ? change(&p) : fork_once(&p);
	scn_private_free(&p.memory);
	if (!wrong && allowance.left != given->left)
		wrong = "not all that was taken was given back";
	if (!wrong && failing->failed && !allowance.refused)
		wrong = "it is not noted that there was no memory";
	return wrong;
}

static void memory_of_a_process(void)
{
	struct scn_allowance plenty = {.left = 100 * ROOM}, little = {.left = 20 * PAGE};

	each_fails("private memory", live, &plenty, 1000);
	each_fails("little private memory", live, &little, 20);
}

/* The same, of a heap that is one piece, until that is used up. */
static void memory_of_a_heap(void)
{
	struct scn_allowance allowance = {.left = 100 * ROOM};
	const char *wrong;

	allowance.heap = scn_heap_new(4 * ROOM);
	CU_ASSERT_PTR_NOT_NULL_FATAL(allowance.heap);
	wrong = live(&allowance);
	CU_ASSERT_PTR_NULL(wrong);
	CU_ASSERT_PTR_NULL(scn_heap_alloc(allowance.heap, 8 * ROOM));
	while (scn_heap_alloc(allowance.heap, ROOM / 4))
		;
	while (scn_heap_alloc(allowance.heap, 16))
		;
	{
		struct scn_private_memory m = {.allowance = &allowance};

		CU_ASSERT_EQUAL(scn_private_map(&m, BASE, BASE + 64 * PAGE, PROT_READ, false),
				-ENOMEM);
		CU_ASSERT(allowance.refused);
		CU_ASSERT_EQUAL(allowance.left, 100 * ROOM);
		scn_private_free(&m);
	}
	scn_heap_destroy(allowance.heap);
	scn_heap_destroy(NULL);
	CU_ASSERT_PTR_NULL(scn_heap_new(SIZE_MAX / 2));
}

static void where_the_next_one_is(void)
{
	struct scn_allowance allowance = {.left = ROOM};
	struct scn_private_memory m = {.allowance = &allowance};

	CU_ASSERT_EQUAL(scn_private_next(&m, 0), UINT64_MAX);
	CU_ASSERT_EQUAL(scn_private_map(&m, BASE + PAGE, BASE + 2 * PAGE, PROT_READ, false), 0);
	CU_ASSERT_EQUAL(scn_private_map(&m, BASE + 4 * PAGE, BASE + 5 * PAGE, PROT_READ, false), 0);
	CU_ASSERT_EQUAL(scn_private_map(&m, BASE, BASE + PAGE, PROT_READ, false), 0);
	CU_ASSERT_EQUAL(scn_private_next(&m, 0), BASE);
	CU_ASSERT_EQUAL(scn_private_next(&m, BASE + PAGE), BASE + PAGE);
	CU_ASSERT_EQUAL(scn_private_next(&m, BASE + 2 * PAGE), BASE + 4 * PAGE);
	CU_ASSERT_EQUAL(scn_private_next(&m, BASE + 5 * PAGE), UINT64_MAX);
	scn_private_free(&m);
	CU_ASSERT_EQUAL(allowance.left, ROOM);
}

int main(void)
{
	static const struct lang_test tests[] = {
	    {"memory of a process", memory_of_a_process},
	    {"memory of a heap", memory_of_a_heap},
	    {"where the next one is", where_the_next_one_is},
	};

	return lang_run("private memory", tests, sizeof(tests) / sizeof(tests[0]));
}
