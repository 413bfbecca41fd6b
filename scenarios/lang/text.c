/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool scn_str_same(struct scn_str a, struct scn_str b)
{
	return a.n == b.n && !memcmp(a.s, b.s, a.n);
}

void scn_buf_free(struct scn_buf *b)
{
	free(b->data);
	*b = (struct scn_buf){0};
}

void scn_buf_clear(struct scn_buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}

static bool reserve(struct scn_buf *b, size_t more)
{
	size_t room = b->room ? b->room : 64;
	char *data;

	if (b->failed)
		return false;
	if (b->len + more + 1 <= b->room)
		return true;
	while (room < b->len + more + 1)
		room *= 2;
	data = realloc(b->data, room);
	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->room = room;
	return true;
}

void scn_buf_add(struct scn_buf *b, const void *data, size_t len)
{
	if (!reserve(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void scn_buf_zeros(struct scn_buf *b, size_t len)
{
	if (!reserve(b, len))
		return;
	memset(b->data + b->len, 0, len + 1);
	b->len += len;
}

void scn_buf_str(struct scn_buf *b, const char *s)
{
	scn_buf_add(b, s, strlen(s));
}

void scn_buf_printf(struct scn_buf *b, const char *format, ...)
{
	size_t room;
	va_list ap;
	int n;

	/* Mostly it fits at once. */
	if (!reserve(b, 80))
		return;
	room = b->room - b->len;
	va_start(ap, format);
	n = vsnprintf(b->data + b->len, room, format, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n >= room) {
		b->data[b->len] = '\0';
		if (!reserve(b, (size_t)n))
			return;
		va_start(ap, format);
		vsnprintf(b->data + b->len, (size_t)n + 1, format, ap);
		va_end(ap);
	}
	if (n > 0)
		b->len += (size_t)n;
}

/* The length of the character at the beginning; 0: it is none, or one that a terminal acts upon. */
static size_t printable(const unsigned char *s, size_t n)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = *s < 0x80   ? 1
		     : *s < 0xc0 ? 0
		     : *s < 0xe0 ? 2
		     : *s < 0xf0 ? 3
		     : *s < 0xf8 ? 4
				 : 0;
	uint32_t c = len > 1 ? *s & (0x7fu >> len) : *s;

	if (len == 0 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || (c & 0xfffe) == 0xfffe)
		return 0;
	/* Controls, ends of lines and paragraphs, and what turns the direction of writing. */
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f || c == 0xfeff)
		return 0;
	return len;
}

void scn_buf_clean(struct scn_buf *b, const char *s, size_t n, const char *keep)
{
	for (size_t i = 0, len; i < n; i += len) {
		len = printable((const unsigned char *)s + i, n - i);
		if (len == 0 && s[i] && strchr(keep, s[i]))
			len = 1;
		if (len) {
			scn_buf_add(b, s + i, len);
			continue;
		}
		scn_buf_printf(b, "\\x%02x", (unsigned char)s[i]);
		len = 1;
	}
}

const char *scn_buf_text(const struct scn_buf *b)
{
	return b->data ? b->data : "";
}

const char *scn_buf_reason(const struct scn_buf *b)
{
	return b->len ? scn_buf_text(b) : "out of memory";
}
