/* SPDX-License-Identifier: MIT */
/* Where a program's texts usually lie can be read without asking the kernel first: in what was loaded for it,
 * in the heap, on the first thread's stack. A pointer to anywhere else may be a bad one. */
#include "preload/library.h"

#include <elf.h>
#include <link.h>
#include <stdatomic.h>
#include <sys/auxv.h>
#include <unistd.h>

#define PAGE 4096u
/* Nobody else's memory is so near below the end of the first stack. */
#define STACK_BYTES (UINT64_C(8) << 20)

struct piece {
	uintptr_t start, end;
};

#define MOST_PIECES 8u

static struct {
	struct piece pieces[MOST_PIECES]; /* that the program was loaded as, and can be read */
	size_t n;
	uintptr_t heap, stack_end;
	_Atomic bool known;
} sure;

/* Where the C library's heap ends; another may not say. */
extern void *__curbrk __attribute__((weak));

static uintptr_t heap_end(void)
{
	return &__curbrk ? (uintptr_t)__curbrk : 0;
}

/* They usually lie side by side. */
static void add_piece(uintptr_t start, uintptr_t end)
{
	if (sure.n && sure.pieces[sure.n - 1].end == start)
		sure.pieces[sure.n - 1].end = end;
	else
		sure.pieces[sure.n++] = (struct piece){start, end};
}

static void find_pieces(const ElfW(Phdr) * p, size_t n)
{
	uintptr_t base = 0;

	for (size_t i = 0; i < n; i++)
		if (p[i].p_type == PT_PHDR)
			base = (uintptr_t)p - p[i].p_vaddr;
	for (size_t i = 0; i < n && sure.n < MOST_PIECES; i++)
		if (p[i].p_type == PT_LOAD && (p[i].p_flags & PF_R))
			add_piece((base + p[i].p_vaddr) & ~(uintptr_t)(PAGE - 1),
				  (base + p[i].p_vaddr + p[i].p_memsz + PAGE - 1) &
				      ~(uintptr_t)(PAGE - 1));
}

__attribute__((constructor)) static void look(void)
{
	uintptr_t name = getauxval(AT_EXECFN);

	/* (Valgrind wants to see what is asked of the kernel, and runs constructors twice.) */
	if (!lib_active() || lib_under_valgrind() || atomic_load(&sure.known) || sizeof(long) != 8)
		return;
	find_pieces((const ElfW(Phdr) *)getauxval(AT_PHDR), getauxval(AT_PHNUM));
	if (&__curbrk && !__curbrk)
		sbrk(0);
	sure.heap = heap_end();
	/* The kernel puts it there before all else. */
	sure.stack_end = name ? (name | (PAGE - 1)) + 1 : 0;
	atomic_store(&sure.known, true);
}

/* The end of the memory with this byte in it that is sure to be there; 0: it is not. */
static uintptr_t end_of(uintptr_t at)
{
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);

	if (!atomic_load_explicit(&sure.known, memory_order_acquire))
		return 0;
	if (at >= frame && at < sure.stack_end && sure.stack_end - frame < STACK_BYTES)
		return sure.stack_end;
	if (sure.heap && at >= sure.heap && at < heap_end())
		return heap_end();
	for (size_t i = 0; i < sure.n; i++)
		if (at >= sure.pieces[i].start && at < sure.pieces[i].end)
			return sure.pieces[i].end;
	return 0;
}

static bool touches(uintptr_t start, uintptr_t end, uintptr_t at, size_t len)
{
	return at < end && at + len > start;
}

void lib_memory_changes(uintptr_t at, size_t len)
{
	bool any;

	if (!atomic_load_explicit(&sure.known, memory_order_relaxed))
		return;
	len = (len + PAGE - 1) & ~(size_t)(PAGE - 1);
	any = touches(sure.heap, heap_end(), at, len) ||
	      touches(sure.stack_end - STACK_BYTES, sure.stack_end, at, len);
	for (size_t i = 0; i < sure.n; i++)
		any |= touches(sure.pieces[i].start, sure.pieces[i].end, at, len);
	if (any)
		atomic_store(&sure.known, false);
}

bool lib_is_elsewhere(const char *path)
{
	uintptr_t at = (uintptr_t)path, end = end_of(at);
	const char *last;

	if (!end)
		return false;
	last = (const char *)end - 1;
	/* What most paths are: at once. */
	for (const char *p = path; *path == '/' && p < last; p++) {
		if (!*p)
			return true;
		if (*p == '/' && lib_begins_place(p[1]))
			break;
	}
	return !lib_mentions_node(path, end - at);
}
