/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "init/dhcp.h"

static const uint8_t mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

#define XID 0x01020304

/* A server's packet: fixed part, then options are appended by hand. */
struct maker {
	uint8_t data[1400];
	size_t len;
};

static void put(struct maker *m, const void *bytes, size_t len)
{
	memcpy(m->data + m->len, bytes, len);
	m->len += len;
}

#define OPTION(m, code, ...) \
	do { \
		uint8_t bytes_[] = { __VA_ARGS__ }; \
		uint8_t head_[2] = { code, sizeof(bytes_) }; \
		put(m, head_, 2); \
		put(m, bytes_, sizeof(bytes_)); \
	} while (0)

static void begin(struct maker *m, uint8_t type)
{
	memset(m, 0, sizeof(*m));
	m->data[0] = 2;
	m->data[1] = 1;
	m->data[2] = 6;
	m->data[4] = 1, m->data[5] = 2, m->data[6] = 3, m->data[7] = 4;
	memcpy(m->data + 16, (uint8_t[]){ 10, 0, 2, 15 }, 4);
	memcpy(m->data + 28, mac, 6);
	memcpy(m->data + 236, (uint8_t[]){ 99, 130, 83, 99 }, 4);
	m->len = 240;
	OPTION(m, 53, type);
	OPTION(m, 54, 10, 0, 2, 2);
}

static void end(struct maker *m)
{
	m->data[m->len++] = 255;
}

static int parse(const struct maker *m, struct dhcp_reply *r)
{
	return dhcp_parse(r, m->data, m->len, mac, XID);
}

static void test_plain_offer(void **state)
{
	struct maker m;
	struct dhcp_reply r;

	(void)state;
	begin(&m, DHCP_OFFER);
	OPTION(&m, 1, 255, 255, 255, 0);
	OPTION(&m, 3, 10, 0, 2, 2, 10, 0, 2, 3);
	OPTION(&m, 6, 10, 0, 2, 53, 0, 0, 0, 0, 9, 9, 9, 9);
	OPTION(&m, 12, 'w', 'e', 'b', '-', '1', 0);
	OPTION(&m, 15, 'a', '.', 'b');
	OPTION(&m, 26, 0x05, 0x78);
	OPTION(&m, 51, 0, 0, 0x0e, 0x10);
	end(&m);
	assert_int_equal(parse(&m, &r), 0);
	assert_int_equal(r.type, DHCP_OFFER);
	assert_memory_equal(r.lease.address, ((uint8_t[]){ 10, 0, 2, 15 }), 4);
	assert_memory_equal(r.lease.server, ((uint8_t[]){ 10, 0, 2, 2 }), 4);
	assert_int_equal(r.lease.prefix, 24);
	assert_int_equal(r.lease.nroutes, 1);
	assert_int_equal(r.lease.routes[0].prefix, 0);
	assert_memory_equal(r.lease.routes[0].via, ((uint8_t[]){ 10, 0, 2, 2 }), 4);
	assert_int_equal(r.lease.ndns, 2); /* 0.0.0.0 is nobody */
	assert_string_equal(r.lease.hostname, "web-1");
	assert_string_equal(r.lease.domain, "a.b");
	assert_int_equal(r.lease.mtu, 1400);
	assert_int_equal(r.lease.seconds, 3600);
	assert_int_equal(r.lease.t1, 1800);
	assert_int_equal(r.lease.t2, 3150);
}

static void test_classless_routes(void **state)
{
	struct maker m;
	struct dhcp_reply r;

	(void)state;
	/* As at a large provider: /32, gateway on the link, default via it; option 3 must not count. */
	begin(&m, DHCP_ACK);
	OPTION(&m, 1, 255, 255, 255, 255);
	OPTION(&m, 3, 10, 9, 9, 9);
	/* RFC 3396: one option in two pieces, cut inside a route. */
	OPTION(&m, 121, 32, 10, 128, 0, 1, 0, 0, 0, 0, 0, 10, 128);
	OPTION(&m, 121, 0, 1, 12, 172, 31, 10, 128, 0, 1);
	end(&m);
	assert_int_equal(parse(&m, &r), 0);
	assert_int_equal(r.lease.prefix, 32);
	assert_int_equal(r.lease.nroutes, 3);
	assert_int_equal(r.lease.routes[0].prefix, 32);
	assert_memory_equal(r.lease.routes[0].via, ((uint8_t[4]){ 0 }), 4);
	assert_int_equal(r.lease.routes[1].prefix, 0);
	assert_memory_equal(r.lease.routes[1].via, ((uint8_t[]){ 10, 128, 0, 1 }), 4);
	/* 172.31/12: the bits beyond the prefix are cleared. */
	assert_int_equal(r.lease.routes[2].prefix, 12);
	assert_memory_equal(r.lease.routes[2].to, ((uint8_t[]){ 172, 16, 0, 0 }), 4);
	/* 249 is the same for old servers; a prefix above 32 ends the list. */
	begin(&m, DHCP_ACK);
	OPTION(&m, 249, 8, 10, 1, 1, 1, 1, 33, 1, 1, 1, 1, 1, 1, 1, 1, 1);
	end(&m);
	assert_int_equal(parse(&m, &r), 0);
	assert_int_equal(r.lease.nroutes, 1);
	/* A cut route is not used. */
	begin(&m, DHCP_ACK);
	OPTION(&m, 121, 24, 10, 1, 1, 1, 1, 1);
	end(&m);
	assert_int_equal(parse(&m, &r), 0);
	assert_int_equal(r.lease.nroutes, 0);
}

