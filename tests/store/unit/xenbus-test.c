/* SPDX-License-Identifier: MIT */
/* A domain's way to its xenstored, with the test in xenstored's place: whatever that writes into the page they share. */
#include "../../unit/support/fixture.h"
#include "xenbus/xenbus.h"
#include "xenbus/xs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct xs_ring ring;
static struct xenbus *bus;
static unsigned int kicks;

/* Who has it open. */
struct user {
	struct xenbus_file *file;
	unsigned int readable;
	long written;
};

static void kicked(void *ctx)
{
	(void)ctx;
	kicks++;
}

static void is_readable(void *ctx)
{
	((struct user *)ctx)->readable++;
}

static void is_written(void *ctx, long result)
{
	((struct user *)ctx)->written = result;
}

static void begin(void)
{
	static const struct xenbus_ops ops = {kicked};

	memset(&ring, 0, sizeof(ring));
	kicks = 0;
	REQUIRE_EQ(xenbus_new(&ring, &ops, NULL, &bus), 0);
}

static void open_it(struct user *u, bool as_socket)
{
	static const struct xenbus_file_ops ops = {is_readable, is_written};

	*u = (struct user){0};
	REQUIRE_EQ(xenbus_open(bus, &ops, u, as_socket, &u->file), 0);
}

static size_t compose(struct xs_text *m, enum xs_type type, uint32_t id, uint32_t tx,
		      const char *body, size_t len)
{
	m->head = (struct xs_msg){type, id, tx, (uint32_t)len};
	memcpy(m->body, body, len);
	return sizeof(m->head) + len;
}

static long say(const struct user *u, enum xs_type type, uint32_t id, uint32_t tx, const char *body,
		size_t len)
{
	struct xs_text m;

	return xenbus_write(u->file, &m, compose(&m, type, id, tx, body, len));
}

/* ---- xenstored ---- */

static size_t take(void *out, size_t most)
{
	size_t n = 0;

	for (; n < most && ring.req_cons != ring.req_prod; n++)
		((char *)out)[n] = ring.req[ring.req_cons++ % XS_RING_SIZE];
	return n;
}

static size_t put(const void *bytes, size_t len)
{
	size_t n = 0;

	for (; n < len && ring.rsp_prod - ring.rsp_cons < XS_RING_SIZE; n++)
		ring.rsp[ring.rsp_prod++ % XS_RING_SIZE] = ((const char *)bytes)[n];
	return n;
}

/* The next request, whole; type XS_ERROR if there is none. */
static struct xs_text next_request(void)
{
	struct xs_text m = {.head.type = XS_ERROR};

	if (take(&m.head, sizeof(m.head)) == sizeof(m.head))
		EXPECT_EQ(take(m.body, m.head.len), m.head.len);
	return m;
}

static void reply(const struct xs_msg *to, enum xs_type type, const char *body, size_t len)
{
	struct xs_text m;
	size_t n = compose(&m, type, to->req_id, to->tx_id, body, len);

	EXPECT_EQ(put(&m, n), n);
	xenbus_event(bus);
}

/* The file's next message is this one. */
static void reads(const struct user *u, enum xs_type type, uint32_t id, const char *body,
		  size_t len)
{
	struct xs_text m = {.head.type = XS_CONTROL};

	REQUIRE_EQ(xenbus_read(u->file, &m.head, sizeof(m.head)), (long)sizeof(m.head));
	EXPECT_EQ(m.head.type, type);
	EXPECT_EQ(m.head.req_id, id);
	REQUIRE_EQ(m.head.len, len);
	EXPECT_EQ(xenbus_read(u->file, m.body, len), (long)len);
	EXPECT(memcmp(m.body, body, len) == 0);
}

static void sets(struct user *u, const char *watch, size_t len)
{
	struct xs_text request;

	REQUIRE_EQ(say(u, XS_WATCH, 3, 0, watch, len), -EINPROGRESS);
	request = next_request();
	EXPECT_EQ(request.head.type, XS_WATCH);
	reply(&request.head, XS_WATCH, "OK", 3);
	EXPECT_EQ(u->written, (long)(sizeof(struct xs_msg) + len));
	reads(u, XS_WATCH, 3, "OK", 3);
}

/* ---- tests ---- */

