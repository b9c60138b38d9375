/* SPDX-License-Identifier: MIT */
/* One stack on the source, another on this machine: what is written, what goes aside, and that it is done once. */
#include "plan_try.h"

#include "rewrite/net_fit.h"

#define WANTS "etc/systemd/system/multi-user.target.wants/"

/* What every stack must say of it in the end. */
static void is_static_network(const char *stack)
{
	const struct net_link *l = NULL;
	struct net_model m;
	unsigned i;

	assert_int_equal(net_read(&m, &clone, NULL), 0);
	assert_string_equal(m.stack, stack);
	for (i = 0; i < m.link_count; i++)
		if (net_card_of(&m.links[i], &f.facts))
			l = &m.links[i];
	assert_non_null(l);
	assert_int_equal(m.link_count, 1);
	assert_int_equal(l->addresses.count, 3);
	assert_string_equal(l->addresses.items[0], "203.0.113.10/32");
	assert_string_equal(l->addresses.items[1], "203.0.113.11/32");
	assert_string_equal(l->addresses.items[2], "2001:db8:7::10/64");
	assert_string_equal(l->gateway4, "203.0.113.1");
	assert_true(l->is_onlink4);
	assert_string_equal(l->gateway6, "fe80::1");
	assert_int_equal(l->v4, NET_STATIC);
	assert_int_equal(l->v6, NET_STATIC);
	assert_int_equal(l->mtu, 1450);
	assert_true(l->at_boot);
	net_done(&m);
}

static void apply_once(void)
{
	size_t i;

	make();
	for (i = 0; i < plan.blockers.count; i++)
		print_error("blocker: %s\n", plan.blockers.items[i]);
	assert_int_equal(plan.blockers.count, 0);
	assert_int_equal(rewrite_plan_apply(&plan, &clone, NULL), 0);
	make();
	for (i = 0; i < plan.edit_count; i++)
		print_error("again: %s\n", plan.edits[i].path);
	assert_int_equal(plan.edit_count, 0);
}

static void not_there(const char *path)
{
	struct stat st;

	if (root_lstat(&clone, path, &st) == 0)
		fail_msg("%s is still there", path);
}

/* What may hold a password is kept, and never shown. */
static void test_profiles_are_not_shown(void **state)
{
	struct strbuf diff cleanup_strbuf = STRBUF_INIT;

	(void)state;
	put(&clone, "etc/NetworkManager/system-connections/office.nmconnection",
	    "[wifi-security]\npsk=verysecret\n");
	make();
	assert_int_equal(rewrite_plan_diff(&plan, &clone, &diff, NULL), 0);
	assert_null(strstr(strbuf_str(&diff), "verysecret"));
	assert_non_null(strstr(strbuf_str(&diff), "office.nmconnection"));
}

static void target_has_netplan(void)
{
	assert_int_equal(root_remove(&target, "etc/network/interfaces", NULL), 0);
	assert_int_equal(root_remove(&target, "etc/resolv.conf", NULL), 0);
	put(&target, "etc/netplan/50-cloud-init.yaml",
	    "network:\n  version: 2\n  ethernets:\n    wan:\n"
	    "      match: {macaddress: '52:54:00:12:34:56'}\n      set-name: enp1s0\n"
	    "      mtu: 1450\n      accept-ra: false\n"
	    "      addresses: [203.0.113.10/32, 203.0.113.11/32, '2001:db8:7::10/64']\n"
	    "      nameservers: {addresses: [192.0.2.53], search: [example.org]}\n"
	    "      routes:\n"
	    "        - {to: 0.0.0.0/0, via: 203.0.113.1, on-link: true}\n"
	    "        - {to: '::/0', via: 'fe80::1'}\n");
}

static void test_ifupdown_gets_netplan(void **state)
{
	(void)state;
	target_has_netplan();
	apply_once();
	is_static_network("ifupdown");
	holds("etc/resolv.conf", "search example.org\nnameserver 192.0.2.53\n");
	not_there("etc/netplan/50-cloud-init.yaml");
	assert_true(has_text(&plan.notes, "with netplan, the source does it with ifupdown"));
}

/* The stack that was active there is known: what other files say does not count. */
static void test_stack_of_the_facts_counts(void **state)
{
	(void)state;
	target_has_netplan();
	put(&target, "etc/network/interfaces", "auto enp1s0\niface enp1s0 inet dhcp\n");
	f.facts.target_stack = "netplan";
	apply_once();
	is_static_network("ifupdown");
	f.facts.target_stack = NULL;
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_profiles_are_not_shown),
		TEST(test_ifupdown_gets_netplan),
		TEST(test_stack_of_the_facts_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
