/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rewrite/net_netplan.h"
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

static void test_static_host(void **state)
{
	const struct net_link *l;

	(void)state;
	put("etc/netplan/50-cloud-init.yaml",
	    "network:\n"
	    "  version: 2\n"
	    "  ethernets:\n"
	    "    lo: {addresses: [127.0.0.2/8]}\n"
	    "    wan:\n"
	    "      match: {macaddress: \"52:54:00:AA:BB:CC\"}\n"
	    "      set-name: ens3\n"
	    "      dhcp4: no\n"
	    "      accept-ra: false\n"
	    "      addresses: [203.0.113.10/32, \"2001:db8:1::10/64\", 203.0.113.10/32]\n"
	    "      nameservers: {addresses: [192.0.2.53], search: [example.net]}\n"
	    "      routes:\n"
	    "        - {to: default, via: 203.0.113.1, on-link: true}\n"
	    "        - {to: \"::/0\", via: \"fe80::1\", table: 254}\n"
	    "        - {to: 10.0.0.0/8, via: 203.0.113.2, metric: 50, mtu: 1400, table: 7}\n"
	    "        - {to: 10.9.0.5, type: blackhole}\n"
	    "        - {to: 10.1.0.0/16, scope: link, from: 203.0.113.10}\n"
	    "        - {to: 10.2.0.0/16, via: 203.0.113.2, advertised-mss: 1400}\n"
	    "      routing-policy:\n"
	    "        - {from: 203.0.113.0/24, table: 7, priority: 100, mark: 5}\n"
	    "        - {to: \"::/0\", table: 8, type-of-service: 3}\n"
	    "      mtu: 1450\n"
	    "      macaddress: 02:00:00:00:00:AA\n"
	    "      optional: true\n"
	    "      dhcp4-overrides: {use-dns: false, route-metric: 5}\n");
	read_again();
	assert_string_equal(m.stack, "netplan");
	assert_string_equal(m.renderer, "networkd");
	assert_int_equal(m.notes.count, 0);
	assert_int_equal(m.files.count, 1);
	assert_int_equal(m.link_count, 1);
	l = link_of("ens3");
	assert_string_equal(l->mac, "52:54:00:aa:bb:cc");
	assert_string_equal(l->set_mac, "02:00:00:00:00:aa");
	assert_true(l->at_boot);
	assert_int_equal(l->kind, NET_CARD);
	assert_int_equal(l->v4, NET_STATIC);
	assert_int_equal(l->v6, NET_STATIC);
	assert_int_equal(l->addresses.count, 2);
	assert_string_equal(l->gateway4, "203.0.113.1");
	assert_true(l->is_onlink4);
	assert_string_equal(l->gateway6, "fe80::1");
	assert_false(l->is_onlink6);
	assert_int_equal(l->route_count, 4);
	assert_int_equal(l->routes[0].metric, 50);
	assert_int_equal(l->routes[0].mtu, 1400);
	assert_int_equal(l->routes[0].table, 7);
	assert_string_equal(l->routes[1].to, "10.9.0.5/32");
	assert_string_equal(l->routes[1].type, "blackhole");
	assert_null(l->routes[2].via);
	assert_string_equal(l->routes[2].src, "203.0.113.10");
	assert_int_equal(l->rule_count, 2);
	assert_string_equal(l->rules[0].from, "203.0.113.0/24");
	assert_string_equal(l->rules[0].fwmark, "5");
	assert_int_equal(l->rules[0].priority, 100);
	assert_true(l->rules[1].is_v6);
	assert_null(l->rules[1].to);
	assert_int_equal(l->mtu, 1450);
	assert_string_equal(l->dns.items[0], "192.0.2.53");
	assert_string_equal(l->search.items[0], "example.net");
	assert_int_equal(l->extra.count, 4);
	assert_string_equal(l->extra.items[0], "routes[10.2.0.0/16].advertised-mss: 1400");
	assert_string_equal(l->extra.items[1], "routing-policy.type-of-service: 3");
	assert_string_equal(l->extra.items[2], "optional: true");
	assert_string_equal(l->extra.items[3],
			    "dhcp4-overrides: {use-dns: false, route-metric: 5}");
}

