/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define STACK "systemd-networkd"
#include "net_round.h"

#define NETWORK "etc/systemd/network/"

static void test_a_server(void **state)
{
	const struct net_link *l;

	(void)state;
	put(NETWORK "10-wan.network", "# the world\n"
				      "[Match]\n"
				      "MACAddress=52-54-00-AA-BB-CC\n"
				      "Type=ether\n"
				      "[Network]\n"
				      "Address=203.0.113.10/32\n"
				      "Address=2001:db8:1::10/64\n"
				      "DNS=192.0.2.53 2001:db8::53#dns.example\n"
				      "Domains=example.net ~corp.example\n"
				      "IPv6AcceptRA=no\n"
				      "LLMNR=no\n"
				      "[Route]\n"
				      "Gateway=203.0.113.1\n"
				      "GatewayOnlink=true\n"
				      "[Route]\n"
				      "Gateway=fe80::1\n"
				      "[Route]\n"
				      "Destination=10.0.0.0/8\nGateway=203.0.113.2\nMetric=50\n"
				      "Table=main\nMTUBytes=1400\n"
				      "[Route]\n"
				      "Destination=198.51.100.0/24\nType=blackhole\n"
				      "[RoutingPolicyRule]\n"
				      "From=10.1.0.0/16\nTable=100\nPriority=7\n"
				      "[Link]\nMTUBytes=1450\n");
	read_again();
	assert_int_equal(m.link_count, 1);
	l = link_of("wan");
	assert_string_equal(l->mac, "52:54:00:aa:bb:cc");
	assert_true(l->at_boot);
	assert_int_equal(l->v4, NET_STATIC);
	assert_int_equal(l->v6, NET_STATIC);
	assert_int_equal(l->addresses.count, 2);
	assert_string_equal(l->gateway4, "203.0.113.1");
	assert_true(l->is_onlink4);
	assert_string_equal(l->gateway6, "fe80::1");
	assert_false(l->is_onlink6);
	assert_int_equal(l->dns.count, 2);
	assert_string_equal(l->dns.items[1], "2001:db8::53");
	assert_int_equal(l->search.count, 1);
	assert_int_equal(l->route_count, 2);
	assert_string_equal(l->routes[0].to, "10.0.0.0/8");
	assert_int_equal(l->routes[0].metric, 50);
	assert_int_equal(l->routes[0].table, 0); /* main needs no word */
	assert_int_equal(l->routes[0].mtu, 1400);
	assert_string_equal(l->routes[1].type, "blackhole");
	assert_int_equal(l->rule_count, 1);
	assert_int_equal(l->rules[0].table, 100);
	assert_int_equal(l->mtu, 1450);
	assert_int_equal(l->extra.count, 2);
	assert_true(strlist_has(&l->extra, "[Network] LLMNR=no"));
	assert_true(strlist_has(&l->extra, "[Network] Domains=~corp.example"));
}

static void test_methods(void **state)
{
	static const struct {
		const char *text;
		enum net_method v4, v6;
	} rows[] = {
		{ "DHCP=yes", NET_DHCP, NET_DHCP },
		{ "DHCP=ipv4", NET_DHCP, NET_AUTO },
		{ "DHCP=v4\nIPv6AcceptRA=no", NET_DHCP, NET_OFF },
		{ "DHCP=ipv6", NET_OFF, NET_DHCP },
		{ "Address=192.0.2.1/24", NET_STATIC, NET_AUTO },
		{ "LinkLocalAddressing=no", NET_OFF, NET_OFF },
		{ "IPForward=yes\nAddress=2001:db8::1/64", NET_OFF, NET_STATIC },
		{ "IPv6AcceptRA=yes\nAddress=2001:db8::1/64", NET_OFF, NET_AUTO },
	};
	char text[200];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(text, sizeof(text), "[Match]\nName=eth0\n[Network]\n%s\n", rows[i].text);
		put(NETWORK "a.network", text);
		read_again();
		assert_int_equal(link_of("eth0")->v4, rows[i].v4);
		assert_int_equal(link_of("eth0")->v6, rows[i].v6);
	}
}

