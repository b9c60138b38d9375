/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "init/netconf.h"
#include "init/seed.h"

/* The words joined by blanks; all of them must be understood by the boot line's parser. */
static const char *words_of(const struct seed *s)
{
	static char text[4096];
	struct net_conf c;

	text[0] = 0;
	for (size_t i = 0; i < s->words.count; i++) {
		strcat(text, i ? " " : "");
		strcat(text, s->words.items[i]);
	}
	assert_int_equal(netconf_parse(&c, &s->words), 0);
	assert_int_equal(c.ignored.count, 0);
	netconf_done(&c);
	return text;
}

static void check_nocloud(const char *network, const char *expected)
{
	struct seed s = { 0 };

	assert_int_equal(seed_parse(&s, SEED_NOCLOUD, NULL, NULL, network), 0);
	assert_string_equal(words_of(&s), expected);
	seed_done(&s);
}

static void test_version_1(void **state)
{
	(void)state;
	check_nocloud("version: 1\n"
		      "config:\n"
		      "  - type: physical\n"
		      "    name: eth0\n"
		      "    mac_address: '52:54:00:AA:00:01'\n"
		      "    mtu: 1400\n"
		      "    subnets:\n"
		      "      - type: static\n"
		      "        address: 192.0.2.10\n"
		      "        netmask: 255.255.255.0\n"
		      "        gateway: 192.0.2.1\n"
		      "        dns_nameservers: [9.9.9.9, '2001:db8::53']\n"
		      "      - type: static6\n"
		      "        address: 2001:db8::10/64\n"
		      "        gateway: fe80::1\n"
		      "        routes:\n"
		      "          - {network: '2001:db8:5::', netmask: 'ffff:ffff:ffff::', gateway: "
		      "'fe80::2'}\n"
		      "  - {type: physical, name: eth1, subnets: [{type: dhcp4}]}\n"
		      "  - {type: nameserver, address: 192.0.2.53}\n"
		      "  - {type: route, destination: 10.0.0.0/8, gateway: 192.0.2.7}\n",
		      "ip=192.0.2.10::192.0.2.1:24::52-54-00-aa-00-01:none:1400 nameserver=9.9.9.9 "
		      "nameserver=[2001:db8::53] "
		      "ip=[2001:db8::10]::[fe80::1]:64::52-54-00-aa-00-01:none:1400 "
		      "rd.route=[2001:db8:5::/48]:[fe80::2]:52-54-00-aa-00-01 ip=eth1:dhcp "
		      "nameserver=192.0.2.53 rd.route=10.0.0.0/8:192.0.2.7");
	check_nocloud("version: 1\n"
		      "config:\n"
		      "- {type: physical, name: a, mac_address: '52:54:00:aa:00:01'}\n"
		      "- {type: physical, name: b, mac_address: '52:54:00:aa:00:02'}\n"
		      "- type: bond\n"
		      "  name: bond0\n"
		      "  mtu: 9000\n"
		      "  bond_interfaces: [a, b]\n"
		      "  params: {bond-mode: 802.3ad, bond_miimon: 50, bond-frob: 'x y'}\n"
		      "- type: vlan\n"
		      "  name: mgmt\n"
		      "  vlan_link: bond0\n"
		      "  vlan_id: 7\n"
		      "  subnets: [{type: static, address: 192.0.2.9/24}]\n",
		      "bond=bond0:52-54-00-aa-00-01,52-54-00-aa-00-02:mode=802.3ad,miimon=50:9000 "
		      "vlan=vlan7:bond0 ip=192.0.2.9:::24::vlan7:none");
}

