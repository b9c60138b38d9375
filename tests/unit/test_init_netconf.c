/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "init/cmdline.h"
#include "init/netconf.h"

static const char *show(const struct net_ip *ip)
{
	static char text[4][INET6_ADDRSTRLEN];
	static int n;

	n = (n + 1) % 4;
	return net_ip_text(ip, text[n], sizeof(text[n]));
}

static void test_addresses(void **state)
{
	struct net_ip a, b;
	uint8_t mac[6];

	(void)state;
	assert_int_equal(net_ip_parse(&a, "10.0.2.15"), 0);
	assert_int_equal(a.family, AF_INET);
	assert_int_equal(net_ip_parse(&b, "10.0.3.255"), 0);
	assert_true(net_ip_contains(&a, 23, &b));
	assert_false(net_ip_contains(&a, 24, &b));
	assert_true(net_ip_contains(&a, 0, &b));
	assert_int_equal(net_ip_parse(&b, "[2001:db8::1]"), 0);
	assert_string_equal(show(&b), "2001:db8::1");
	assert_false(net_ip_contains(&a, 0, &b));
	assert_int_equal(net_ip_parse(&a, "[10.0.0.1]"), -1);
	assert_int_equal(net_ip_parse(&a, ""), -1);
	assert_int_equal(net_ip_parse(&a, "10.0.0"), -1);
	assert_int_equal(net_mask_prefix((uint8_t[]){ 255, 255, 240, 0 }), 20);
	assert_int_equal(net_mask_prefix((uint8_t[]){ 0, 0, 0, 0 }), 0);
	assert_int_equal(net_mask_prefix((uint8_t[]){ 255, 255, 255, 255 }), 32);
	assert_int_equal(net_mask_prefix((uint8_t[]){ 255, 0, 255, 0 }), -1);
	assert_int_equal(net_mac_parse(mac, "52:54:00:12:34:FF"), 0);
	assert_int_equal(mac[5], 255);
	assert_int_equal(net_mac_parse(mac, "52-54-00-12-34-ff"), 0);
	assert_int_equal(net_mac_parse(mac, "52:54:00:12:34"), -1);
	assert_int_equal(net_mac_parse(mac, "52:54:00:12:34:5"), -1);
	assert_int_equal(net_mac_parse(mac, "52:54:00:12:34:56:"), -1);
}

static void test_short_forms(void **state)
{
	struct net_want w;

	(void)state;
	assert_int_equal(netconf_parse_ip(&w, "dhcp"), 0);
	assert_int_equal(w.method, NET_DHCP);
	assert_string_equal(w.link, "");
	assert_int_equal(netconf_parse_ip(&w, "eth1:dhcp:1400:02:00:00:00:00:01"), 0);
	assert_string_equal(w.link, "eth1");
	assert_int_equal(w.mtu, 1400);
	assert_true(w.has_mac && w.mac[5] == 1);
	assert_int_equal(netconf_parse_ip(&w, "52:54:00:12:34:56:dhcp"), 0);
	assert_string_equal(w.link, "52:54:00:12:34:56");
	assert_int_equal(netconf_parse_ip(&w, "52-54-00-AB-34-56:auto6"), 0);
	assert_string_equal(w.link, "52:54:00:ab:34:56");
	assert_int_equal(w.method, NET_AUTO6);
	/* Of the words for IPv6 each means something else. */
	assert_int_equal(netconf_parse_ip(&w, "eth0:dhcp6"), 0);
	assert_int_equal(w.method, NET_DHCP6);
	assert_int_equal(netconf_parse_ip(&w, "either6"), 0);
	assert_int_equal(w.method, NET_EITHER6);
	assert_int_equal(netconf_parse_ip(&w, ":::::eth1:link6"), 0);
	assert_int_equal(w.method, NET_LINK6);
	assert_string_equal(w.link, "eth1");
	assert_int_equal(netconf_parse_ip(&w, "off"), 0);
	assert_int_equal(w.method, NET_OFF);
	assert_int_equal(netconf_parse_ip(&w, ":::::eth0:dhcp"), 0);
	assert_string_equal(w.link, "eth0");
	assert_int_equal(w.method, NET_DHCP);
	/* The kernel: what is missing is found out. */
	assert_int_equal(netconf_parse_ip(&w, ""), 0);
	assert_int_equal(w.method, NET_DHCP);
	/* Wrong ones. */
	assert_int_equal(netconf_parse_ip(&w, "frob"), -1);
	assert_int_equal(netconf_parse_ip(&w, "eth0:dhcp:99999"), -1);
	assert_int_equal(netconf_parse_ip(&w, "a/b:dhcp"), -1);
	assert_int_equal(netconf_parse_ip(&w, "::::::::::::::::::::::::::::::::::::::::::"), -1);
}

