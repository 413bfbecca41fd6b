/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "text.h"
#include "place/place.h"
#include "privcmd/abi.h"
#include "privcmd/privcmd.h"

#include <errno.h>
#include <fcntl.h>
#include <gntsim/limits.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a text; NULL: it is none, or none of this domain's. */
static const struct place *find(const struct gntsim_domain *dom, uint32_t node)
{
	const struct place *p = node <= INT_MAX ? place_at((int)node) : NULL;

	return p && p->kind == PLACE_TEXT && (!p->control || gntsim_domain_id(dom) == 0) ? p : NULL;
}

static int uuid(struct gntsim_domain *dom, char *out)
{
	unsigned char h[16];
	int n = 0;

	if (privcmd_version(dom, XENVER_GUEST_HANDLE, h, sizeof(h)) < 0)
		return -EIO;
	for (size_t i = 0; i < sizeof(h); i++)
		n += sprintf(out + n, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			     h[i]);
	return n + sprintf(out + n, "\n");
}

/* What Xen says of itself as a text, at @p at in its answer. */
static int said(struct gntsim_domain *dom, uint32_t op, size_t at, char *out)
{
	char answer[TEXT_ROOM] = "";
	long r = privcmd_version(dom, op, answer, sizeof(answer) - 1);

	return r < 0 ? (int)r : snprintf(out, TEXT_ROOM, "%s\n", answer + at);
}

static int limit(const struct gntsim_domain *dom, const struct place *p, char *out)
{
	return sprintf(out, "%u\n", gntsim_domain_limit(dom, (enum gntsim_limit)p->limit));
}

static int virtual_start(struct gntsim_domain *dom, char *out)
{
	uint64_t start = 0;
	long r = privcmd_version(dom, XENVER_PLATFORM_PARAMETERS, &start, sizeof(start));

	return r < 0 ? (int)r : sprintf(out, "%llx\n", (unsigned long long)start);
}

static int features(struct gntsim_domain *dom, char *out)
{
	struct abi_feature_info info = {.index = 0};
	long r = privcmd_version(dom, XENVER_GET_FEATURES, &info, sizeof(info));

	return r < 0 ? (int)r : sprintf(out, "%08x\n", info.map);
}

int text_of(struct gntsim_domain *dom, uint32_t node, char out[TEXT_ROOM])
{
	const struct place *p = find(dom, node);
	uint32_t version = (uint32_t)privcmd_version(dom, XENVER_VERSION, NULL, 0);

	if (!p)
		return -ENOENT;
	switch (p->says) {
	case PLACE_SAYS_DEVICE:
		return -ENOENT;
	case PLACE_SAYS_CONTROL:
		return sprintf(out, "%s", gntsim_domain_id(dom) == 0 ? "control_d\n" : "");
	case PLACE_SAYS_TYPE:
		return sprintf(out, "xen\n");
	case PLACE_SAYS_GUEST_TYPE:
		return sprintf(out, "%s\n",
			       gntsim_domain_guest(dom) == GNTSIM_GUEST_PV ? "PV" : "PVH");
	case PLACE_SAYS_UUID:
		return uuid(dom, out);
	case PLACE_SAYS_MAJOR:
		return sprintf(out, "%u\n", version >> 16);
	case PLACE_SAYS_MINOR:
		return sprintf(out, "%u\n", version & 0xffff);
	case PLACE_SAYS_EXTRA:
		return said(dom, XENVER_EXTRAVERSION, 0, out);
	case PLACE_SAYS_COMPILER:
		return said(dom, XENVER_COMPILE_INFO, offsetof(struct abi_compile_info, compiler),
			    out);
	case PLACE_SAYS_COMPILED_BY:
		return said(dom, XENVER_COMPILE_INFO, offsetof(struct abi_compile_info, by), out);
	case PLACE_SAYS_COMPILE_DATE:
		return said(dom, XENVER_COMPILE_INFO, offsetof(struct abi_compile_info, date), out);
	case PLACE_SAYS_CAPABILITIES:
		return said(dom, XENVER_CAPABILITIES, 0, out);
	case PLACE_SAYS_CHANGESET:
		return said(dom, XENVER_CHANGESET, 0, out);
	case PLACE_SAYS_VIRTUAL_START:
		return virtual_start(dom, out);
	case PLACE_SAYS_PAGESIZE:
		return sprintf(out, "%x\n",
			       (unsigned int)privcmd_version(dom, XENVER_PAGESIZE, NULL, 0));
	case PLACE_SAYS_FEATURES:
		return features(dom, out);
	case PLACE_SAYS_LIMIT:
		return limit(dom, p, out);
	}
	return -ENOENT;
}

/* It is opened once more: who has it can't write it. */
int text_file(const char *text, size_t len)
{
	int fd = memfd_create("gntsim-text", MFD_CLOEXEC), only;
	char path[32];

	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len || fchmod(fd, 0444) < 0) {
		close(fd);
		return -EIO;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	only = open(path, O_RDONLY | O_CLOEXEC);
	close(fd);
	return only < 0 ? -errno : only;
}

int text_open(struct gntsim_domain *dom, uint32_t node)
{
	char text[TEXT_ROOM];
	int n = text_of(dom, node, text);

	return n < 0 ? n : text_file(text, (size_t)n);
}

long text_write(struct gntsim_domain *dom, uint32_t node, const char *text, size_t len)
{
	const struct place *p = find(dom, node);
	char number[24] = "", *end;
	unsigned long long value;
	size_t n = len;

	if (!p || p->says != PLACE_SAYS_LIMIT)
		return -EINVAL;
	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (n == 0 || n >= sizeof(number))
		return -EINVAL;
	memcpy(number, text, n);
	/* (strtoull would take blanks and signs, too.) */
	if (strspn(number, "0123456789abcdefABCDEFxX") != n)
		return -EINVAL;
	errno = 0;
	value = strtoull(number, &end, 0);
	if (*end || end == number)
		return -EINVAL;
	if (errno || value > (p->limit == GNTSIM_LIMIT_GNTALLOC ? INT_MAX : UINT_MAX))
		return -ERANGE;
	gntsim_domain_set_limit(dom, (enum gntsim_limit)p->limit, (uint32_t)value);
	return (long)len;
}