static void test_overload(void **state)
{
	struct maker m;
	struct dhcp_reply r;

	(void)state;
	begin(&m, DHCP_ACK);
	OPTION(&m, 52, 3);
	end(&m);
	memcpy(m.data + 108, (uint8_t[]){ 1, 4, 255, 255, 0, 0, 255 }, 7); /* file */
	memcpy(m.data + 44, (uint8_t[]){ 51, 4, 0, 0, 2, 88, 255 }, 7);	   /* sname */
	assert_int_equal(parse(&m, &r), 0);
	assert_int_equal(r.lease.prefix, 16);
	assert_int_equal(r.lease.seconds, 600);
	/* Without the option the same bytes are a boot file's name. */
	begin(&m, DHCP_ACK);
	end(&m);
	memcpy(m.data + 108, (uint8_t[]){ 1, 4, 255, 255, 0, 0, 255 }, 7);
	assert_int_equal(parse(&m, &r), 0);
	assert_int_equal(r.lease.prefix, 32);
}

static void test_times(void **state)
{
	struct maker m;
	struct dhcp_reply r;

	(void)state;
	begin(&m, DHCP_ACK);
	OPTION(&m, 51, 0, 0, 0x10, 0);
	OPTION(&m, 58, 0, 0, 0xff, 0xff); /* nonsense: longer than the lease */
	OPTION(&m, 59, 0, 0, 0xff, 0xff);
	end(&m);
	assert_int_equal(parse(&m, &r), 0);
	assert_int_equal(r.lease.t1, 2048);
	assert_int_equal(r.lease.t2, 3584);
	begin(&m, DHCP_ACK);
	OPTION(&m, 51, 255, 255, 255, 255);
	end(&m);
	assert_int_equal(parse(&m, &r), 0);
	assert_true(r.lease.t1 == UINT32_MAX && r.lease.seconds == UINT32_MAX);
	/* A lease of no time would be asked for in a loop. */
	begin(&m, DHCP_ACK);
	OPTION(&m, 51, 0, 0, 0, 0);
	end(&m);
	assert_int_equal(parse(&m, &r), 0);
	assert_int_equal(r.lease.seconds, 60);
	assert_true(r.lease.t1 > 0 && r.lease.t1 < r.lease.t2 && r.lease.t2 < 60);
}

static void test_refused(void **state)
{
	struct maker m, good;
	struct dhcp_reply r;
	static const size_t fields[] = { 0, 1, 2, 4, 28, 33, 236 }; /* op to cookie */

	(void)state;
	begin(&good, DHCP_OFFER);
	end(&good);
	assert_int_equal(parse(&good, &r), 0);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		m = good;
		m.data[fields[i]] ^= 0x40;
		assert_int_equal(parse(&m, &r), -1);
	}
	/* Addresses that are nobody's. */
	static const uint8_t bad[] = { 0, 127, 224, 255 };

	for (size_t i = 0; i < sizeof(bad); i++) {
		m = good;
		m.data[16] = bad[i];
		assert_int_equal(parse(&m, &r), -1);
	}
	begin(&m, 9); /* no such type */
	end(&m);
	assert_int_equal(parse(&m, &r), -1);
	/* Every cut either parses or not, and never reads beyond (the sanitizers look). */
	for (size_t n = 0; n <= good.len; n++) {
		uint8_t *copy = n ? malloc(n) : NULL;

		if (copy)
			memcpy(copy, good.data, n);
		int rc = dhcp_parse(&r, copy, n, mac, XID);

		assert_int_equal(rc, n >= 240 + 3 + 6 ? 0 : -1);
		free(copy);
	}
	/* Hostile names never get into files. */
	begin(&m, DHCP_ACK);
	OPTION(&m, 12, 'a', ';', 'b');
	OPTION(&m, 15, 'a', '\n', 'b');
	end(&m);
	assert_int_equal(parse(&m, &r), 0);
	assert_string_equal(r.lease.hostname, "");
	assert_string_equal(r.lease.domain, "");
}