static void an_answer_finds_who_asked(void)
{
	struct user a, b;
	struct xs_text of_a, of_b;

	begin();
	open_it(&a, false);
	open_it(&b, false);
	EXPECT(say(&a, XS_READ, 7, 0, "name", 5) > 0);
	EXPECT(say(&b, XS_READ, 7, 0, "vm", 3) > 0);
	EXPECT_EQ(kicks, 2);
	of_a = next_request();
	of_b = next_request();
	EXPECT(strcmp(of_a.body, "name") == 0 && strcmp(of_b.body, "vm") == 0);
	EXPECT(of_a.head.req_id != of_b.head.req_id);
	reply(&of_b.head, XS_READ, "V", 1);
	EXPECT_EQ(a.readable, 0);
	reply(&of_a.head, XS_READ, "N", 1);
	reads(&a, XS_READ, 7, "N", 1);
	reads(&b, XS_READ, 7, "V", 1);
	/* Once more is once too often. */
	reply(&of_a.head, XS_READ, "N", 1);
	EXPECT(!xenbus_is_readable(a.file));
	xenbus_close(a.file);
	xenbus_close(b.file);
	xenbus_free(bus);
}

/* Longer than the ring, both ways. */
static void a_long_message(void)
{
	static char text[3000], got[sizeof(text)];
	struct xs_text answer;
	struct xs_msg head = {0};
	struct user u;
	size_t n = 0, len;

	begin();
	open_it(&u, false);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	EXPECT(say(&u, XS_WRITE, 1, 0, text, sizeof(text)) > 0);
	EXPECT_EQ(take(&head, sizeof(head)), sizeof(head));
	EXPECT_EQ(head.len, sizeof(text));
	for (size_t more = 1; n < sizeof(got) && more; n += more) {
		more = take(got + n, sizeof(got) - n);
		xenbus_event(bus);
	}
	EXPECT_EQ(n, sizeof(got));
	EXPECT(memcmp(got, text, sizeof(text)) == 0);
	len = compose(&answer, XS_READ, head.req_id, 0, text, sizeof(text));
	for (size_t at = 0; at < len; xenbus_event(bus)) {
		size_t more = put((char *)&answer + at, len - at);

		REQUIRE(more > 0);
		at += more;
		/* Who has filled it waits for word that there is room. */
		kicks = 0;
		xenbus_event(bus);
		EXPECT_EQ(kicks, more == XS_RING_SIZE);
	}
	reads(&u, XS_READ, 1, text, sizeof(text));
	xenbus_close(u.file);
	xenbus_free(bus);
}

static void byte_by_byte(void)
{
	struct xs_text m, request;
	struct user u;
	size_t len;

	begin();
	open_it(&u, false);
	len = compose(&m, XS_READ, 9, 0, "name", 5);
	for (size_t i = 0; i < len; i++) {
		EXPECT_EQ(kicks, 0);
		EXPECT_EQ(xenbus_write(u.file, (char *)&m + i, 1), 1);
	}
	EXPECT_EQ(kicks, 1);
	request = next_request();
	len = compose(&m, XS_READ, request.head.req_id, 0, "it", 2);
	for (size_t i = 0; i < len; i++) {
		EXPECT_EQ(u.readable, 0);
		EXPECT_EQ(put((char *)&m + i, 1), 1);
		xenbus_event(bus);
	}
	EXPECT_EQ(u.readable, 1);
	EXPECT_EQ(xenbus_write(u.file, &m, 0), 0);
	reads(&u, XS_READ, 9, "it", 2);
	EXPECT_EQ(xenbus_read(u.file, &m, sizeof(m)), 0);
	xenbus_close(u.file);
	xenbus_free(bus);
}

/* What no ring can be: it begins anew, and nothing beyond the page is touched. */
static void indices_that_cannot_be(void)
{
	static const uint32_t beyond[] = {XS_RING_SIZE + 1, 0x7fffffff, 0xffffffff};
	struct xs_text request;
	struct user u;

	for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
		begin();
		open_it(&u, false);
		EXPECT(say(&u, XS_READ, 1, 0, "name", 5) > 0);
		request = next_request();
		ring.rsp_prod = ring.rsp_cons + beyond[i];
		xenbus_event(bus);
		EXPECT_EQ(u.readable, 0);
		EXPECT_EQ(ring.rsp_prod, 0);
		EXPECT_EQ(ring.rsp_cons, 0);
		reply(&request.head, XS_READ, "it", 2);
		reads(&u, XS_READ, 1, "it", 2);

		ring.req_cons = ring.req_prod - beyond[i];
		EXPECT(say(&u, XS_READ, 2, 0, "vm", 3) > 0);
		EXPECT_EQ(ring.req_cons, 0);
		request = next_request();
		EXPECT(strcmp(request.body, "vm") == 0);
		/* Its own index, too, is where the other may write. */
		ring.rsp_cons = ring.rsp_prod = 0xfffffff0;
		reply(&request.head, XS_READ, "it", 2);
		reads(&u, XS_READ, 2, "it", 2);
		xenbus_close(u.file);
		xenbus_free(bus);
	}
}