static void test_bonds_bridges_vlans(void **state)
{
	const struct net_link *l;

	(void)state;
	put("etc/netplan/a.yaml",
	    "network:\n"
	    "  ethernets:\n"
	    "    one: {match: {name: eno1}}\n"
	    "    two: {match: {macaddress: '52:54:00:00:00:02', driver: ena}}\n"
	    "    eno3: {dhcp4: true, dhcp6: true}\n"
	    "  bonds:\n"
	    "    bond0:\n"
	    "      interfaces: [one, two]\n"
	    "      addresses: [192.0.2.5/24]\n"
	    "      parameters: {mode: 802.3ad, mii-monitor-interval: 1s, lacp-rate: fast,\n"
	    "        arp-ip-targets: [192.0.2.1, 192.0.2.2], all-slaves-active: true, primary: "
	    "one,\n"
	    "        up-delay: 3h}\n"
	    "  bridges:\n"
	    "    br0: {interfaces: [bond0.7], parameters: {forward-delay: 4, path-cost: {bond0.7: "
	    "9}}}\n"
	    "    br1: {interfaces: [eno3, eno9], accept-ra: true, parameters: {stp: off}}\n"
	    "    br2: {}\n"
	    "  vlans:\n"
	    "    bond0.7: {id: 7, link: bond0, link-local: []}\n"
	    "    lost: {id: 4095, link: nowhere}\n"
	    "  tunnels:\n"
	    "    tun0: {mode: wireguard, key: SECRET, addresses: [10.5.0.1/24]}\n");
	read_again();
	assert_int_equal(link_of("eno1")->v6, NET_OFF); /* a port */
	assert_string_equal(link_of("two")->extra.items[0], "match.driver: ena");
	assert_int_equal(link_of("eno3")->v4, NET_DHCP);
	assert_int_equal(link_of("eno3")->v6, NET_DHCP);
	l = link_of("bond0");
	assert_int_equal(l->kind, NET_BOND);
	assert_int_equal(l->v6, NET_AUTO); /* networkd takes advertisements unless told not to */
	assert_string_equal(l->ports.items[0], "eno1");
	assert_string_equal(l->ports.items[1], "two");
	assert_int_equal(l->options.count, 6);
	assert_string_equal(l->options.items[0], "mode=802.3ad");
	assert_string_equal(l->options.items[1], "miimon=1000");
	assert_string_equal(l->options.items[2], "lacp_rate=fast");
	assert_string_equal(l->options.items[3], "arp_ip_target=192.0.2.1,192.0.2.2");
	assert_string_equal(l->options.items[4], "all_slaves_active=1");
	assert_string_equal(l->options.items[5], "primary=eno1");
	assert_string_equal(l->extra.items[0], "parameters.up-delay: 3h");
	l = link_of("br0");
	assert_int_equal(l->kind, NET_BRIDGE);
	assert_int_equal(l->v6, NET_OFF);
	assert_string_equal(l->options.items[0], "forward_delay=4");
	assert_string_equal(l->options.items[1], "stp=yes"); /* netplan's default beside others */
	assert_string_equal(l->extra.items[0], "parameters.path-cost: {bond0.7: 9}");
	l = link_of("br1");
	assert_int_equal(l->v6, NET_AUTO);
	assert_string_equal(l->options.items[0], "stp=no");
	assert_int_equal(l->ports.count, 2);
	assert_int_equal(link_of("br2")->options.count, 0);
	l = link_of("bond0.7");
	assert_int_equal(l->vlan_id, 7);
	assert_string_equal(l->parent, "bond0");
	assert_string_equal(l->extra.items[0], "link-local: []");
	l = link_of("tun0");
	assert_int_equal(l->kind, NET_OTHER);
	assert_string_equal(l->extra.items[0], "section: tunnels");
	assert_string_equal(l->extra.items[1], "mode: wireguard");
	assert_string_equal(l->extra.items[2], "key (secrets of it are not shown)");
	assert_int_equal(m.notes.count, 4);
	assert_string_equal(m.notes.items[0],
			    "/etc/netplan/a.yaml line 15: br1: a link that is not defined");
	assert_string_equal(m.notes.items[1],
			    "/etc/netplan/a.yaml line 19: lost: no VLAN has this id");
}

static void test_files_are_merged(void **state)
{
	const struct net_link *l;

	(void)state;
	put("lib/netplan/10-a.yaml", "network: {ethernets: {x: {mtu: 9000}}}");
	put("etc/netplan/10-a.yaml", "network: {ethernets: {eth0: {addresses: [10.0.0.1/24]}}}");
	put("etc/netplan/20-b.yaml", "network:\n  ethernets:\n\teth0: {}\n");
	put("etc/netplan/30-c.yaml",
	    "network: {ethernets: {eth0: {addresses: [10.0.0.2/24], mtu: 1400, accept-ra: no}}}");
	put("run/netplan/05-d.yaml",
	    "network: {ethernets: {eth0: {mtu: 1300}}, renderer: NetworkManager}");
	put("etc/netplan/ignored.yml", "network: {ethernets: {eth7: {}}}");
	read_again();
	assert_int_equal(m.link_count, 1);
	l = link_of("eth0");
	assert_int_equal(l->mtu, 1400);
	assert_int_equal(l->addresses.count, 2);
	assert_string_equal(l->addresses.items[0], "10.0.0.1/24");
	assert_string_equal(m.renderer, "NetworkManager");
	assert_int_equal(m.notes.count, 1);
	assert_non_null(strstr(m.notes.items[0], "/etc/netplan/20-b.yaml line 3: "));
	assert_int_equal(m.files.count, 4);
	assert_string_equal(m.files.items[0], "/run/netplan/05-d.yaml");
}

