/* SPDX-License-Identifier: MIT */
/* Messages between the players in two domains. */
#include "substrates/pair_wire.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"

static void open_channel(struct scn_channel *near, struct scn_channel *far)
{
	int ends[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	*near = (struct scn_channel){.fd = ends[0]};
	*far = (struct scn_channel){.fd = ends[1]};
}

static void close_channel(struct scn_channel *near, struct scn_channel *far)
{
	close(near->fd);
	close(far->fd);
}

static void every_byte_crosses_and_the_reserved_ones_as_others(void)
{
	struct scn_channel near, far;
	struct scn_buf message = {0}, got = {0};
	char raw[2048];
	ssize_t n;

	open_channel(&near, &far);
	for (unsigned int i = 0; i < 256; i++)
		scn_buf_add(&message, &(uint8_t){(uint8_t)i}, 1);
	CU_ASSERT_EQUAL(scn_channel_send(&near, &message), 0);
	n = recv(far.fd, raw, sizeof(raw), MSG_PEEK);
	CU_ASSERT_TRUE(n > 256);
	CU_ASSERT_PTR_NULL(memchr(raw, 0x04, (size_t)n));
	CU_ASSERT_PTR_NULL(memchr(raw, 0x0f, (size_t)n));
	CU_ASSERT_EQUAL(scn_channel_receive(&far, &got), 0);
	CU_ASSERT_EQUAL_FATAL(got.len, 256);
	CU_ASSERT_EQUAL(memcmp(got.data, message.data, 256), 0);
	scn_buf_free(&message);
	scn_buf_free(&got);
	close_channel(&near, &far);
}

static void two_messages_at_once_are_two(void)
{
	struct scn_channel near, far;
	struct scn_buf message = {0}, got = {0};

	open_channel(&near, &far);
	scn_buf_str(&message, "one");
	CU_ASSERT_EQUAL(scn_channel_send(&near, &message), 0);
	scn_buf_clear(&message);
	CU_ASSERT_EQUAL(scn_channel_send(&near, &message), 0);
	CU_ASSERT_EQUAL(scn_channel_receive(&far, &got), 0);
	EXPECT_TEXT(scn_buf_text(&got), "one");
	CU_ASSERT_EQUAL(scn_channel_receive(&far, &got), 0);
	CU_ASSERT_EQUAL(got.len, 0);
	scn_buf_free(&message);
	scn_buf_free(&got);
	close_channel(&near, &far);
}

static int receive_text(const char *text)
{
	struct scn_channel near, far;
	struct scn_buf got = {0};
	int err;

	open_channel(&near, &far);
	CU_ASSERT_EQUAL(write(near.fd, text, strlen(text)), (ssize_t)strlen(text));
	shutdown(near.fd, SHUT_WR);
	err = scn_channel_receive(&far, &got);
	scn_buf_free(&got);
	close_channel(&near, &far);
	return err;
}

static void what_a_kernel_says_is_no_message(void)
{
	CU_ASSERT_EQUAL(receive_text("BUG: unable to handle page fault\n\x1e"), -EBADMSG);
	CU_ASSERT_EQUAL(receive_text("\x1e"), -EBADMSG);
	CU_ASSERT_EQUAL(receive_text("cut short"), -EPIPE);
	CU_ASSERT_EQUAL(receive_text("cut short\x10"), -EPIPE);
	CU_ASSERT_EQUAL(receive_text(""), -EPIPE);
}

static struct scn_parcel parcel_of(const struct scn_buf *b)
{
	return (struct scn_parcel){b->data, b->data + b->len, false};
}

static void numbers(void)
{
	static const uint64_t n[] = {0, 1, 127, 128, 0x4000, UINT32_MAX, UINT64_MAX};
	struct scn_buf b = {0};
	struct scn_parcel p;

	for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++)
		scn_put_number(&b, n[i]);
	CU_ASSERT_EQUAL(b.len, 1 + 1 + 1 + 2 + 3 + 5 + 10);
	p = parcel_of(&b);
	for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++)
		CU_ASSERT_EQUAL(scn_take_number(&p), n[i]);
	CU_ASSERT_FALSE(p.bad);
	CU_ASSERT_EQUAL(scn_take_number(&p), 0);
	CU_ASSERT_TRUE(p.bad);
	scn_buf_free(&b);
}