/* A head that says more than may come is dropped, and what follows is another. */
static void an_answer_that_is_too_long(void)
{
	struct xs_msg wrong = {XS_READ, 0, 0, XS_PAYLOAD_MAX + 1};
	struct xs_text request;
	struct user u;

	begin();
	open_it(&u, false);
	EXPECT(say(&u, XS_READ, 1, 0, "name", 5) > 0);
	request = next_request();
	wrong.req_id = request.head.req_id;
	EXPECT_EQ(put(&wrong, sizeof(wrong)), sizeof(wrong));
	reply(&request.head, XS_READ, "it", 2);
	reads(&u, XS_READ, 1, "it", 2);
	xenbus_close(u.file);
	xenbus_free(bus);
}

static void what_cannot_be_written(void)
{
	struct xs_msg head = {XS_READ, 1, 0, XS_PAYLOAD_MAX};
	static char much[XS_PAYLOAD_MAX + 1];
	struct user u;

	begin();
	open_it(&u, false);
	EXPECT_EQ(xenbus_write(u.file, much, sizeof(much)), -EINVAL);
	EXPECT_EQ(xenbus_write(u.file, &head, sizeof(head)), -E2BIG);
	/* Either forgets what came before. */
	head.len = 5;
	EXPECT_EQ(xenbus_write(u.file, &head, sizeof(head)), (long)sizeof(head));
	EXPECT_EQ(xenbus_write(u.file, much, sizeof(much)), -EINVAL);
	EXPECT(say(&u, XS_READ, 1, 0, "name", 5) > 0);
	EXPECT(strcmp(next_request().body, "name") == 0);
	xenbus_close(u.file);
	xenbus_free(bus);
}

static void watches(void)
{
	struct user a, b, by_socket;
	struct xs_text request;
	char token[2][16];

	begin();
	open_it(&a, false);
	open_it(&b, false);
	open_it(&by_socket, true);
	/* On the ring each has a token of its own, whatever the programs call theirs. */
	REQUIRE_EQ(say(&a, XS_WATCH, 1, 0, "data\0mine", 10), -EINPROGRESS);
	EXPECT_EQ(say(&a, XS_WATCH, 1, 0, "attr\0mine", 10), -EBUSY);
	request = next_request();
	EXPECT(strcmp(request.body, "data") == 0);
	strcpy(token[0], request.body + 5);
	reply(&request.head, XS_WATCH, "OK", 3);
	EXPECT_EQ(a.written, (long)sizeof(struct xs_msg) + 10);
	reads(&a, XS_WATCH, 1, "OK", 3);
	REQUIRE_EQ(say(&b, XS_WATCH, 1, 0, "data\0mine", 10), -EINPROGRESS);
	request = next_request();
	strcpy(token[1], request.body + 5);
	EXPECT(strcmp(token[0], token[1]) != 0);
	reply(&request.head, XS_WATCH, "OK", 3);
	reads(&b, XS_WATCH, 1, "OK", 3);

	for (int who = 0; who < 2; who++) {
		struct xs_msg head = {.type = XS_WATCH_EVENT};
		char body[32] = "data/x";

		strcpy(body + 7, token[who]);
		reply(&head, XS_WATCH_EVENT, body, 7 + strlen(token[who]) + 1);
		reads(who ? &b : &a, XS_WATCH_EVENT, 0, "data/x\0mine", 12);
		EXPECT(!xenbus_is_readable(who ? a.file : b.file));
		/* Without its end, or of nobody's token. */
		reply(&head, XS_WATCH_EVENT, body, 7 + strlen(token[who]));
		reply(&head, XS_WATCH_EVENT, "data/x\0FFFF", 12);
		EXPECT(!xenbus_is_readable(a.file) && !xenbus_is_readable(b.file));
	}

	/* What xenstored refuses: an errno, and on its socket an answer. */
	REQUIRE_EQ(say(&a, XS_WATCH, 2, 0, "no\0t", 5), -EINPROGRESS);
	request = next_request();
	reply(&request.head, XS_ERROR, "ENOSPC", 7);
	EXPECT_EQ(a.written, -ENOSPC);
	EXPECT(!xenbus_is_readable(a.file));
	REQUIRE_EQ(say(&by_socket, XS_WATCH, 2, 0, "no\0t", 5), -EINPROGRESS);
	request = next_request();
	reply(&request.head, XS_ERROR, "ENOSPC", 7);
	reads(&by_socket, XS_ERROR, 2, "ENOSPC", 7);
	/* No token. */
	EXPECT_EQ(say(&a, XS_WATCH, 4, 0, "data", 5), (long)sizeof(struct xs_msg) + 5);
	reads(&a, XS_ERROR, 4, "EINVAL", 7);
	/* One that is not there. */
	EXPECT(say(&a, XS_UNWATCH, 5, 0, "attr\0mine", 10) > 0);
	reads(&a, XS_UNWATCH, 5, "OK", 3);
	EXPECT(say(&by_socket, XS_UNWATCH, 5, 0, "attr\0mine", 10) > 0);
	reads(&by_socket, XS_ERROR, 5, "ENOENT", 7);

	/* Taken off, from the moment on when it is asked for. */
	REQUIRE_EQ(say(&a, XS_UNWATCH, 6, 0, "data\0mine", 10), -EINPROGRESS);
	request = next_request();
	EXPECT_EQ(request.head.type, XS_UNWATCH);
	EXPECT(strcmp(request.body + 5, token[0]) == 0);
	reply(&request.head, XS_UNWATCH, "OK", 3);
	reads(&a, XS_UNWATCH, 6, "OK", 3);
	xenbus_close(a.file);
	EXPECT_EQ(next_request().head.type, XS_ERROR);
	/* By the close. */
	xenbus_close(b.file);
	request = next_request();
	EXPECT_EQ(request.head.type, XS_UNWATCH);
	EXPECT(strcmp(request.body + 5, token[1]) == 0);
	xenbus_close(by_socket.file);
	xenbus_free(bus);
}