static void test_names_stay_apart(void **state)
{
	(void)state;
	put("etc/netplan/a.yaml",
	    "network: {ethernets: {a: {match: {macaddress: '52:54:00:00:00:01'}, set-name: b},"
	    " b: {match: {name: 'en*'}}, c: {set-name: d, match: {name: eth9}},"
	    " d2: {set-name: d, match: {driver: x}}},"
	    " vlans: {v: {id: 3, link: c}}}\n");
	read_again();
	assert_int_equal(m.link_count, 5);
	assert_string_equal(link_of("a")->mac, "52:54:00:00:00:01"); /* b is another's id */
	assert_string_equal(link_of("a")->extra.items[0], "set-name: b");
	assert_int_equal(link_of("en*")->extra.count, 0);
	assert_string_equal(link_of("d")->extra.items[0], "match.name: eth9");
	assert_string_equal(link_of("d")->extra.items[1], "set-name: d");
	assert_string_equal(link_of("v")->parent, "d");
	assert_int_equal(link_of("d2")->extra.count, 2);
	assert_int_equal(m.notes.count, 1); /* the pattern */
}

static void test_defaults_of_network_manager(void **state)
{
	(void)state;
	put("etc/netplan/a.yaml",
	    "network: {renderer: NetworkManager, ethernets: {a: {addresses: ['2001:db8::1/64']},"
	    " b: {dhcp4: true}, c: {renderer: networkd, activation-mode: manual}}}\n");
	read_again();
	assert_int_equal(link_of("a")->v6, NET_STATIC);
	assert_int_equal(link_of("b")->v6, NET_AUTO);
	assert_false(link_of("c")->at_boot);
	assert_string_equal(link_of("c")->extra.items[0], "renderer: networkd");
}

static void test_a_desktop_leaves_it_to_network_manager(void **state)
{
	(void)state;
	put("etc/netplan/01-all.yaml", "network: {version: 2, renderer: NetworkManager}");
	put("etc/NetworkManager/system-connections/x.nmconnection", "");
	read_again();
	assert_string_equal(m.stack, "NetworkManager");
}

/* Nothing of it stops the rest, and each is a note. */
static void test_hostile(void **state)
{
	static const char *const wrong[] = {
		"network: [1]",
		"network: {ethernets: [a]}",
		"network: {ethernets: {'a b': {}}}",
		"network: {ethernets: {'../x': {}}}",
		"network: {ethernets: {a: 7}}",
		"network: {ethernets: {a: {addresses: [10.0.0.1]}}}",
		"network: {ethernets: {a: {addresses: ['10.0.0.1/24\\n']}}}",
		"network: {ethernets: {a: {addresses: {}}}}",
		"network: {ethernets: {a: {gateway4: x}}}",
		"network: {ethernets: {a: {gateway4: 10.0.0.1/8}}}",
		"network: {ethernets: {a: {routes: [x, {via: 1.2.3.4}, {to: 5, via: 1.2.3.4}]}}}",
		"network: {ethernets: {a: {routing-policy: [x]}}}",
		"network: {ethernets: {a: {nameservers: {addresses: ['a b']}}}}",
		"network: {ethernets: {a: {mtu: -5}}}",
		"network: {ethernets: {a: {dhcp4: perhaps}}}",
		"network: {ethernets: {a: {dhcp4: true, dhcp4: false}}}",
		"network: {bonds: {a: {interfaces: [{}]}}}",
		"network: {version: 3}",
		"network: {openvswitch: {}}",
	};
	size_t i;

	(void)state;
	put("etc/netplan/z.yaml", "network: {ethernets: {z: {dhcp4: true}}}");
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		put("etc/netplan/a.yaml", wrong[i]);
		read_again();
		assert_true(m.notes.count > 0);
		if (i > 1) /* where the first file says that there are no links, there are none */
			assert_int_equal(link_of("z")->v4, NET_DHCP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_static_host, temp_root_open, close_all),
		cmocka_unit_test_setup_teardown(test_bonds_bridges_vlans, temp_root_open,
						close_all),
		cmocka_unit_test_setup_teardown(test_files_are_merged, temp_root_open, close_all),
		cmocka_unit_test_setup_teardown(test_names_stay_apart, temp_root_open, close_all),
		cmocka_unit_test_setup_teardown(test_defaults_of_network_manager, temp_root_open,
						close_all),
		cmocka_unit_test_setup_teardown(test_a_desktop_leaves_it_to_network_manager,
						temp_root_open, close_all),
		cmocka_unit_test_setup_teardown(test_hostile, temp_root_open, close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