/* systemd.network(5): sorted over all folders, /etc before /usr/lib, drop-ins, masks; the first that matches. */
static void test_which_files_count(void **state)
{
	const struct net_link *l;

	(void)state;
	put("usr/lib/systemd/network/10-a.network", "[Match]\nName=a\n[Network]\nDHCP=yes\n");
	put("usr/lib/systemd/network/20-b.network", "[Match]\nName=b\n[Network]\nDHCP=yes\n");
	put("usr/lib/systemd/network/30-c.network", "[Match]\nName=c\n[Network]\nDHCP=yes\n");
	put("usr/lib/systemd/network/40-d.network", "[Match]\nName=d*\n[Network]\nDHCP=yes\n");
	put("usr/lib/systemd/network/80-container-host0.network",
	    "[Match]\nVirtualization=container\nName=host0\n[Network]\nDHCP=yes\n");
	put(NETWORK "10-a.network", "[Match]\nName=a\n[Network]\nAddress=192.0.2.1/24\n");
	put(NETWORK "20-b.network", "");
	assert_int_equal(root_symlink(&r, NETWORK "30-c.network", "/dev/null", NULL), 0);
	put(NETWORK "10-a.network.d/x.conf", "[Network]\nAddress=192.0.2.2/24\n");
	put("usr/lib/systemd/network/10-a.network.d/y.conf", "[Network]\nDNS=192.0.2.3\n");
	put("usr/lib/systemd/network/10-a.network.d/x.conf", "[Network]\nDNS=192.0.2.99\n");
	put(NETWORK "50-late.network", "[Match]\nName=a\n[Network]\nDHCP=yes\n");
	put(NETWORK "60-dd.network", "[Match]\nName=dd\n[Network]\nDHCP=yes\n");
	put(NETWORK "70-none.network", "[Network]\nDHCP=yes\n");
	put("etc/systemd/system/multi-user.target.wants/systemd-networkd.service", "");
	read_again();
	assert_int_equal(m.link_count, 2);
	l = link_of("a");
	assert_int_equal(l->v4, NET_STATIC);
	assert_int_equal(l->addresses.count, 2);
	assert_int_equal(l->dns.count, 1);
	assert_string_equal(l->dns.items[0], "192.0.2.3");
	link_of("d*");
	assert_true(list_says(&m.notes, "40-d.network is for all links named d*"));
	assert_true(list_says(&m.notes, "50-late.network is not used for a"));
	assert_true(list_says(&m.notes, "60-dd.network is not used for dd"));
	assert_true(list_says(&m.notes, "70-none.network has no [Match]"));
	assert_int_equal(m.notes.count, 4);
	assert_true(strlist_has(&m.files, "/usr/lib/systemd/network/40-d.network"));
	assert_true(strlist_has(&m.files, "/etc/systemd/network/10-a.network.d/x.conf"));
	assert_false(strlist_has(&m.files, "/usr/lib/systemd/network/80-container-host0.network"));
}

static void test_names_of_link_files(void **state)
{
	(void)state;
	put(NETWORK "10-lan.link", "[Match]\nPermanentMACAddress=52:54:00:00:00:01\n"
				   "[Link]\nName=lan0\nMTUBytes=1500\n");
	put(NETWORK "10-wan.link", "[Match]\nMACAddress=52:54:00:00:00:02\n[Link]\nName="
				   "wan0\nMACAddress=02:00:00:00:00:09\n");
	put(NETWORK "20-x.network", "[Match]\nName=lan0\n[Network]\nDHCP=ipv4\n");
	put(NETWORK "20-y.network",
	    "[Match]\nPermanentMACAddress=52:54:00:00:00:02\n[Network]\nDHCP=ipv4\n");
	read_again();
	assert_int_equal(m.link_count, 2);
	assert_string_equal(link_of("lan0")->mac, "52:54:00:00:00:01");
	assert_int_equal(link_of("lan0")->mtu, 1500);
	assert_string_equal(link_of("wan0")->mac, "52:54:00:00:00:02");
	assert_string_equal(link_of("wan0")->set_mac, "02:00:00:00:00:09");
	assert_int_equal(m.files.count, 4);
}