static void transactions(void)
{
	struct xs_text request;
	struct user u;

	begin();
	open_it(&u, false);
	/* Nobody else's, and none that is not. */
	EXPECT(say(&u, XS_READ, 1, 42, "name", 5) > 0);
	reads(&u, XS_ERROR, 1, "ENOENT", 7);
	EXPECT_EQ(kicks, 0);
	EXPECT(say(&u, XS_TRANSACTION_START, 2, 0, "", 1) > 0);
	request = next_request();
	reply(&request.head, XS_TRANSACTION_START, "42", 3);
	reads(&u, XS_TRANSACTION_START, 2, "42", 3);
	EXPECT(say(&u, XS_READ, 3, 42, "name", 5) > 0);
	EXPECT_EQ(next_request().head.tx_id, 42);
	EXPECT(say(&u, XS_TRANSACTION_END, 4, 42, "X", 2) > 0);
	reads(&u, XS_ERROR, 4, "EINVAL", 7);
	EXPECT(say(&u, XS_TRANSACTION_END, 5, 42, "T", 2) > 0);
	request = next_request();
	reply(&request.head, XS_TRANSACTION_END, "OK", 3);
	reads(&u, XS_TRANSACTION_END, 5, "OK", 3);
	EXPECT(say(&u, XS_READ, 6, 42, "name", 5) > 0);
	reads(&u, XS_ERROR, 6, "ENOENT", 7);
	/* One that xenstored does not begin. */
	EXPECT(say(&u, XS_TRANSACTION_START, 7, 0, "", 1) > 0);
	request = next_request();
	reply(&request.head, XS_ERROR, "ENOSPC", 7);
	reads(&u, XS_ERROR, 7, "ENOSPC", 7);
	/* One is left open. */
	EXPECT(say(&u, XS_TRANSACTION_START, 8, 0, "", 1) > 0);
	request = next_request();
	reply(&request.head, XS_TRANSACTION_START, "43", 3);
	xenbus_close(u.file);
	/* (The read in 42 was never answered: until then it is not over.) */
	EXPECT_EQ(next_request().head.type, XS_ERROR);
	request.head.req_id = 3 - 1;
	reply(&request.head, XS_READ, "it", 2);
	request = next_request();
	EXPECT_EQ(request.head.type, XS_TRANSACTION_END);
	EXPECT_EQ(request.head.tx_id, 43);
	EXPECT(memcmp(request.body, "F", 2) == 0);
	xenbus_free(bus);
}

