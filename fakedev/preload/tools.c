/* SPDX-License-Identifier: MIT */
/* Valgrind's thread checkers look at every load and store of a process, and know no atomic ones: they
 * are told which memory is this library's own, so that they judge the program alone. */
#include "library.h"

#include <link.h>

/* Requests are an instruction sequence that does nothing by itself and a number that never changes:
 * no header of Valgrind's is needed, and none of its libraries. */
#define HELGRIND_UNTRACK 0x48470127ul /* 'H' 'G' */
#define DRD_SUPPRESS     0x44520002ul /* 'D' 'R' */

static void request(unsigned long number, uintptr_t at, size_t size)
{
	volatile unsigned long args[6] = {number, at, size};

#if defined(__x86_64__)
	register unsigned long result __asm__("rdx") = 0;
	register volatile unsigned long *first __asm__("rax") = args;

	__asm__ volatile("rolq $3, %%rdi; rolq $13, %%rdi; rolq $61, %%rdi; rolq $51, %%rdi\n\t"
			 "xchgq %%rbx, %%rbx"
			 : "+r"(result)
			 : "r"(first)
			 : "cc", "memory");
#elif defined(__aarch64__)
	register unsigned long result __asm__("x3") = 0;
	register volatile unsigned long *first __asm__("x4") = args;

	__asm__ volatile(
	    "ror x12, x12, #3; ror x12, x12, #13; ror x12, x12, #51; ror x12, x12, #61\n\t"
	    "orr x10, x10, x10"
	    : "+r"(result)
	    : "r"(first)
	    : "cc", "memory");
#else
	(void)args; /* no Valgrind that we could tell */
#endif
}

void lib_own_memory(uintptr_t at, size_t len)
{
	if (!lib_under_valgrind())
		return;
	request(HELGRIND_UNTRACK, at, len);
	request(DRD_SUPPRESS, at, len);
}

/* The writable part of the object that this variable is in. */
static int tell_of(struct dl_phdr_info *object, size_t size, void *variable)
{
	uintptr_t wanted = (uintptr_t)variable;

	(void)size;
	for (unsigned int i = 0; i < object->dlpi_phnum; i++) {
		uintptr_t at = object->dlpi_addr + object->dlpi_phdr[i].p_vaddr;
		size_t len = object->dlpi_phdr[i].p_memsz;

		if (object->dlpi_phdr[i].p_type != PT_LOAD || wanted - at >= len)
			continue;
		lib_own_memory(at, len);
		return 1;
	}
	return 0;
}

__attribute__((constructor)) static void tell_tools(void)
{
	static char ours;

	if (lib_active())
		dl_iterate_phdr(tell_of, &ours);
}