static void test_version_2(void **state)
{
	(void)state;
	check_nocloud(
		"network:\n"
		"  version: 2\n"
		"  vlans:\n"
		"    lan0.5: {id: 5, link: lan0, addresses: [192.0.2.9/24]}\n"
		"  ethernets:\n"
		"    lan0:\n"
		"      match: {macaddress: 52:54:00:aa:00:01}\n"
		"      set-name: lan0\n"
		"      addresses: [192.0.2.10/32, 198.51.100.3/24, '2001:db8::10/64': {label: x}]\n"
		"      routes:\n"
		"        - {to: default, via: 172.31.1.1, on-link: true}\n"
		"        - {to: '::/0', via: 'fe80::1'}\n"
		"        - {to: 10.0.0.0/8, via: 198.51.100.1}\n"
		"      nameservers: {addresses: [9.9.9.9]}\n"
		"    ens9: {dhcp4: yes, mtu: 1450}\n",
		"vlan=lan0.5:52-54-00-aa-00-01 "
		"ip=192.0.2.10::172.31.1.1:32::52-54-00-aa-00-01:none "
		"ip=198.51.100.3:::24::52-54-00-aa-00-01:none "
		"ip=[2001:db8::10]::[fe80::1]:64::52-54-00-aa-00-01:none "
		"rd.route=10.0.0.0/8:198.51.100.1:52-54-00-aa-00-01 nameserver=9.9.9.9 "
		"ip=ens9:dhcp:1450 ip=192.0.2.9:::24::lan0.5:none");
	check_nocloud("{version: 2, ethernets: {a: {}, b: {}}, bonds: {bond1: {interfaces: [a, b], "
		      "parameters: {mode: active-backup, mii-monitor-interval: 80}, dhcp6: true}}}",
		      "bond=bond1:a,b:mode=active-backup,miimon=80 ip=bond1:dhcp6");
}

static void test_openstack(void **state)
{
	struct seed s = { 0 };

	(void)state;
	assert_int_equal(
		seed_parse(&s, SEED_OPENSTACK,
			   "{\"public_keys\": {\"mine\": \"ssh-ed25519 AAAA me\\n\"}, \"uuid\": "
			   "\"1\"}",
			   NULL,
			   "{\"links\": [{\"id\": \"v\", \"type\": \"vlan\", \"vlan_link\": "
			   "\"t0\", \"vlan_id\": 12},"
			   " {\"id\": \"t0\", \"type\": \"ovs\", \"ethernet_mac_address\": "
			   "\"fa:16:3e:00:00:01\","
			   "  \"mtu\": 1450}], \"networks\": [{\"id\": \"n0\", \"link\": \"t0\", "
			   "\"type\": \"ipv4\","
			   "  \"ip_address\": \"192.0.2.10\", \"netmask\": \"255.255.255.0\", "
			   "\"routes\": ["
			   "   {\"network\": \"0.0.0.0\", \"netmask\": \"0.0.0.0\", \"gateway\": "
			   "\"192.0.2.1\"},"
			   "   {\"network\": \"10.0.0.0\", \"netmask\": \"255.0.0.0\", "
			   "\"gateway\": \"192.0.2.7\"}]},"
			   " {\"id\": \"n1\", \"link\": \"v\", \"type\": \"ipv6_slaac\"},"
			   " {\"id\": \"n2\", \"link\": \"nowhere\", \"type\": \"ipv4_dhcp\"}],"
			   " \"services\": [{\"type\": \"dns\", \"address\": \"9.9.9.9\"},"
			   "  {\"type\": \"ntp\", \"address\": \"192.0.2.4\"}]}"),
		0);
	assert_string_equal(words_of(&s),
			    "vlan=vlan12:fa-16-3e-00-00-01 "
			    "ip=192.0.2.10::192.0.2.1:24::fa-16-3e-00-00-01:none:1450 "
			    "rd.route=10.0.0.0/8:192.0.2.7:fa-16-3e-00-00-01 ip=vlan12:auto6 "
			    "nameserver=9.9.9.9");
	assert_int_equal(s.keys.count, 1);
	assert_string_equal(s.keys.items[0], "ssh-ed25519 AAAA me");
	seed_done(&s);
}

