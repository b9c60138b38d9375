/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rewrite/net_cloudinit.h"
#include "rewrite/net_priv.h"
#include "temp_root.h"

static struct net_model m;

static void put(const char *path, const char *text)
{
	assert_int_equal(root_replace(&r, path, text, strlen(text), NULL, NULL), 0);
}

static void read_again(void)
{
	struct err e = ERR_INIT;

	net_done(&m);
	assert_int_equal(net_read(&m, &r, &e), 0);
}

static const struct net_link *link_of(const char *name)
{
	const struct net_link *l = net_find(&m, name);

	assert_non_null(l);
	return l;
}

static int close_all(void **state)
{
	net_done(&m);
	return temp_root_close(state);
}

static void test_version_1(void **state)
{
	const struct net_link *l;

	(void)state;
	put("var/lib/cloud/seed/nocloud-net/network-config",
	    "version: 1\n"
	    "config:\n"
	    "  - type: nameserver\n"
	    "    address: [192.0.2.53, 192.0.2.54]\n"
	    "    search: example.org\n"
	    "  - {type: route, destination: 10.7.0.0, netmask: 255.255.0.0, gateway: 192.0.2.9, "
	    "metric: 3}\n"
	    "  - type: physical\n"
	    "    name: eth0\n"
	    "    mac_address: '52:54:00:AA:BB:CC'\n"
	    "    mtu: 1450\n"
	    "    subnets:\n"
	    "      - {type: static, address: 192.0.2.5, netmask: 255.255.255.0, gateway: "
	    "192.0.2.1,\n"
	    "         dns_nameservers: [192.0.2.52], dns_search: [a.example],\n"
	    "         routes: [{network: 10.0.0.0, netmask: 8, gateway: 192.0.2.2}]}\n"
	    "      - {type: static6, address: '2001:db8::5/64', gateway: 'fe80::1', scope: "
	    "global}\n"
	    "  - {type: physical, name: eth1, accept-ra: true, subnets: [{type: dhcp4, control: "
	    "manual}]}\n"
	    "  - {type: physical, name: eth2, subnets: [{type: dhcp6}]}\n"
	    "  - {type: bond, name: bond0, mac_address: '52:54:00:00:00:09', bond_interfaces: "
	    "[eth1, eth2],\n"
	    "     params: {bond-mode: 802.3ad, bond_miimon: 100, bond-xmit-hash-policy: "
	    "layer3+4},\n"
	    "     subnets: [{type: static, address: 203.0.113.5/32, gateway: 203.0.113.1}]}\n"
	    "  - {type: bridge, name: br0, bridge_interfaces: [eth1], params: {bridge_stp: 'off', "
	    "bridge_fd: 4},\n"
	    "     subnets: [{type: ipv6_slaac}]}\n"
	    "  - {type: vlan, name: bond0.7, vlan_link: bond0, vlan_id: 7, subnets: [{type: "
	    "manual}]}\n"
	    "  - {type: loopback, name: lo}\n");
	read_again();
	assert_string_equal(m.stack, "cloud-init");
	assert_int_equal(m.notes.count, 0);
	assert_int_equal(m.link_count, 6);
	l = link_of("eth0");
	assert_string_equal(l->mac, "52:54:00:aa:bb:cc");
	assert_int_equal(l->v4, NET_STATIC);
	assert_int_equal(l->v6, NET_STATIC);
	assert_int_equal(l->mtu, 1450);
	assert_string_equal(l->addresses.items[0], "192.0.2.5/24");
	assert_string_equal(l->addresses.items[1], "2001:db8::5/64");
	assert_string_equal(l->gateway4, "192.0.2.1");
	assert_false(l->is_onlink4);
	assert_string_equal(l->gateway6, "fe80::1");
	assert_int_equal(l->route_count, 2);
	assert_string_equal(l->routes[0].to, "10.0.0.0/8");
	assert_string_equal(l->routes[1].to, "10.7.0.0/16");
	assert_int_equal(l->routes[1].metric, 3);
	assert_int_equal(l->dns.count, 3);
	assert_string_equal(l->dns.items[0], "192.0.2.52");
	assert_int_equal(l->search.count, 2);
	assert_string_equal(l->extra.items[0], "subnets.scope: global");
	l = link_of("eth1");
	assert_int_equal(l->v4, NET_DHCP);
	assert_int_equal(l->v6, NET_AUTO);
	assert_false(l->at_boot);
	assert_int_equal(link_of("eth2")->v6, NET_DHCP);
	l = link_of("bond0");
	assert_null(l->mac);
	assert_string_equal(l->set_mac, "52:54:00:00:00:09");
	assert_true(l->is_onlink4);
	assert_string_equal(l->options.items[0], "mode=802.3ad");
	assert_string_equal(l->options.items[1], "miimon=100");
	assert_string_equal(l->options.items[2], "xmit_hash_policy=layer3+4");
	assert_string_equal(l->ports.items[1], "eth2");
	l = link_of("br0");
	assert_int_equal(l->v6, NET_AUTO);
	assert_string_equal(l->options.items[0], "stp=no");
	assert_string_equal(l->options.items[1], "forward_delay=4");
	l = link_of("bond0.7");
	assert_int_equal(l->v4, NET_OFF);
	assert_int_equal(l->v6, NET_OFF);
	assert_string_equal(l->parent, "bond0");
	assert_int_equal(l->vlan_id, 7);
}