static void its_death_and_the_next_one(void)
{
	struct xs_text request;
	struct user u;
	char byte;

	begin();
	open_it(&u, false);
	sets(&u, "data\0mine", 10);
	EXPECT(say(&u, XS_TRANSACTION_START, 1, 0, "", 1) > 0);
	request = next_request();
	reply(&request.head, XS_TRANSACTION_START, "42", 3);
	reads(&u, XS_TRANSACTION_START, 1, "42", 3);
	EXPECT(say(&u, XS_READ, 1, 0, "name", 5) > 0);
	REQUIRE_EQ(say(&u, XS_WATCH, 1, 0, "attr\0mine", 10), -EINPROGRESS);
	u.readable = 0;
	xenbus_died(bus);
	EXPECT(xenbus_is_dead(u.file));
	EXPECT_EQ(u.written, -EIO);
	EXPECT(u.readable > 0);
	EXPECT_EQ(xenbus_read(u.file, &byte, 1), -EIO);
	EXPECT_EQ(xenbus_read(u.file, &byte, 0), 0);
	EXPECT_EQ(say(&u, XS_READ, 1, 0, "name", 5), -EIO);
	xenbus_event(bus);

	xenbus_revive(bus);
	EXPECT(!xenbus_is_dead(u.file));
	request = next_request();
	EXPECT_EQ(request.head.type, XS_WATCH);
	EXPECT(strcmp(request.body, "data") == 0);
	reply(&request.head, XS_WATCH, "OK", 3);
	/* The program asked before. */
	EXPECT(!xenbus_is_readable(u.file));
	EXPECT_EQ(next_request().head.type, XS_ERROR);
	EXPECT(say(&u, XS_READ, 6, 42, "name", 5) > 0);
	reads(&u, XS_ERROR, 6, "ENOENT", 7);
	/* The domain's end comes before the last descriptor's. */
	xenbus_free(bus);
	EXPECT_EQ(say(&u, XS_READ, 1, 0, "name", 5), -EIO);
	xenbus_close(u.file);
}

/* A stream: whole messages and parts of them, and no more while a watch is set. */
static void a_stream(void)
{
	struct xs_text m, request;
	struct user u;
	char bytes[64];
	size_t one, both, len;

	begin();
	open_it(&u, true);
	one = compose(&m, XS_WATCH, 1, 0, "a\0b", 4);
	memcpy(bytes, &m, one);
	len = compose(&m, XS_READ, 2, 0, "name", 5);
	memcpy(bytes + one, &m, len);
	both = one + len;
	EXPECT_EQ(xenbus_feed(u.file, bytes, 3), 3);
	EXPECT_EQ(xenbus_feed(u.file, bytes + 3, both - 3), (long)(one - 3));
	EXPECT(!xenbus_takes(u.file));
	EXPECT_EQ(xenbus_feed(u.file, bytes + one, len), 0);
	request = next_request();
	reply(&request.head, XS_WATCH, "OK", 3);
	EXPECT(xenbus_takes(u.file));
	EXPECT_EQ(xenbus_feed(u.file, bytes + one, len), (long)len);
	EXPECT_EQ(next_request().head.type, XS_READ);
	m.head.len = XS_PAYLOAD_MAX + 1;
	EXPECT_EQ(xenbus_feed(u.file, &m.head, sizeof(m.head)), -E2BIG);
	xenbus_died(bus);
	EXPECT_EQ(xenbus_feed(u.file, bytes, one), -EIO);
	xenbus_close(u.file);
	xenbus_free(bus);
}

static void errors(void)
{
	EXPECT_EQ(xs_error_of("EQUOTA"), -EINVAL);
	EXPECT_EQ(xs_error_of("EACCES"), -EACCES);
	EXPECT_EQ(xs_error_of(""), -EINVAL);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"an answer finds who asked", an_answer_finds_who_asked},
	    {"a long message", a_long_message},
	    {"byte by byte", byte_by_byte},
	    {"indices that cannot be", indices_that_cannot_be},
	    {"an answer that is too long", an_answer_that_is_too_long},
	    {"what cannot be written", what_cannot_be_written},
	    {"watches", watches},
	    {"transactions", transactions},
	    {"its death and the next one", its_death_and_the_next_one},
	    {"a stream", a_stream},
	    {"errors", errors},
	};

	return UNIT_MAIN("xenbus", tests);
}