static void test_long_form(void **state)
{
	struct net_want w;

	(void)state;
	assert_int_equal(
		netconf_parse_ip(&w, "192.0.2.10::192.0.2.1:255.255.255.0:web1:ens3:none:9000"), 0);
	assert_int_equal(w.method, NET_STATIC);
	assert_string_equal(show(&w.address), "192.0.2.10");
	assert_int_equal(w.peer.family, AF_UNSPEC);
	assert_string_equal(show(&w.gateway), "192.0.2.1");
	assert_int_equal(w.prefix, 24);
	assert_string_equal(w.hostname, "web1");
	assert_string_equal(w.link, "ens3");
	assert_int_equal(w.mtu, 9000);
	/* The kernel's "off" with an address, trailing fields left out. */
	assert_int_equal(netconf_parse_ip(&w, "192.0.2.10::192.0.2.1:26:::off"), 0);
	assert_int_equal(w.method, NET_STATIC);
	assert_int_equal(w.prefix, 26);
	assert_int_equal(netconf_parse_ip(&w, "192.0.2.10::192.0.2.1:255.255.255.0:::"), 0);
	assert_int_equal(w.method, NET_STATIC);
	/* No mask: the address alone, the gateway gets a route of its own. */
	assert_int_equal(netconf_parse_ip(&w, "192.0.2.10::172.31.1.1"), 0);
	assert_int_equal(w.prefix, 32);
	assert_int_equal(netconf_parse_ip(&w,
					  "[2001:db8::10]::[fe80::1]:64::02:00:00:00:00:07:none"),
			 0);
	assert_string_equal(show(&w.address), "2001:db8::10");
	assert_string_equal(show(&w.gateway), "fe80::1");
	assert_int_equal(w.prefix, 64);
	assert_string_equal(w.link, "02:00:00:00:00:07");
	assert_int_equal(netconf_parse_ip(&w, "192.0.2.10/25::192.0.2.1::::none"), 0);
	assert_int_equal(w.prefix, 25);
	/* Wrong: mask with holes, other family, no address with none, prefix too long. */
	assert_int_equal(netconf_parse_ip(&w, "192.0.2.10::192.0.2.1:255.0.255.0::eth0:none"), -1);
	assert_int_equal(netconf_parse_ip(&w, "192.0.2.10::[fe80::1]:24::eth0:none"), -1);
	assert_int_equal(netconf_parse_ip(&w, "::192.0.2.1:255.255.255.0::eth0:none"), -1);
	assert_int_equal(netconf_parse_ip(&w, "192.0.2.10::192.0.2.1:33::eth0:none"), -1);
	assert_int_equal(netconf_parse_ip(&w, "192.0.2.10::192.0.2.1:24::eth0:nonsense"), -1);
}

static void parse(struct net_conf *c, const char *line)
{
	struct strlist words = STRLIST_INIT;

	assert_int_equal(cmdline_split(&words, line), 0);
	assert_int_equal(netconf_parse(c, &words), 0);
	strlist_done(&words);
}

static void test_all_words(void **state)
{
	struct net_conf c;

	(void)state;
	parse(&c, "ip=192.0.2.10::192.0.2.1:24::eth0:none:192.0.2.53:192.0.2.54 nameserver=9.9.9.9 "
		  "rd.route=10.0.0.0/8:192.0.2.7 rd.route=default:192.0.2.9:eth0 "
		  "rd.route=[2001:db8::/32]:[2001:db8::1] rd.route=198.51.100.0/24: "
		  "ifname=wan:02:00:00:00:00:07 BOOTIF=01-02-00-00-00-00-08 rd.peerdns=0 "
		  "ip=bogus vlan=a.b:a rd.route=10.0.0.0/8 equip=1 ip vlan team=t0:a bond");
	assert_int_equal(c.nwants, 1);
	assert_int_equal(c.ndns, 3);
	assert_string_equal(show(&c.dns[1]), "192.0.2.54");
	assert_int_equal(c.nroutes, 4);
	assert_int_equal(c.routes[0].prefix, 8);
	assert_int_equal(c.routes[1].prefix, 0);
	assert_string_equal(c.routes[1].link, "eth0");
	assert_string_equal(show(&c.routes[2].to), "2001:db8::");
	assert_int_equal(c.routes[2].prefix, 32);
	assert_int_equal(c.routes[3].via.family, AF_UNSPEC);
	assert_true(c.has_bootif && c.bootif[5] == 8 && c.no_peer_dns);
	assert_int_equal(c.ignored.count, 4);
	assert_string_equal(c.ignored.items[0], "ip=bogus");
	assert_string_equal(c.ignored.items[3], "team=t0:a");
	/* A bare bond is what dracut takes it for. */
	assert_int_equal(c.nlayers, 1);
	assert_string_equal(c.layers[0].name, "bond0");
	assert_string_equal(c.layers[0].below[1], "eth1");
	netconf_done(&c);
}