static void test_version_2_and_precedence(void **state)
{
	(void)state;
	put("var/lib/cloud/seed/nocloud/network-config",
	    "network: {version: 2, ethernets: {seed: {dhcp4: true}}}");
	read_again();
	assert_int_equal(link_of("seed")->v4, NET_DHCP);
	put("etc/cloud/cloud.cfg.d/10.cfg",
	    "network: {version: 2, ethernets: {ten: {addresses: [10.0.0.1/24]}}}");
	put("etc/cloud/cloud.cfg.d/20.cfg", "users: []\n");
	put("etc/cloud/cloud.cfg.d/30.cfg", "users: [\n");
	read_again();
	assert_int_equal(m.link_count, 1);
	assert_int_equal(link_of("ten")->v4, NET_STATIC);
	assert_string_equal(m.files.items[0], "/etc/cloud/cloud.cfg.d/10.cfg");
	assert_int_equal(m.notes.count, 1);
	assert_non_null(strstr(m.notes.items[0], "30.cfg line 2: "));
	put("etc/cloud/cloud.cfg.d/99.cfg", "network: {config: disabled}");
	read_again();
	assert_null(m.stack);
	assert_int_equal(root_remove(&r, "etc/cloud/cloud.cfg.d/99.cfg", NULL), 0);
	put("etc/cloud/cloud-init.disabled", "");
	read_again();
	assert_null(m.stack);
}

/* Each is a note, or nothing; none stops the good link. */
static void test_hostile(void **state)
{
	static const char *const wrong[] = {
		"{type: physical}",
		"{type: physical, name: '../a b'}",
		"{type: physical, name: good}",
		"{type: nonsense}",
		"{}",
		"word",
		"{type: physical, name: b, subnets: [{}]}",
		"{type: physical, name: b, subnets: [{type: odd}]}",
		"{type: physical, name: b, subnets: [{type: static, address: 10.0.0.300/8}]}",
		"{type: physical, name: b, subnets: [{type: static, address: 10.0.0.3/8, gateway: "
		"x}]}",
		"{type: physical, name: b, subnets: [{type: dhcp, routes: [{gateway: 1.2.3.4}]}]}",
		"{type: nameserver, interface: nowhere, address: 1.2.3.4}",
		"{type: nameserver, address: ['a b']}",
	};
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		(void)snprintf(text, sizeof(text),
			       "version: 1\nconfig:\n- {type: physical, name: good, subnets: "
			       "[{type: dhcp}]}\n- %s\n",
			       wrong[i]);
		put("var/lib/cloud/seed/nocloud/network-config", text);
		read_again();
		assert_int_equal(link_of("good")->v4, NET_DHCP);
		if (m.notes.count == 0)
			fail_msg("no note about %s", wrong[i]);
		assert_non_null(strstr(m.notes.items[0], "network-config line 4: "));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_version_1, temp_root_open, close_all),
		cmocka_unit_test_setup_teardown(test_version_2_and_precedence, temp_root_open,
						close_all),
		cmocka_unit_test_setup_teardown(test_hostile, temp_root_open, close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
