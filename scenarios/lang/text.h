/* SPDX-License-Identifier: MIT */
/* Text: slices of a script, and growing buffers that messages and images are built in. */
#ifndef SCN_TEXT_H
#define SCN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A piece of text that somebody else owns; not terminated. */
struct scn_str {
	const char *s;
	size_t n;
};

/* For printf's "%.*s". */
#define SCN_STR(str) (int)(str).n, (str).s

/* Here, since tables are searched by it: most words differ in their first letter. */
static inline bool scn_str_is(struct scn_str str, const char *word)
{
	return (str.n == 0 || str.s[0] == word[0]) && strlen(word) == str.n &&
	       memcmp(str.s, word, str.n) == 0;
}

bool scn_str_same(struct scn_str a, struct scn_str b);

/*
 * A growing buffer of bytes. Zero is empty. After an allocation failed it stays as it was and
 * `failed` is set: look once, at the end.
 */
struct scn_buf {
	char *data; /* followed by a zero byte whenever it is not NULL */
	size_t len, room;
	bool failed;
};

void scn_buf_free(struct scn_buf *b);
#define scn_cleanup_buf __attribute__((cleanup(scn_buf_free)))

void scn_buf_clear(struct scn_buf *b);
void scn_buf_add(struct scn_buf *b, const void *data, size_t len);
void scn_buf_zeros(struct scn_buf *b, size_t len);
void scn_buf_str(struct scn_buf *b, const char *s);
void scn_buf_printf(struct scn_buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Adds a text that is fit for a terminal and for files that others read: what is not printable UTF-8
 * becomes \xHH, but for the characters of `keep`. */
void scn_buf_clean(struct scn_buf *b, const char *s, size_t n, const char *keep);
/* The text, "" for an empty buffer. */
const char *scn_buf_text(const struct scn_buf *b);
/* The same of a reason: of an empty one it is "out of memory", since there was none for another. */
const char *scn_buf_reason(const struct scn_buf *b);

#endif
