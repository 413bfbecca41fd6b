/* SPDX-License-Identifier: MIT */
#include "lang/parse/lexer.h"
#include <string.h>

#include "fixture.h"

static struct scn_source source_of(const char *text, size_t len)
{
	return (struct scn_source){"t.scn", text, len};
}

/* The tokens as letters: w(ord) n(umber) s(tring) p(unctuation) b(ad) ; for a newline. */
static void expect_kinds(const char *text, const char *kinds)
{
	struct scn_source src = source_of(text, strlen(text));
	struct scn_lexer lx;
	char got[64] = "";
	size_t n = 0;

	scn_lexer_init(&lx, &src);
	for (;;) {
		struct scn_token t = scn_lexer_next(&lx);

		if (t.kind == SCN_TOK_END || n == sizeof(got) - 1)
			break;
		got[n++] = "wnspb;"[t.kind];
	}
	EXPECT_TEXT(got, kinds);
}

static void kinds(void)
{
	expect_kinds("", "");
	expect_kinds("# only a comment\n", ";");
	expect_kinds("A: fd = open(\"x\", 0x1f)", "wpwpwpspnp");
	expect_kinds("a..b<<2", "wpwpn");
	expect_kinds("1s", "nw");
	expect_kinds("6.12", "npn");
	expect_kinds("a # b \"c\n", "w;");
}

static void a_line_that_begins_with_space_goes_on(void)
{
	expect_kinds("a\n b\nc", "ww;w");
	expect_kinds("a\n\n\tb", "ww");
	expect_kinds("a\n# comment\n  # another\n  b\nc\n", "ww;w;");
	expect_kinds("a\n   \n# c\n", "w;");
	expect_kinds("\n\na", ";w");
}

static void bad_tokens(void)
{
	expect_kinds("\"open", "b");
	expect_kinds("\"bad \\q escape\"", "bwwb");
	expect_kinds("0x", "b");
	expect_kinds("18446744073709551615", "n");
	expect_kinds("18446744073709551616", "b");
	expect_kinds("a ' b", "wbw");
	expect_kinds("\xc3\xa9 a", "bw");
}

static void a_zero_byte_is_a_bad_token(void)
{
	struct scn_source src = source_of("a\0b", 3);
	struct scn_lexer lx;

	scn_lexer_init(&lx, &src);
	CU_ASSERT_EQUAL(scn_lexer_next(&lx).kind, SCN_TOK_WORD);
	CU_ASSERT_EQUAL(scn_lexer_next(&lx).kind, SCN_TOK_BAD);
	CU_ASSERT_EQUAL(scn_lexer_next(&lx).kind, SCN_TOK_WORD);
	CU_ASSERT_EQUAL(scn_lexer_next(&lx).kind, SCN_TOK_END);
}

static void positions(void)
{
	struct scn_source src = source_of("ab cd\n\n  e", 11);
	struct scn_lexer lx;
	struct scn_token t;

	scn_lexer_init(&lx, &src);
	scn_lexer_next(&lx);
	t = scn_lexer_next(&lx);
	CU_ASSERT_EQUAL(t.pos.line, 1);
	CU_ASSERT_EQUAL(t.pos.col, 4);
	CU_ASSERT(t.spaced);
	t = scn_lexer_next(&lx);
	CU_ASSERT_EQUAL(t.pos.line, 3);
	CU_ASSERT_EQUAL(t.pos.col, 3);
}

static void unquoting(void)
{
	scn_cleanup_buf struct scn_buf b = {0};
	const char quoted[] = "\"a\\n\\t\\0\\\\\\\"\\x7fz\"";

	scn_unquote((struct scn_str){quoted, sizeof(quoted) - 1}, &b);
	CU_ASSERT_EQUAL(b.len, 8);
	CU_ASSERT_EQUAL(memcmp(b.data, "a\n\t\0\\\"\x7fz", 8), 0);
}

int main(void)
{
	static const struct lang_test tests[] = {
	    {"kinds of tokens", kinds},
	    {"a line that begins with space goes on", a_line_that_begins_with_space_goes_on},
	    {"bad tokens", bad_tokens},
	    {"a zero byte is a bad token", a_zero_byte_is_a_bad_token},
	    {"positions", positions},
	    {"unquoting", unquoting},
	};

	return lang_run("lexer", tests, sizeof(tests) / sizeof(tests[0]));
}
