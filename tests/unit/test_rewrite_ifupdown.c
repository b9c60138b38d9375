/* SPDX-License-Identifier: MIT */
/* ifupdown: what options and commands mean, what is written, and that both are the same model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net_models.h"

static char dir[64];
static struct root r = { .fd = -1 };

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/rehost-ifupdown-XXXXXX");
	return mkdtemp(dir) && root_open(&r, dir, NULL) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	char cmd[128];

	(void)state;
	root_close(&r);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static struct net_model read_text(const char *text)
{
	struct net_model m;

	assert_int_equal(root_replace(&r, "etc/network/interfaces", text, strlen(text), NULL, NULL),
			 0);
	assert_int_equal(net_read(&m, &r, NULL), 0);
	return m;
}

static struct net_output written(const struct net_model *m)
{
	struct net_output o;

	assert_int_equal(net_write(&o, "ifupdown", m, &r, NULL), 0);
	assert_int_equal(o.file_count, 1);
	return o;
}

/* Everything but what the stack cannot say: cards are found by name alone. */
static void round_trips(unsigned features)
{
	unsigned seed;

	for (seed = 0; seed < 300; seed++) {
		struct strbuf why cleanup_strbuf = STRBUF_INIT;
		struct net_model m, again;
		struct net_output o;

		assert_int_equal(models_make(&m, seed, features), 0);
		o = written(&m);
		again = read_text(strbuf_str(&o.files[0].text));
		if (!models_equal(&m, &again, &why) || o.losses.count || again.notes.count)
			fail_msg("seed %u: %s%s\n%s", seed, strbuf_str(&why),
				 o.losses.count ? o.losses.items[0] : "",
				 strbuf_str(&o.files[0].text));
		net_output_done(&o);
		net_done(&again);
		net_done(&m);
	}
}

static void test_round_trip_debian(void **state)
{
	(void)state;
	round_trips(MODEL_ALL & ~MODEL_MAC);
}

static void test_round_trip_ng(void **state)
{
	(void)state;
	assert_int_equal(root_mkdirs(&r, "usr/libexec/ifupdown-ng", 0755, NULL), 0);
	assert_int_equal(root_mkdirs(&r, "etc/systemd/system/multi-user.target.wants", 0755, NULL),
			 0);
	assert_int_equal(root_symlink(&r, "sbin/ifup", "ifupdown", NULL), 0);
	assert_int_equal(
		root_symlink(&r, "etc/systemd/system/multi-user.target.wants/networking.service",
			     "/lib/systemd/system/networking.service", NULL),
		0);
	round_trips(MODEL_ALL & ~MODEL_MAC & ~MODEL_MIXED);
}

static void test_round_trip_busybox(void **state)
{
	(void)state;
	assert_int_equal(root_symlink(&r, "sbin/ifup", "/bin/busybox", NULL), 0);
	round_trips(MODEL_ALL & ~MODEL_MAC & ~MODEL_DHCP6);
}

static void test_busybox_says_what_it_lacks(void **state)
{
	struct net_model m = { 0 };
	struct net_output o;
	const char *text;

	(void)state;
	assert_int_equal(root_symlink(&r, "sbin/ifup", "/bin/busybox", NULL), 0);
	net_link_get(&m, "eth0")->v6 = NET_DHCP;
	o = written(&m);
	text = strbuf_str(&o.files[0].text);
	assert_int_equal(o.losses.count, 1);
	assert_non_null(strstr(o.losses.items[0], "DHCPv6"));
	assert_non_null(strstr(text, "iface eth0 inet6 manual\n"));
	net_output_done(&o);
	net_done(&m);
}

