/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "own_calls.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* Of notes, and of sections' names, so much is looked at. */
#define NOTES_MOST 4096u
#define NAMES_MOST 65536u
#define NEEDS_MOST 4096u
/* In a note whose name is "Go". */
#define GO_BUILD_ID 4u

void program_file_begin(struct program_file *p, int fd)
{
	p->fd = fd;
	p->n = pread(fd, p->start, sizeof(p->start), 0);
}

ssize_t program_file_read(const struct program_file *p, void *out, size_t n, off_t at)
{
	if (at < 0 || at > p->n || n > (size_t)(p->n - at))
		return pread(p->fd, out, n, at);
	memcpy(out, p->start + at, n);
	return (ssize_t)n;
}

static size_t padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

static bool has_note_of_go(const struct program_file *file, const Elf64_Phdr *p)
{
	char room[NOTES_MOST];
	size_t most = p->p_filesz < sizeof(room) ? p->p_filesz : sizeof(room), at = 0;
	ssize_t n = program_file_read(file, room, most, (off_t)p->p_offset);

	while (n > 0 && at + sizeof(Elf64_Nhdr) + 4 <= (size_t)n) {
		Elf64_Nhdr h;

		memcpy(&h, room + at, sizeof(h));
		if (h.n_type == GO_BUILD_ID && h.n_namesz == 4 &&
		    memcmp(room + at + sizeof(h), "Go\0", 4) == 0)
			return true;
		if (h.n_namesz > NOTES_MOST || h.n_descsz > NOTES_MOST)
			return false;
		at += sizeof(h) + padded(h.n_namesz) + padded(h.n_descsz);
	}
	return false;
}

static bool needs_a_library(const struct program_file *file, const Elf64_Phdr *p)
{
	for (size_t at = 0;
	     at + sizeof(Elf64_Dyn) <= p->p_filesz && at < NEEDS_MOST * sizeof(Elf64_Dyn);
	     at += sizeof(Elf64_Dyn)) {
		Elf64_Dyn d;

		if (program_file_read(file, &d, sizeof(d), (off_t)(p->p_offset + at)) !=
			sizeof(d) ||
		    d.d_tag == DT_NULL)
			return false;
		if (d.d_tag == DT_NEEDED)
			return true;
	}
	return true;
}

/* A build without an id has no note. */
static bool has_section_of_go(const struct program_file *file, const Elf64_Ehdr *e)
{
	static const char name[] = ".go.buildinfo";
	static char names[NAMES_MOST]; /* more than a small stack has room for */
	Elf64_Shdr s;
	ssize_t n;

	if (e->e_shnum == 0 || e->e_shstrndx >= e->e_shnum ||
	    program_file_read(file, &s, sizeof(s),
			      (off_t)(e->e_shoff + e->e_shstrndx * sizeof(s))) != sizeof(s))
		return false;
	n = program_file_read(file, names, s.sh_size < sizeof(names) ? s.sh_size : sizeof(names),
			      (off_t)s.sh_offset);
	return n > 0 && memmem(names, (size_t)n, name, sizeof(name));
}

const char *own_calls(const struct program_file *file, const Elf64_Ehdr *e)
{
	bool needs = true;

	for (unsigned int i = 0; i < e->e_phnum; i++) {
		off_t at = (off_t)(e->e_phoff + i * (Elf64_Off)e->e_phentsize);
		Elf64_Phdr p;

		if (program_file_read(file, &p, sizeof(p), at) != sizeof(p))
			break;
		if (p.p_type == PT_NOTE && has_note_of_go(file, &p))
			return "is Go's";
		if (p.p_type == PT_DYNAMIC)
			needs = needs_a_library(file, &p);
	}
	if (has_section_of_go(file, e))
		return "is Go's";
	return needs ? NULL : "is linked with no library";
}