static void expect_bytes(const void *data, size_t len)
{
	struct scn_buf b = {0};
	struct scn_parcel p;
	uint32_t got_len;
	uint8_t *got;

	scn_put_bytes(&b, data, len);
	p = parcel_of(&b);
	got = scn_take_bytes(&p, &got_len);
	CU_ASSERT_FALSE(p.bad);
	CU_ASSERT_PTR_EQUAL(p.at, p.end);
	CU_ASSERT_EQUAL(got_len, len);
	CU_ASSERT_EQUAL(got != NULL, data != NULL);
	CU_ASSERT_TRUE(!got || !memcmp(got, data, len));
	free(got);
	scn_buf_free(&b);
}

static void bytes(void)
{
	static const uint8_t zeros[4096];
	struct scn_buf b = {0};

	expect_bytes(NULL, 0);
	expect_bytes("", 0);
	expect_bytes("\0", 1);
	expect_bytes("a", 1);
	expect_bytes("a\0b\0\0c\0\0\0", 9);
	expect_bytes("\0\0a\0\0", 5);
	expect_bytes(zeros, sizeof(zeros));
	scn_put_bytes(&b, zeros, sizeof(zeros));
	CU_ASSERT_EQUAL(b.len, 5);
	scn_buf_free(&b);
}

/* Whatever is cut off a message is noticed, and nothing is lost. */
static void expect_cuts_noticed(const struct scn_buf *b)
{
	for (size_t n = 0; n < b->len; n++) {
		struct scn_parcel p = {b->data, b->data + n, false};
		struct scn_call call;

		scn_take_call(&p, &call);
		CU_ASSERT_TRUE(p.bad);
		scn_call_free(&call);
	}
}

static void a_call(void)
{
	static const struct scn_reloc relocs[] = {{8, 16}, {0, 1}};
	const struct scn_call call = {
	    .kind = SCN_IOCTL,
	    .arg = {3, 0x184700, 0, 0, 0, UINT64_MAX},
	    .image = (const uint8_t *)"0123456789abcdefghijklmn",
	    .image_len = 24,
	    .relocs = relocs,
	    .n_relocs = 2,
	    .place = SCN_PLACE_SHORT,
	    .reach = 9,
	    .expect_events = -1,
	};
	struct scn_buf b = {0};
	struct scn_call got;
	struct scn_parcel p;

	scn_put_call(&b, &call);
	p = parcel_of(&b);
	scn_take_call(&p, &got);
	CU_ASSERT_FALSE_FATAL(p.bad);
	CU_ASSERT_EQUAL(got.kind, SCN_IOCTL);
	CU_ASSERT_EQUAL(memcmp(got.arg, call.arg, sizeof(call.arg)), 0);
	CU_ASSERT_PTR_NULL(got.path);
	CU_ASSERT_EQUAL(memcmp(got.image, call.image, 24), 0);
	CU_ASSERT_EQUAL(memcmp(got.relocs, relocs, sizeof(relocs)), 0);
	CU_ASSERT_EQUAL(got.place, SCN_PLACE_SHORT);
	CU_ASSERT_EQUAL(got.reach, 9);
	CU_ASSERT_EQUAL(got.expect_events, -1);
	scn_call_free(&got);
	expect_cuts_noticed(&b);
	scn_buf_free(&b);
}

