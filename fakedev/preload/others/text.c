/* SPDX-License-Identifier: MIT */
/* Where a program's texts usually lie can be read without asking the kernel first: in what was loaded for it,
 * in the heap, on the first thread's stack. A pointer to anywhere else may be a bad one. */
#include "preload/library.h"

#include <elf.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#include <link.h>
#include <stdatomic.h>
#include <string.h>
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
	uint64_t lengths[LIB_LETTERS]; /* of the nodes' names */
	_Atomic bool known;
} sure LIB_NEAR;

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
	for (unsigned int i = 0; i < LIB_LETTERS; i++)
		sure.lengths[i] = lib_name_lengths((char)i);
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
	for (size_t i = 0; i < sure.n; i++)
		if (at - sure.pieces[i].start < sure.pieces[i].end - sure.pieces[i].start)
			return sure.pieces[i].end;
	if (at >= frame && at < sure.stack_end && sure.stack_end - frame < STACK_BYTES)
		return sure.stack_end;
	if (sure.heap && at >= sure.heap && at < heap_end())
		return heap_end();
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

bool lib_is_there(uintptr_t at, size_t len)
{
	uintptr_t end = end_of(at);

	return end && len <= end - at;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (unsigned char)(byte))

/* The high bit of each byte that is this one; above the first also of others. */
static inline uint64_t those(uint64_t bytes, char c)
{
	uint64_t v = bytes ^ EACH(c);

	return (v - EACH(1)) & ~v & EACH(0x80);
}

static inline uint64_t eight(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Where in these bytes the end is, a bit each; and where a component begins as those of the place do. */
#if defined(__SSE2__)
#define AT_ONCE 16
typedef unsigned int marks;
static inline marks those_of(__m128i bytes, char c)
{
	return (marks)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)));
}
static inline marks look_at(const char *p, marks *ends)
{
	__m128i here = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i next = _mm_loadu_si128((const __m128i *)(const void *)(p + 1));

	*ends = those_of(here, 0);
	return those_of(here, '/') &
	       (those_of(next, 'g') | those_of(next, 'h') | those_of(next, 'x'));
}
#else
#define AT_ONCE 8
typedef uint64_t marks;
static inline marks look_at(const char *p, marks *ends)
{
	uint64_t here = eight(p), next = eight(p + 1);

	*ends = those(here, 0);
	return those(here, '/') & (those(next, 'g') | those(next, 'h') | those(next, 'x'));
}
#endif

/* Is it certain of an absolute path that no component begins so? */
static bool begins_no_place(const char *path, const char *end)
{
	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		return false;
	for (; end - path > AT_ONCE; path += AT_ONCE) {
		marks ends, found = look_at(path, &ends);

		if (ends)
			return !(found & ((ends & -ends) - 1));
		if (found)
			return false;
	}
	return false;
}

/* What many relative paths are: one short component. Its length; 0: another path. */
static size_t short_component(const char *path, const char *end)
{
	uint64_t here = end - path >= 8 ? eight(path) : 0, stop = those(here, 0) | those(here, '/');

	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ || !stop)
		return 0;
	stop = (uint64_t)__builtin_ctzll(stop) / 8;
	return path[stop] ? 0 : (size_t)stop;
}

bool lib_is_elsewhere(const char *path)
{
	uintptr_t at = (uintptr_t)path, end = end_of(at);
	size_t n;

	if (!end)
		return false;
	if (*path == '/' && begins_no_place(path, (const char *)end))
		return true;
	n = *path == '/' ? 0 : short_component(path, (const char *)end);
	if (n)
		return !(sure.lengths[(unsigned char)*path % LIB_LETTERS] >> n & 1);
	return !lib_mentions_node(path, end - at);
}