static void test_keys(void **state)
{
	struct seed s = { 0 };

	(void)state;
	assert_int_equal(
		seed_parse(&s, SEED_NOCLOUD,
			   "instance-id: i\npublic-keys:\n  - ssh-ed25519 AAAA one\n",
			   "#cloud-config\nusers:\n  - default\n  - name: bob\n"
			   "    ssh_authorized_keys:\n      - ssh-rsa BBBB two\n"
			   "ssh_authorized_keys: [\"ssh-ed25519 CCCC three\", \"bad\\x01key\"]\n",
			   NULL),
		0);
	assert_int_equal(s.keys.count, 3);
	assert_string_equal(s.keys.items[0], "ssh-ed25519 AAAA one");
	assert_string_equal(s.keys.items[1], "ssh-ed25519 CCCC three");
	assert_string_equal(s.keys.items[2], "ssh-rsa BBBB two");
	seed_done(&s);
	/* A script is not for us, whatever stands in it. */
	assert_int_equal(seed_parse(&s, SEED_NOCLOUD, NULL,
				    "#!/bin/sh\nssh_authorized_keys: [ssh-rsa AAAA x]\n", NULL),
			 0);
	assert_int_equal(s.keys.count, 0);
	seed_done(&s);
}

/* Nothing that a document says becomes a word of its own making. */
static void test_hostile(void **state)
{
	static const char *const wrong[] = {
		"version: 2\nethernets:\n  'a b': {dhcp4: true}\n  'x:none rd.y=1': {dhcp4: "
		"true}\n",
		"version: 2\nethernets: {a: {addresses: [1.2.3.4/33, 1.2.3.4/x, nonsense, [1]]}}\n",
		"version: 1\nconfig: [{type: physical, name: ../a, subnets: [{type: dhcp}]}]\n",
		"version: 1\nconfig: [{type: vlan, name: v, vlan_link: a, vlan_id: 5}]\n",
		"version: 2\nethernets: 7\nbonds: {b: {interfaces: [q]}}\n",
		"a: &x [1]\nb: *x\nversion: 2\n",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
		"{{{{",
		"? [a]\n: b\n",
		"",
		"version: 1\nconfig: {a: b}\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		check_nocloud(wrong[i], "");
	assert_null(seed_yaml("a: &x [*x]\nb: *x\n"));
	check_nocloud(
		"{version: 2, ethernets: {a: {dhcp4: true, mtu: 1, addresses: [10.0.0.1/8]}}}",
		"ip=a:dhcp ip=10.0.0.1:::8::a:none");
}

static void test_probe(void **state)
{
	static unsigned char head[SEED_HEAD_SIZE];
	const char *type = NULL;

	(void)state;
	assert_int_equal(seed_probe(head, sizeof(head), &type), SEED_NONE);
	head[510] = 0x55;
	head[511] = 0xaa;
	memcpy(head + 43, "CIDATA     FAT16   ", 19);
	assert_int_equal(seed_probe(head, sizeof(head), &type), SEED_NOCLOUD);
	assert_string_equal(type, "vfat");
	assert_int_equal(seed_probe(head, 511, &type), SEED_NONE);
	memset(head + 43, 0, 19);
	memcpy(head + 71, "config-2   FAT32   ", 19);
	assert_int_equal(seed_probe(head, sizeof(head), &type), SEED_OPENSTACK);
	memcpy(head + 71, "CIDATA2    ", 11);
	assert_int_equal(seed_probe(head, sizeof(head), &type), SEED_NONE);
	/* A CD that can also be started as a disk has both. */
	memcpy(head + 32768, "\001CD001", 6);
	memcpy(head + 32768 + 40, "cidata                          ", 32);
	assert_int_equal(seed_probe(head, sizeof(head), &type), SEED_NOCLOUD);
	assert_string_equal(type, "iso9660");
	assert_int_equal(seed_probe(head, 32768 + 72, &type), SEED_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version_1), cmocka_unit_test(test_version_2),
		cmocka_unit_test(test_openstack), cmocka_unit_test(test_keys),
		cmocka_unit_test(test_hostile),	  cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