static void test_links_of_links(void **state)
{
	const struct net_link *l;

	(void)state;
	put(NETWORK "1-bond.netdev",
	    "[NetDev]\nName=bond0\nKind=bond\nMACAddress=02:00:00:00:00:01\n"
	    "[Bond]\nMode=active-backup\nMIIMonitorSec=0.1\nUpDelaySec=1s 500ms\n"
	    "ARPIPTargets=192.0.2.1 192.0.2.2\nMIIMonitorSec=1 parsec\n");
	put(NETWORK "1-vlan.netdev", "[NetDev]\nName=vlan5\nKind=vlan\n[VLAN]\nId=5\n");
	put(NETWORK "1-br.netdev", "[NetDev]\nName=br0\nKind=bridge\n[Bridge]\nSTP=no\n"
				   "ForwardDelaySec=4\n");
	put(NETWORK "1-dummy.netdev", "[NetDev]\nName=dummy0\nKind=dummy\n");
	put(NETWORK "2-p.network", "[Match]\nName=eth0 eth1\n[Network]\nBond=bond0\n");
	put(NETWORK "2-q.network", "[Match]\nName=eth2\n[Network]\nBond=bond0\nPrimarySlave=yes\n");
	put(NETWORK "3.network",
	    "[Match]\nName=bond0\n[Network]\nVLAN=vlan5\nVLAN=vlan6\nBridge=br7\n");
	put(NETWORK "4.network", "[Match]\nName=vlan5\n[Network]\nBridge=br0\n");
	put(NETWORK "5.network", "[Match]\nName=br0\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=no\n");
	read_again();
	l = link_of("bond0");
	assert_int_equal(l->kind, NET_BOND);
	assert_string_equal(l->set_mac, "02:00:00:00:00:01");
	assert_int_equal(l->ports.count, 3);
	assert_int_equal(l->options.count, 5);
	assert_string_equal(l->options.items[0], "mode=active-backup");
	assert_string_equal(l->options.items[1], "miimon=100");
	assert_string_equal(l->options.items[2], "updelay=1500");
	assert_string_equal(l->options.items[3], "arp_ip_target=192.0.2.1,192.0.2.2");
	assert_string_equal(l->options.items[4], "primary=eth2");
	assert_true(strlist_has(&l->extra, "MIIMonitorSec=1 parsec"));
	l = link_of("vlan5");
	assert_int_equal(l->kind, NET_VLAN);
	assert_int_equal(l->vlan_id, 5);
	assert_string_equal(l->parent, "bond0");
	assert_int_equal(l->v6, NET_OFF); /* a port takes no advertisements */
	l = link_of("br0");
	assert_int_equal(l->kind, NET_BRIDGE);
	assert_string_equal(l->ports.items[0], "vlan5");
	assert_string_equal(l->options.items[1], "forward_delay=4");
	assert_int_equal(link_of("dummy0")->kind, NET_OTHER);
	assert_false(link_of("dummy0")->at_boot);
	assert_true(strlist_has(&link_of("dummy0")->extra, "[NetDev] Kind=dummy"));
	assert_true(list_says(&m.notes, "no .netdev makes br7"));
}

static void write_model(const char *const *version)
{
	if (version)
		put(version[0], "");
	net_output_done(&o);
	assert_int_equal(net_write(&o, "systemd-networkd", &m, version ? &r : NULL, NULL), 0);
}

static void test_bytes(void **state)
{
	static const char *const old[] = { "usr/lib/systemd/libsystemd-shared-241.so" };

	(void)state;
	put(NETWORK "10-wan.network",
	    "[Match]\nMACAddress=52:54:00:aa:bb:cc\n"
	    "[Link]\nMTUBytes=1450\n"
	    "[Network]\nAddress=203.0.113.10/32\nAddress=2001:db8:1::10/64\nDNS=192.0.2.53\n"
	    "IPv6AcceptRA=no\nVLAN=vlan5\nLLDP=no\n"
	    "[Route]\nGateway=203.0.113.1\nGatewayOnLink=yes\n[Route]\nGateway=fe80::1\n"
	    "[Route]\nDestination=10.0.0.0/8\nScope=link\nTable=7\n");
	put(NETWORK "10-vlan.netdev", "[NetDev]\nName=vlan5\nKind=vlan\n[VLAN]\nId=5\n");
	read_again();
	write_model(NULL);
	assert_int_equal(o.file_count, 3);
	assert_string_equal(
		file_text(&o, "/etc/systemd/network/05-rehost-wan.network"),
		"# Written by rehost.\n\n[Match]\nPermanentMACAddress=52:54:00:aa:bb:cc\n"
		"\n[Link]\nMTUBytes=1450\n"
		"\n[Network]\nVLAN=vlan5\nDHCP=no\nIPv6AcceptRA=no\n"
		"Address=203.0.113.10/32\nAddress=2001:db8:1::10/64\nDNS=192.0.2.53\n"
		"\n[Route]\nGateway=203.0.113.1\nGatewayOnLink=yes\n"
		"\n[Route]\nGateway=fe80::1\n"
		"\n[Route]\nDestination=10.0.0.0/8\nScope=link\nTable=7\n");
	assert_string_equal(file_text(&o, "/etc/systemd/network/05-rehost-vlan5.netdev"),
			    "# Written by rehost.\n\n[NetDev]\nName=vlan5\nKind=vlan\n"
			    "\n[VLAN]\nId=5\n");
	/* the VLAN had no .network: it is made and stays down */
	assert_string_equal(file_text(&o, "/etc/systemd/network/05-rehost-vlan5.network"),
			    "# Written by rehost.\n\n[Match]\nName=vlan5\n"
			    "\n[Link]\nRequiredForOnline=no\nActivationPolicy=manual\n"
			    "\n[Network]\nDHCP=no\nIPv6AcceptRA=no\n");
	assert_int_equal(o.losses.count, 1);
	assert_string_equal(o.losses.items[0], "wan: '[Network] LLDP=no' is not written");
	assert_int_equal(o.units.count, 1);
	/* an old one knows neither PermanentMACAddress nor ActivationPolicy, and spells GatewayOnlink */
	write_model(old);
	assert_non_null(strstr(file_text(&o, "/etc/systemd/network/05-rehost-wan.network"),
			       "[Match]\nMACAddress=52:54:00:aa:bb:cc\nType=ether\n"));
	assert_non_null(strstr(file_text(&o, "/etc/systemd/network/05-rehost-wan.network"),
			       "\nGatewayOnlink=yes\n"));
	assert_null(strstr(file_text(&o, "/etc/systemd/network/05-rehost-vlan5.network"),
			   "ActivationPolicy"));
	assert_true(list_says(&o.losses, "vlan5 is brought up at boot"));
	assert_true(list_says(&o.losses, "which is not installed"));
}

