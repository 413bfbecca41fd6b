/* SPDX-License-Identifier: MIT */
#include "player_file.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int refuse(const char *path, const char *wrong, struct scn_buf *why)
{
	scn_buf_printf(why, "%s %s", path, wrong);
	return -ENOEXEC;
}

enum linked { CUT, STATICALLY, DYNAMICALLY };

/* A program that names an interpreter is linked dynamically. */
static enum linked look_at_segments(FILE *f, const Elf64_Ehdr *header)
{
	for (unsigned int i = 0; i < header->e_phnum; i++) {
		long at = (long)(header->e_phoff + (uint64_t)i * header->e_phentsize);
		Elf64_Phdr segment;

		if (fseek(f, at, SEEK_SET) || fread(&segment, sizeof(segment), 1, f) != 1)
			return CUT;
		if (segment.p_type == PT_INTERP)
			return DYNAMICALLY;
	}
	return STATICALLY;
}

static int look(FILE *f, const char *path, enum scn_arch *arch, struct scn_buf *why)
{
	Elf64_Ehdr header;
	enum linked linked = CUT;

	if (fread(&header, sizeof(header), 1, f) == 1 &&
	    memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
	    header.e_ident[EI_CLASS] == ELFCLASS64 &&
	    (header.e_machine == EM_X86_64 || header.e_machine == EM_AARCH64))
		linked = look_at_segments(f, &header);
	if (linked == CUT)
		return refuse(path, "is no program for amd64 or arm64", why);
	if (linked == DYNAMICALLY)
		return refuse(path, "needs libraries: a player for a kit is linked with -static",
			      why);
	*arch = header.e_machine == EM_AARCH64 ? SCN_ARM64 : SCN_AMD64;
	return 0;
}

int kit_look_at_player(const char *path, enum scn_arch *arch, struct scn_buf *why)
{
	FILE *f = fopen(path, "re");
	int err;

	if (!f) {
		err = errno;
		scn_buf_printf(why, "%s: %s", path, strerror(err));
		return -err;
	}
	err = look(f, path, arch, why);
	fclose(f);
	return err;
}