static void test_commands_that_are_understood(void **state)
{
	struct net_model m = read_text(
		"auto eth0\niface eth0 inet static\n address 192.0.2.10/24\n"
		" up ip route add 10.0.0.0/8 via 192.0.2.2 dev eth0 metric 50\n"
		" post-up /sbin/ip r add blackhole 198.51.100.0/24 || true\n"
		" down ip route del 10.0.0.0/8\n"
		" up route add -net 172.16.0.0 netmask 255.240.0.0 gw 192.0.2.3 dev eth0\n"
		" up ip rule add from 192.0.2.10 lookup 100 prio 500\n"
		" up ip route add default via 192.0.2.1 dev $IFACE table 100\n"
		" up ip -6 route add default via fe80::1 dev $IFACE\n"
		" up ip addr add 192.0.2.11/24 dev $IFACE\n");
	const struct net_link *l = net_find(&m, "eth0");

	(void)state;
	assert_int_equal(l->extra.count, 0);
	assert_int_equal(l->route_count, 4);
	assert_string_equal(l->routes[0].to, "10.0.0.0/8");
	assert_string_equal(l->routes[0].via, "192.0.2.2");
	assert_int_equal(l->routes[0].metric, 50);
	assert_string_equal(l->routes[1].type, "blackhole");
	assert_string_equal(l->routes[2].to, "172.16.0.0/12");
	assert_string_equal(l->routes[3].to, "0.0.0.0/0");
	assert_int_equal(l->routes[3].table, 100);
	assert_null(l->gateway4);
	assert_string_equal(l->gateway6, "fe80::1");
	assert_int_equal(l->rule_count, 1);
	assert_string_equal(l->rules[0].from, "192.0.2.10/32");
	assert_int_equal(l->rules[0].table, 100);
	assert_int_equal(l->rules[0].priority, 500);
	assert_int_equal(l->addresses.count, 2);
	net_done(&m);
}

static void test_commands_that_are_kept(void **state)
{
	static const char *const lines[] = {
		"ip route add 10.0.0.0/8 via 192.0.2.2; reboot",
		"ip route add 10.0.0.0/8 via $(cat /gw)",
		"ip route add 10.0.0.0/8 via 192.0.2.2 dev eth1",
		"ip route add 10.0.0.0/8 via 192.0.2.2 nexthop x",
		"ip route add 10.0.0.0/99 via 192.0.2.2",
		"ip rule add from 10.0.0.0/8 lookup uplink2",
		"ip link set dev eth0 promisc on",
		"route add -net 10.0.0.0 netmask 255.0.255.0 gw 192.0.2.1",
		"/usr/local/bin/x",
		"ip",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		char text[256];
		struct net_model m;

		snprintf(text, sizeof(text),
			 "iface eth0 inet static\n address 192.0.2.10/24\n up %s\n", lines[i]);
		m = read_text(text);
		if (m.links[0].extra.count != 1 || m.links[0].route_count || m.links[0].rule_count)
			fail_msg("taken: %s", lines[i]);
		net_done(&m);
	}
}

static void test_gateway_outside(void **state)
{
	struct net_model m = read_text("iface eth0 inet static\n address 203.0.113.10/32\n"
				       " up ip route add 203.0.113.1 dev eth0\n"
				       " up ip route add default via 203.0.113.1 dev eth0\n"
				       "iface eth1 inet static\n address 203.0.113.11/32\n"
				       " pointopoint 203.0.113.1\n gateway 203.0.113.1\n");
	unsigned i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_string_equal(m.links[i].gateway4, "203.0.113.1");
		assert_true(m.links[i].is_onlink4);
		assert_int_equal(m.links[i].route_count, 0);
	}
	assert_null(m.links[0].peer4);
	assert_string_equal(m.links[1].peer4, "203.0.113.1");
	net_done(&m);
}