static void test_hostile_models(void **state)
{
	struct net_link *l;
	struct net_rule *rule;
	unsigned i;

	(void)state;
	l = net_link_get(&m, "a\n[Match]");
	l->v4 = NET_DHCP;
	l = net_link_get(&m, "../../x");
	assert_int_equal(strlist_add(&l->addresses, "192.0.2.1/24\nDHCP=yes"), 0);
	assert_int_equal(strlist_add(&l->search, "a b"), 0);
	rule = net_rule_add(l);
	rule->from = strdup("10.0.0.0/8 x");
	l = net_link_get(&m, "x");
	l->mac = strdup("no address");
	write_model(NULL);
	assert_int_equal(o.file_count, 1);
	assert_string_equal(o.files[0].path, "/etc/systemd/network/05-rehost-.._.._x.network");
	for (i = 0; i < o.file_count; i++) {
		assert_null(strstr(strbuf_str(&o.files[i].text), "DHCP=yes"));
		assert_null(strstr(strbuf_str(&o.files[i].text), "RoutingPolicyRule"));
		assert_null(strstr(strbuf_str(&o.files[i].text), "Domains"));
	}
	assert_int_equal(o.losses.count, 5);
}

static void test_hostile_files(void **state)
{
	(void)state;
	put(NETWORK "1.network",
	    "no section\n[Match\n=x\n[Match]\nName=eth0\nKey\n[Network]\n"
	    "Address=999.1.1.1/24\nAddress=::/64\nGateway=_dhcp4\nDHCP=maybe\n"
	    "[Route]\nGateway=what\n[Route]\n[Address]\n[RoutingPolicyRule]\nTable=x\n");
	put(NETWORK "2.network/file", "x");
	assert_int_equal(root_symlink(&r, NETWORK "3.network", "../../../../etc/shadow", NULL), 0);
	put(NETWORK "4.netdev", "[NetDev]\nName=a\n");
	read_again();
	assert_int_equal(m.link_count, 1);
	assert_int_equal(link_of("eth0")->addresses.count, 0);
	assert_int_equal(link_of("eth0")->route_count, 0);
	assert_true(list_says(&m.notes, "1.network line 1: not an assignment"));
	assert_true(list_says(&m.notes, "2.network cannot be read"));
	assert_true(list_says(&m.notes, "3.network cannot be read"));
	assert_true(list_says(&m.notes, "4.netdev names no link or kind"));
}

/* What is written and read again is the same, and written again the same bytes. */
static void test_round_trips(void **state)
{
	unsigned seed;

	(void)state;
	for (seed = 1; seed <= 150; seed++) {
		assert_int_equal(root_remove_tree(&r, "/etc", NULL), 0);
		round_trip(seed, MODEL_ALL, NULL, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_server, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_methods, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_which_files_count, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_names_of_link_files, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_links_of_links, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_bytes, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_hostile_models, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_hostile_files, temp_root_open, end),
		cmocka_unit_test_setup_teardown(test_round_trips, temp_root_open, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