static struct net_link_id link_id(const char *name, uint8_t last, bool carrier)
{
	struct net_link_id l = { .mac = { 2, 0, 0, 0, 0, last }, .carrier = carrier };

	strcpy(l.name, name);
	return l;
}

static void test_assign(void **state)
{
	struct net_link_id links[3] = { link_id("eth0", 1, true), link_id("eth1", 2, true),
					link_id("eth2", 3, false) };
	struct net_conf c;
	int at[NET_WANTS_MAX];

	(void)state;
	strcpy(links[1].slot_name, "ens4");
	/* By MAC, by the name another system uses, and DHCP for what is left. */
	parse(&c,
	      "ip=192.0.2.10:::24::02-00-00-00-00-03:none ip=192.0.2.11:::24::ens4:none ip=dhcp");
	netconf_assign(&c, links, 3, true, at);
	assert_int_equal(at[0], 2);
	assert_int_equal(at[1], 1);
	assert_int_equal(at[2], NET_ALL_LINKS);
	/* Without a name: the first with carrier that nobody names; and both families together. */
	parse(&c, "ip=192.0.2.10:::24::eth0:none ip=192.0.2.11:::24:::none "
		  "ip=[2001:db8::1]:::64:::none");
	netconf_assign(&c, links, 3, true, at);
	assert_int_equal(at[0], 0);
	assert_int_equal(at[1], 1);
	assert_int_equal(at[2], 1);
	/* BOOTIF decides, carrier or not. */
	parse(&c, "ip=192.0.2.10:::24:::none BOOTIF=01-02-00-00-00-00-03");
	netconf_assign(&c, links, 3, true, at);
	assert_int_equal(at[0], 2);
	/* A name nobody has: wait, then take one that is free, the same for its second address. */
	parse(&c, "ip=192.0.2.9:::24::eth0:none ip=192.0.2.10:::24::eno1:none "
		  "ip=[2001:db8::1]:::64::eno1:none");
	netconf_assign(&c, links, 3, true, at);
	assert_int_equal(at[1], NET_NO_LINK);
	netconf_assign(&c, links, 3, false, at);
	assert_int_equal(at[0], 0);
	assert_int_equal(at[1], 1);
	assert_int_equal(at[2], 1);
	/* ifname= binds a name to a MAC, whatever the kernel calls it. */
	parse(&c, "ifname=eth0:02:00:00:00:00:02 ip=eth0:dhcp");
	netconf_assign(&c, links, 3, true, at);
	assert_int_equal(at[0], 1);
	netconf_assign(&c, links, 0, false, at);
	assert_int_equal(at[0], NET_NO_LINK);
	assert_true(netconf_link_matches(&c, "enx020000000003", &links[2]));
}