static void test_wrap(void **state)
{
	uint8_t packet[DHCP_PACKET_MAX], frame[DHCP_PACKET_MAX + 64];
	struct dhcp_query q = { .type = DHCP_DISCOVER, .xid = XID, .seconds = 3 };
	const uint8_t *inner;

	(void)state;
	memcpy(q.mac, mac, 6);
	size_t n = dhcp_build(packet, &q);

	assert_int_equal(n, 300);
	size_t total = dhcp_wrap(frame, sizeof(frame), packet, n);

	assert_int_equal(total, n + 28);
	assert_memory_equal(frame + 28, packet, n);
	/* Ours goes to a server; turned round it must come in, checksums included. */
	assert_int_equal(dhcp_unwrap(&inner, frame, total, false), -1);
	frame[20] = 0, frame[21] = 67, frame[22] = 0, frame[23] = 68;
	assert_int_equal(dhcp_unwrap(&inner, frame, total, false), 300);
	assert_ptr_equal(inner, frame + 28);
	frame[100] ^= 1;
	assert_int_equal(dhcp_unwrap(&inner, frame, total, false), -1);
	assert_int_equal(dhcp_unwrap(&inner, frame, total, true), 300);
	frame[100] ^= 1;
	assert_int_equal(dhcp_unwrap(&inner, frame, total - 1, false), -1);
	frame[8]--; /* the header's own checksum */
	assert_int_equal(dhcp_unwrap(&inner, frame, total, true), -1);
	frame[8]++;
	frame[25]++; /* a UDP length beyond the datagram */
	assert_int_equal(dhcp_unwrap(&inner, frame, total, true), -1);
	assert_int_equal(dhcp_wrap(frame, 100, packet, n), 0);
}

static struct dhcp_reply reply(enum dhcp_type type, uint8_t last, uint32_t seconds)
{
	struct dhcp_reply r = { .type = type };

	memcpy(r.lease.address, (uint8_t[]){ 10, 0, 2, last }, 4);
	memcpy(r.lease.server, (uint8_t[]){ 10, 0, 2, 2 }, 4);
	r.lease.prefix = 24;
	r.lease.seconds = seconds;
	r.lease.t1 = seconds / 2;
	r.lease.t2 = seconds / 8 * 7;
	return r;
}

static bool tick(struct dhcp_client *c, uint64_t now, struct dhcp_out *out, struct dhcp_event *e,
		 bool *has)
{
	return dhcp_client_tick(c, now, out, e, has);
}

static void bind_client(struct dhcp_client *c, uint64_t now)
{
	struct dhcp_out out;
	struct dhcp_event e;
	struct dhcp_reply r = reply(DHCP_OFFER, 15, 3600);
	bool has;

	dhcp_client_init(c, mac, 7, now);
	assert_true(tick(c, now, &out, &e, &has));
	assert_int_equal(out.query.type, DHCP_DISCOVER);
	assert_false(out.unicast);
	assert_false(dhcp_client_reply(c, &r, now, &e));
	assert_true(tick(c, now, &out, &e, &has));
	assert_int_equal(out.query.type, DHCP_REQUEST);
	assert_int_equal(out.query.xid, c->xid);
	assert_memory_equal(out.query.requested, r.lease.address, 4);
	assert_memory_equal(out.query.server, r.lease.server, 4);
	r.type = DHCP_ACK;
	assert_true(dhcp_client_reply(c, &r, now, &e));
	assert_int_equal(e.kind, DHCP_EV_LEASE);
	assert_int_equal(c->state, DHCP_S_BOUND);
	assert_false(tick(c, now + 1000, &out, &e, &has));
}

static void test_client_renews(void **state)
{
	struct dhcp_client c;
	struct dhcp_out out;
	struct dhcp_event e;
	struct dhcp_reply ack = reply(DHCP_ACK, 15, 3600);
	bool has;

	(void)state;
	bind_client(&c, 5000);
	assert_int_equal(c.next_ms, 5000 + 1800000);
	/* T1: the server, by unicast, with our address and no option 50 or 54. */
	assert_true(tick(&c, 1805000, &out, &e, &has));
	assert_true(out.unicast);
	assert_memory_equal(out.to, ack.lease.server, 4);
	assert_memory_equal(out.query.ciaddr, ack.lease.address, 4);
	assert_int_equal(out.query.requested[0], 0);
	assert_int_equal(out.query.server[0], 0);
	/* Half of what is left until T2 at 3155000. */
	assert_int_equal(c.next_ms, 1805000 + (3155000 - 1805000) / 2);
	assert_true(dhcp_client_reply(&c, &ack, 1806000, &e));
	assert_int_equal(e.kind, DHCP_EV_LEASE);
	assert_int_equal(c.next_ms, 1806000 + 1800000);
}

