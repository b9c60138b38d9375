/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rewrite/net_priv.h"

static void check_prefix(const char *text, bool is_v6, const char *want)
{
	char *got = net_prefix_of(text, is_v6);

	if (want)
		assert_string_equal(got, want);
	else
		assert_null(got);
	free(got);
}

static void test_prefixes(void **state)
{
	(void)state;
	check_prefix("default", false, "0.0.0.0/0");
	check_prefix("default", true, "::/0");
	check_prefix("10.0.0.5", false, "10.0.0.5/32");
	check_prefix("2001:db8::1", true, "2001:db8::1/128");
	check_prefix("10.0.0.0/8", false, "10.0.0.0/8");
	check_prefix("10.0.0.0/33", false, NULL);
	check_prefix("10.0.0.0/", false, NULL);
	check_prefix("10.0.0/8", false, NULL);
	check_prefix("", false, NULL);
}

static void test_gateways_outside_every_prefix_need_onlink(void **state)
{
	char *items[] = { (char *)"192.0.2.10/25", (char *)"2001:db8:1::10/64",
			  (char *)"nonsense" };
	struct net_link l = { .addresses = { items, 3, 3 } };

	(void)state;
	assert_false(net_needs_onlink(&l, "192.0.2.1"));
	assert_true(net_needs_onlink(&l, "192.0.2.129"));
	assert_true(net_needs_onlink(&l, "10.0.0.1"));
	assert_false(net_needs_onlink(&l, "2001:db8:1::1"));
	assert_true(net_needs_onlink(&l, "2001:db8:2::1"));
	assert_false(net_needs_onlink(&l, "fe80::1"));
	items[0] = (char *)"203.0.113.10/32";
	assert_true(net_needs_onlink(&l, "203.0.113.1"));
}

static void test_first_plain_default_is_the_gateway(void **state)
{
	struct net_model m = { 0 };
	struct net_link *l = net_link_get(&m, "eth0");
	struct net_route first = { .to = (char *)"0.0.0.0/0",
				   .via = (char *)"192.0.2.1",
				   .is_onlink = true };
	struct net_route metric = { .to = (char *)"0.0.0.0/0",
				    .via = (char *)"192.0.2.2",
				    .metric = 50 };
	struct net_route six = { .to = (char *)"::/0", .via = (char *)"fe80::1" };

	(void)state;
	assert_int_equal(net_take_route(l, &metric), 0);
	assert_null(l->gateway4);
	assert_int_equal(net_take_route(l, &first), 0);
	assert_int_equal(net_take_route(l, &first), 0);
	assert_int_equal(net_take_route(l, &six), 0);
	assert_string_equal(l->gateway4, "192.0.2.1");
	assert_true(l->is_onlink4);
	assert_string_equal(l->gateway6, "fe80::1");
	assert_false(l->is_onlink6);
	assert_int_equal(l->route_count, 2);
	assert_int_equal(l->routes[0].metric, 50);
	assert_string_equal(l->routes[1].via, "192.0.2.1");
	net_done(&m);
}

static void test_no_writer(void **state)
{
	struct net_model m = { 0 };
	struct net_output o;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(net_write(&o, "carrier pigeon", &m, NULL, &e), -1);
	assert_int_equal(e.code, ERR_RW_STACK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_gateways_outside_every_prefix_need_onlink),
		cmocka_unit_test(test_first_plain_default_is_the_gateway),
		cmocka_unit_test(test_no_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
