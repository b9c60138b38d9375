/* SPDX-License-Identifier: MIT */
/* The drawn models themselves: what they hold, and that the comparison sees each difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net_models.h"

static struct net_model drawn(unsigned seed)
{
	struct net_model m;

	assert_int_equal(models_make(&m, seed, MODEL_ALL), 0);
	return m;
}

static void test_a_seed_draws_one_model(void **state)
{
	unsigned seed;

	(void)state;
	for (seed = 0; seed < 200; seed++) {
		struct strbuf why cleanup_strbuf = STRBUF_INIT;
		struct net_model a = drawn(seed), b = drawn(seed);

		if (!models_equal(&a, &b, &why))
			fail_msg("seed %u: %s", seed, strbuf_str(&why));
		net_done(&a);
		net_done(&b);
	}
}

/* Every word of the model occurs somewhere, so a round trip over the seeds tries it. */
static void test_seeds_draw_everything(void **state)
{
	unsigned kinds[4] = { 0 }, v4[4] = { 0 }, v6[4] = { 0 }, seen[16] = { 0 }, seed, i, n;

	(void)state;
	for (seed = 0; seed < 300; seed++) {
		struct net_model m = drawn(seed);

		for (i = 0; i < m.link_count; i++) {
			const struct net_link *l = &m.links[i];

			kinds[l->kind]++;
			v4[l->v4]++;
			v6[l->v6]++;
			seen[0] += l->mac != NULL;
			seen[1] += l->is_onlink4;
			seen[2] += l->is_onlink6;
			seen[3] += l->peer4 != NULL;
			seen[4] += l->addresses.count > 2;
			seen[5] += l->rule_count > 0;
			seen[6] += l->dns.count > 0;
			seen[7] += l->mtu > 0;
			seen[8] += l->set_mac != NULL;
			seen[9] += l->kind == NET_VLAN && strcmp(l->parent, "bond0") == 0;
			for (n = 0; n < l->route_count; n++) {
				seen[10] += l->routes[n].is_onlink;
				seen[11] += l->routes[n].table > 0;
				seen[12] += l->routes[n].src != NULL;
				seen[13] += l->routes[n].type != NULL;
				seen[14] += l->routes[n].mtu > 0;
				seen[15] += l->routes[n].metric > 0;
			}
		}
		net_done(&m);
	}
	for (i = 0; i < 4; i++) {
		assert_true(kinds[i]);
		assert_true(v6[i]);
	}
	assert_true(v4[NET_OFF] && v4[NET_STATIC] && v4[NET_DHCP]);
	for (i = 0; i < ARRAY_SIZE(seen); i++)
		if (!seen[i])
			fail_msg("number %u was never drawn", i);
}

static void test_only_what_is_asked_for(void **state)
{
	unsigned seed, i;

	(void)state;
	for (seed = 0; seed < 100; seed++) {
		struct net_model m;

		assert_int_equal(models_make(&m, seed, 0), 0);
		for (i = 0; i < m.link_count; i++) {
			assert_int_equal(m.links[i].kind, NET_CARD);
			assert_null(m.links[i].mac);
			assert_int_not_equal(m.links[i].v4, NET_DHCP);
			assert_int_equal(m.links[i].route_count + m.links[i].rule_count, 0);
		}
		net_done(&m);
	}
}

static void test_differences_are_told(void **state)
{
	struct strbuf why cleanup_strbuf = STRBUF_INIT;
	struct net_model a = drawn(1), b = drawn(1);
	struct net_link *l = &b.links[0];

	(void)state;
	l->mtu += 1;
	assert_int_equal(strlist_add(&l->addresses, "192.0.2.99/24"), 0);
	assert_non_null(net_link_get(&b, "more0"));
	assert_false(models_equal(&a, &b, &why));
	assert_non_null(strstr(strbuf_str(&why), "mtu"));
	assert_non_null(strstr(strbuf_str(&why), "192.0.2.99/24"));
	assert_non_null(strstr(strbuf_str(&why), "more0: only in the second"));
	assert_false(models_equal(&b, &a, NULL));
	net_done(&a);
	net_done(&b);
}

/* What a stack calls the file of a card that is found by its address is no part of the network. */
static void test_labels_do_not_count(void **state)
{
	struct net_model a = { 0 }, b = { 0 };
	struct net_link *l = net_link_get(&a, "lan0"), *k = net_link_get(&b, "wan");

	(void)state;
	l->mac = strdup("52:54:00:00:00:01");
	k->mac = strdup("52:54:00:00:00:01");
	l = net_link_get(&a, "vlan5");
	k = net_link_get(&b, "vlan5");
	l->parent = strdup("lan0");
	k->parent = strdup("wan");
	assert_true(models_equal(&a, &b, NULL));
	free(k->parent);
	k->parent = strdup("other");
	assert_false(models_equal(&a, &b, NULL));
	net_done(&a);
	net_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_seed_draws_one_model),
		cmocka_unit_test(test_seeds_draw_everything),
		cmocka_unit_test(test_only_what_is_asked_for),
		cmocka_unit_test(test_differences_are_told),
		cmocka_unit_test(test_labels_do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