static void test_layers(void **state)
{
	struct net_conf c;
	struct net_layer *l;

	(void)state;
	parse(&c, "vlan=eth0.0105:02:00:00:00:00:07 vlan=vlan5:bond1 "
		  "bond=bond1:02-00-00-00-00-01,eth1,02:00:00:00:00:03:mode=802.3ad,lacp_rate=fast,"
		  "xmit_hash_policy=layer3+4,miimon=50,frob=1:9000 bridge=br0:bond1,eth7");
	assert_int_equal(c.nlayers, 4);
	assert_int_equal(c.layers[0].kind, NET_VLAN);
	assert_int_equal(c.layers[0].vid, 105);
	assert_string_equal(c.layers[0].below[0], "02:00:00:00:00:07");
	assert_int_equal(c.layers[1].vid, 5);
	l = &c.layers[2];
	assert_string_equal(l->name, "bond1");
	assert_int_equal(l->nbelow, 3);
	assert_string_equal(l->below[0], "02:00:00:00:00:01");
	assert_string_equal(l->below[1], "eth1");
	assert_string_equal(l->below[2], "02:00:00:00:00:03");
	assert_int_equal(l->option[BOND_MODE], BOND_MODE_8023AD);
	assert_int_equal(l->option[BOND_LACP_RATE], 1);
	assert_int_equal(l->option[BOND_XMIT_HASH_POLICY], 1);
	assert_int_equal(l->option[BOND_MIIMON], 50);
	assert_int_equal(l->option[BOND_UPDELAY], BOND_NOT_SAID);
	assert_int_equal(l->mtu, 9000);
	assert_int_equal(c.layers[3].kind, NET_BRIDGE);
	assert_int_equal(c.layers[3].nbelow, 2);
	/* The bond holds, and its unknown option is said. */
	assert_int_equal(c.ignored.count, 1);
	netconf_done(&c);

	/* Defaults: the kernel's first mode, and a cable that is pulled gets noticed. */
	parse(&c, "bond=b:eth0,eth1::1400 bond=p:eth2:mode=1,primary=02:00:00:00:00:02:1500");
	assert_int_equal(c.nlayers, 2);
	assert_int_equal(c.layers[0].option[BOND_MODE], 0);
	assert_int_equal(c.layers[0].option[BOND_MIIMON], 100);
	assert_int_equal(c.layers[0].mtu, 1400);
	assert_int_equal(c.layers[1].option[BOND_MODE], 1);
	assert_string_equal(c.layers[1].primary, "02:00:00:00:00:02");
	assert_int_equal(c.layers[1].mtu, 1500);
	assert_int_equal(c.ignored.count, 0);
	netconf_done(&c);

	/* None of these is a link that could be made; a name counts once. */
	parse(&c, "vlan=eth0:eth0 vlan=v4095:eth0 vlan=v0:eth0 vlan=v5: vlan=v5:a,b vlan=v/5:a "
		  "vlan=averyveryverylongname5:a bond=b bond=b: bond=b:,x bond=b:a:mode=1:99999 "
		  "bridge=br0:a:x vlan=x5:a bridge=x5:b bond=b:1,2,3,4,5,6,7,8,9");
	assert_int_equal(c.nlayers, 1);
	assert_string_equal(c.layers[0].name, "x5");
	assert_int_equal(c.ignored.count, 14);
	netconf_done(&c);
}

static void test_assign_with_layers(void **state)
{
	/* eth0 and eth1 are ports of bond0 and all three have one address; eth0.5 is on eth2. */
	struct net_link_id links[5] = { link_id("eth0", 1, true), link_id("eth1", 2, true),
					link_id("eth2", 3, true), link_id("bond0", 1, true),
					link_id("eth0.5", 3, true) };
	struct net_conf c;
	int at[NET_WANTS_MAX], below[NET_BELOW_MAX];
	unsigned missing;

	(void)state;
	links[0].taken = links[1].taken = true;
	links[3].made = links[4].made = true;
	parse(&c,
	      "bond=bond0:eth0,eth1,eth9 vlan=eth0.5:eth2 ip=192.0.2.1:::24::bond0:none "
	      "ip=192.0.2.2:::24::02-00-00-00-00-01:none ip=192.0.2.3:::24::02-00-00-00-00-03:none "
	      "ip=192.0.2.4:::24:::none");
	netconf_assign(&c, links, 5, true, at);
	assert_int_equal(at[0], 3);
	assert_int_equal(at[1], 3); /* the address of a port means the bond */
	assert_int_equal(at[2], 2); /* that of a card means the card */
	assert_int_equal(at[3], 4); /* whoever made a link wants to use it */
	assert_int_equal(netconf_below(&c, &c.layers[0], links, 5, true, below, &missing), 2);
	assert_int_equal(below[0], 0);
	assert_int_equal(below[1], 1);
	assert_int_equal(missing, 1);
	/* The name of a bond that is not there yet is waited for, however long. */
	links[0].taken = links[1].taken = false;
	netconf_assign(&c, links, 3, false, at);
	assert_int_equal(at[0], NET_NO_LINK);
	/* One card stands in for it. */
	strcpy(links[1].alias, "bond0");
	netconf_assign(&c, links, 3, true, at);
	assert_int_equal(at[0], 1);
	netconf_done(&c);

	/* A VLAN on a card that is called otherwise here: the first free one, in the end. */
	parse(&c, "vlan=v5:eno1 ip=192.0.2.1:::24::eth0:none");
	assert_int_equal(netconf_below(&c, &c.layers[0], links, 3, true, below, &missing), 0);
	assert_int_equal(netconf_below(&c, &c.layers[0], links, 3, false, below, &missing), 1);
	assert_int_equal(below[0], 1);
	netconf_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_short_forms),
		cmocka_unit_test(test_long_form),
		cmocka_unit_test(test_all_words),
		cmocka_unit_test(test_assign),
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_assign_with_layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