static void what_a_call_expects(void)
{
	const struct scn_call poll = {.kind = SCN_POLL, .arg = {3}, .expect_events = 5};
	const struct scn_call read = {
	    .kind = SCN_READ, .use_address = true, .expect_nothing = true, .expect_events = -1};
	const struct scn_call fork = {.kind = SCN_FORK, .peer = 7, .expect_events = -1};
	const struct scn_call own = {
	    .kind = SCN_FCNTL, .arg = {3, F_SETOWN}, .peer = 2, .expect_events = -1};
	const struct scn_call sigio = {.kind = SCN_SIGIO, .expect_events = 1};
	const struct scn_call open = {.kind = SCN_OPEN, .path = "/dev/xen/gntdev"};
	struct scn_buf b = {0};
	struct scn_parcel p;
	struct scn_call got;

	scn_put_call(&b, &poll);
	scn_put_call(&b, &read);
	scn_put_call(&b, &fork);
	scn_put_call(&b, &own);
	scn_put_call(&b, &sigio);
	scn_put_call(&b, &open);
	p = parcel_of(&b);
	scn_take_call(&p, &got);
	CU_ASSERT_EQUAL(got.expect_events, 5);
	CU_ASSERT_EQUAL(got.arg[0], 3);
	scn_take_call(&p, &got);
	CU_ASSERT_TRUE(got.use_address && got.expect_nothing);
	scn_take_call(&p, &got);
	CU_ASSERT_EQUAL(got.peer, 7);
	CU_ASSERT_FALSE(got.use_address || got.expect_nothing);
	scn_take_call(&p, &got);
	CU_ASSERT_EQUAL(got.arg[1], F_SETOWN);
	CU_ASSERT_EQUAL(got.peer, 2);
	scn_take_call(&p, &got);
	CU_ASSERT_EQUAL(got.expect_events, 1);
	scn_take_call(&p, &got);
	EXPECT_TEXT(got.path, "/dev/xen/gntdev");
	CU_ASSERT_FALSE(p.bad);
	scn_call_free(&got);
	scn_buf_free(&b);
}

static void a_reloc_outside_its_image_is_refused(void)
{
	static const struct scn_reloc relocs[] = {{17, 0}};
	const struct scn_call call = {.kind = SCN_IOCTL,
				      .image = (const uint8_t *)"0123456789abcdefghijklmn",
				      .image_len = 24,
				      .relocs = relocs,
				      .n_relocs = 1};
	struct scn_buf b = {0};
	struct scn_parcel p;
	struct scn_call got;

	scn_put_call(&b, &call);
	p = parcel_of(&b);
	scn_take_call(&p, &got);
	CU_ASSERT_TRUE(p.bad);
	scn_call_free(&got);
	scn_buf_free(&b);
}

static void a_result(void)
{
	uint8_t data[] = {1, 0, 0, 4};
	const struct scn_result result = {SCN_FAULTED, -14, 11, data, sizeof(data)};
	struct scn_buf b = {0};
	struct scn_parcel p;
	struct scn_result got;

	scn_put_result(&b, &result);
	p = parcel_of(&b);
	scn_take_result(&p, &got);
	CU_ASSERT_FALSE_FATAL(p.bad);
	CU_ASSERT_EQUAL(got.kind, SCN_FAULTED);
	CU_ASSERT_EQUAL(got.value, -14);
	CU_ASSERT_EQUAL(got.signal, 11);
	CU_ASSERT_EQUAL_FATAL(got.data_len, 4);
	CU_ASSERT_EQUAL(memcmp(got.data, data, 4), 0);
	scn_result_free(&got);
	scn_buf_free(&b);
}

int main(void)
{
	static const struct lang_test tests[] = {
	    {"every byte crosses, and the reserved ones as others",
	     every_byte_crosses_and_the_reserved_ones_as_others},
	    {"two messages at once are two", two_messages_at_once_are_two},
	    {"what a kernel says is no message", what_a_kernel_says_is_no_message},
	    {"numbers", numbers},
	    {"bytes", bytes},
	    {"a call", a_call},
	    {"what a call expects", what_a_call_expects},
	    {"a reloc outside its image is refused", a_reloc_outside_its_image_is_refused},
	    {"a result", a_result},
	};

	return lang_run("pair wire", tests, sizeof(tests) / sizeof(tests[0]));
}