static void test_bonds_bridges_vlans(void **state)
{
	struct net_model m = read_text(
		"iface bond0 inet manual\n bond-slaves none\n bond_mode 1\n bond-miimon 100\n"
		"iface eth0 inet manual\n bond-master bond0\n"
		"iface eth1 inet manual\n bond-master bond0\n"
		"iface bond0.100 inet dhcp\n hwaddress ether 02:00:00:00:00:0A\n"
		"iface vlan7 inet manual\n vlan-raw-device eth2\n"
		"iface br0 inet dhcp\n bridge_ports eth2 eth3\n bridge_stp off\n bridge_fd 0\n"
		" bridge_vlan_aware yes\n");
	const struct net_link *l = net_find(&m, "bond0");

	(void)state;
	assert_int_equal(l->kind, NET_BOND);
	assert_int_equal(l->ports.count, 2);
	assert_string_equal(l->options.items[0], "mode=active-backup");
	assert_int_equal(net_find(&m, "eth0")->extra.count, 0);
	l = net_find(&m, "bond0.100");
	assert_int_equal(l->kind, NET_VLAN);
	assert_string_equal(l->parent, "bond0");
	assert_int_equal(l->vlan_id, 100);
	assert_string_equal(l->set_mac, "02:00:00:00:00:0a");
	l = net_find(&m, "vlan7");
	assert_int_equal(l->vlan_id, 7);
	assert_string_equal(l->parent, "eth2");
	l = net_find(&m, "br0");
	assert_int_equal(l->kind, NET_BRIDGE);
	assert_int_equal(l->ports.count, 2);
	assert_true(strlist_has(&l->options, "stp=no"));
	assert_true(strlist_has(&l->options, "forward_delay=0"));
	assert_int_equal(l->extra.count, 1);
	net_done(&m);
}

static void test_what_is_lost_is_told(void **state)
{
	struct net_model m = { 0 };
	struct net_link *l;
	struct net_output o;

	(void)state;
	l = net_link_get(&m, "wan");
	l->mac = strdup("52:54:00:00:00:01");
	l->v4 = NET_STATIC;
	assert_int_equal(strlist_add(&l->addresses, "192.0.2.1/24"), 0);
	assert_int_equal(strlist_add(&l->extra, "wakeonlan: true"), 0);
	l = net_link_get(&m, "wg0");
	l->kind = NET_OTHER;
	o = written(&m);
	assert_int_equal(o.losses.count, 3);
	assert_null(strstr(strbuf_str(&o.files[0].text), "wakeonlan"));
	assert_null(strstr(strbuf_str(&o.files[0].text), "wg0"));
	net_output_done(&o);
	net_done(&m);
}

/* Values come from the disk of an unknown machine and would be run by a shell. */
static void test_nothing_strange_is_written(void **state)
{
	struct net_model m = { 0 };
	struct net_route *route;
	struct net_rule *rule;
	struct net_link *l;
	struct net_output o;
	const char *text;

	(void)state;
	l = net_link_get(&m, "eth0");
	l->v4 = NET_STATIC;
	assert_int_equal(strlist_add(&l->addresses, "192.0.2.1/24"), 0);
	assert_int_equal(strlist_add(&l->addresses, "192.0.2.1/24\nup reboot"), 0);
	assert_int_equal(strlist_add(&l->dns, "$(reboot)"), 0);
	assert_int_equal(strlist_add(&l->search, "a\nup reboot"), 0);
	l->set_mac = strdup("02:00\nup reboot");
	l->gateway4 = strdup("192.0.2.254\nup reboot");
	l->peer4 = strdup("192.0.2.254\nup reboot");
	route = net_route_add(l);
	route->to = strdup("10.0.0.0/8; reboot");
	route = net_route_add(l);
	route->to = strdup("10.0.0.0/8");
	route->via = strdup("$(reboot)");
	rule = net_rule_add(l);
	rule->iif = strdup("`reboot`");
	l = net_link_get(&m, "bond0");
	l->kind = NET_BOND;
	assert_int_equal(strlist_add(&l->ports, "a;reboot"), 0);
	assert_int_equal(strlist_add(&l->options, "mode=1\nup reboot"), 0);
	assert_non_null(net_link_get(&m, "x\nup reboot"));
	o = written(&m);
	text = strbuf_str(&o.files[0].text);
	if (strstr(text, "reboot"))
		fail_msg("%s", text);
	assert_true(o.losses.count >= 8);
	net_output_done(&o);
	net_done(&m);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip_debian),
		TEST(test_round_trip_ng),
		TEST(test_round_trip_busybox),
		TEST(test_busybox_says_what_it_lacks),
		TEST(test_commands_that_are_understood),
		TEST(test_commands_that_are_kept),
		TEST(test_gateway_outside),
		TEST(test_bonds_bridges_vlans),
		TEST(test_what_is_lost_is_told),
		TEST(test_nothing_strange_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