static void test_client_loses_its_server(void **state)
{
	struct dhcp_client c;
	struct dhcp_out out;
	struct dhcp_event e;
	uint64_t now = 0;
	int renew = 0, rebind = 0, events = 0;
	bool has = false;

	(void)state;
	bind_client(&c, 0);
	while (c.state != DHCP_S_SELECTING) {
		now = c.next_ms;
		assert_true(now <= 3600000);
		while (tick(&c, now, &out, &e, &has)) {
			renew += out.unicast;
			rebind += !out.unicast && out.query.ciaddr[0] == 10;
			events += has;
		}
	}
	assert_int_equal(now, 3600000);
	assert_true(renew >= 3 && rebind >= 2);
	/* Expiry is said once, with the lease, and the search begins with the old address as a wish. */
	assert_int_equal(events, 1);
	assert_int_equal(e.kind, DHCP_EV_EXPIRED);
	assert_int_equal(e.lease.address[3], 15);
	assert_int_equal(out.query.type, DHCP_DISCOVER);
	assert_int_equal(out.query.requested[3], 15);
}

static void test_client_without_server(void **state)
{
	struct dhcp_client c;
	struct dhcp_out out;
	struct dhcp_event e;
	int sent = 0, told = 0;
	uint64_t last = 0, longest = 0;
	bool has;

	(void)state;
	dhcp_client_init(&c, mac, 99, 0);
	while (c.next_ms < 120000) {
		if (c.next_ms - last > longest)
			longest = c.next_ms - last;
		last = c.next_ms;
		while (tick(&c, last, &out, &e, &has)) {
			assert_int_equal(out.query.type, DHCP_DISCOVER);
			sent++;
			told += has && e.kind == DHCP_EV_NO_ANSWER;
		}
	}
	assert_true(sent >= 9 && sent <= 14);
	assert_true(told >= 5);
	assert_true(longest <= 18000);
}

static void test_client_is_refused(void **state)
{
	struct dhcp_client c;
	struct dhcp_out out;
	struct dhcp_event e;
	struct dhcp_reply nak = { .type = DHCP_NAK }, ack = reply(DHCP_ACK, 15, 3600);
	bool has;

	(void)state;
	bind_client(&c, 0);
	/* Nobody asked: stray answers change nothing. */
	assert_false(dhcp_client_reply(&c, &nak, 1000, &e));
	assert_false(dhcp_client_reply(&c, &ack, 1000, &e));
	assert_int_equal(c.state, DHCP_S_BOUND);
	/* The cable was out: ask whether the address is still ours. */
	dhcp_client_relink(&c, 2000);
	assert_true(tick(&c, 2000, &out, &e, &has));
	assert_int_equal(out.query.type, DHCP_REQUEST);
	assert_false(out.unicast);
	assert_true(dhcp_client_reply(&c, &nak, 2100, &e));
	assert_int_equal(e.kind, DHCP_EV_REFUSED);
	assert_false(tick(&c, 2100, &out, &e, &has)); /* not at once */
	assert_true(tick(&c, 3100, &out, &e, &has));
	assert_int_equal(out.query.type, DHCP_DISCOVER);
	assert_int_equal(out.query.requested[0], 0);
}

static void test_client_offer_dies(void **state)
{
	struct dhcp_client c;
	struct dhcp_out out;
	struct dhcp_event e;
	struct dhcp_reply offer = reply(DHCP_OFFER, 15, 3600);
	int requests = 0;
	bool has;

	(void)state;
	dhcp_client_init(&c, mac, 1, 0);
	assert_true(tick(&c, 0, &out, &e, &has));
	assert_false(dhcp_client_reply(&c, &offer, 10, &e));
	c.next_ms = 10;
	do {
		assert_true(tick(&c, c.next_ms, &out, &e, &has));
		requests += out.query.type == DHCP_REQUEST;
	} while (out.query.type == DHCP_REQUEST && requests < 100);
	assert_int_equal(requests, 4);
	assert_int_equal(c.state, DHCP_S_SELECTING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_offer),
		cmocka_unit_test(test_classless_routes),
		cmocka_unit_test(test_overload),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_client_renews),
		cmocka_unit_test(test_client_loses_its_server),
		cmocka_unit_test(test_client_without_server),
		cmocka_unit_test(test_client_is_refused),
		cmocka_unit_test(test_client_offer_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
