/* SPDX-License-Identifier: MIT */
/* From a running network to the words of the rescue's boot line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "enter/live_net.h"

static struct live_net net;
static struct strlist words, notes;

static int setup(void **state)
{
	(void)state;
	memset(&net, 0, sizeof(net));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	strlist_done(&words);
	strlist_done(&notes);
	return 0;
}

static struct live_link *add_link(const char *name, const char *kind, uint8_t last)
{
	struct live_link *l = &net.links[net.nlinks++];

	l->link.ifindex = (int)net.nlinks;
	l->link.type = ARPHRD_ETHER;
	l->link.mtu = 1500;
	l->link.has_mac = true;
	l->is_card = !kind[0];
	snprintf(l->link.name, sizeof(l->link.name), "%s", name);
	snprintf(l->link.kind, sizeof(l->link.kind), "%s", kind);
	memcpy(l->permanent, (uint8_t[]){ 0x52, 0x54, 0, 0, 0, last }, 6);
	return l;
}

static struct rtnl_addr *add_addr(const struct live_link *l, const char *ip, unsigned prefix)
{
	struct rtnl_addr *a = &net.addrs[net.naddrs++];

	a->ifindex = l->link.ifindex;
	assert_int_equal(net_ip_parse(&a->ip, ip), 0);
	a->prefix = prefix;
	return a;
}

static struct rtnl_route *add_route(const struct live_link *l, const char *to, unsigned prefix,
				    const char *via)
{
	struct rtnl_route *r = &net.routes[net.nroutes++];

	r->ifindex = l->link.ifindex;
	assert_int_equal(net_ip_parse(&r->to, to), 0);
	if (via)
		assert_int_equal(net_ip_parse(&r->via, via), 0);
	r->prefix = prefix;
	r->protocol = RTPROT_BOOT;
	return r;
}

static const char *all(const struct strlist *l)
{
	static char text[4096];

	text[0] = '\0';
	for (size_t i = 0; i < l->count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
			 l->items[i]);
	return text;
}

static const char *made(void)
{
	struct err e = ERR_INIT;

	if (live_net_words(&net, &words, &notes, &e) < 0)
		fail_msg("%s: %s", err_info(e.code)->title, e.ctx[0]);
	return all(&words);
}

static enum err_code refused(void)
{
	struct err e = ERR_INIT;

	assert_int_equal(live_net_words(&net, &words, &notes, &e), -1);
	return e.code;
}

static void test_static_addresses(void **state)
{
	struct live_link *lo = add_link("lo", "", 9), *l = add_link("ens3", "", 1);

	(void)state;
	lo->link.flags = IFF_LOOPBACK;
	add_addr(lo, "127.0.0.1", 8);
	add_addr(l, "192.0.2.10", 24);
	add_addr(l, "192.0.2.11", 32);
	add_addr(l, "2001:db8::10", 64);
	add_addr(l, "fe80::1", 64)->is_link_scope = true;
	add_addr(l, "2001:db8::7777", 64)->is_temporary = true;
	add_addr(l, "192.0.2.99", 24)->is_tentative = true;
	add_route(l, "0.0.0.0", 0, "192.0.2.254")->metric = 200;
	add_route(l, "0.0.0.0", 0, "192.0.2.1")->metric = 100;
	add_route(l, "::", 0, "fe80::ff");
	assert_int_equal(net_ip_parse(&net.dns[net.ndns++], "192.0.2.53"), 0);
	assert_string_equal(made(), "ip=192.0.2.10::192.0.2.1:24::52-54-00-00-00-01:none "
				    "ip=192.0.2.11:::32::52-54-00-00-00-01:none "
				    "ip=[2001:db8::10]::[fe80::ff]:64::52-54-00-00-00-01:none "
				    "nameserver=192.0.2.53");
	assert_int_equal(notes.count, 0);
}

/* The address that was found stays, and the lease goes on. */
static void test_a_leased_address(void **state)
{
	struct live_link *l = add_link("eth0", "", 1);

	(void)state;
	l->link.mtu = 1460;
	add_addr(l, "10.0.0.5", 32)->is_leased = true;
	add_addr(l, "2001:db8::5", 64)->is_leased = true;
	add_route(l, "10.0.0.1", 32, NULL); /* the way to the gateway: the rescue makes it itself */
	add_route(l, "0.0.0.0", 0, "10.0.0.1");
	add_route(l, "::", 0, "fe80::1")->protocol = RTPROT_RA;
	assert_string_equal(made(), "ip=10.0.0.5::10.0.0.1:32::52-54-00-00-00-01:none:1460 "
				    "ip=[2001:db8::5]:::64::52-54-00-00-00-01:none:1460 "
				    "ip=52-54-00-00-00-01:dhcp");
}

static void test_further_routes(void **state)
{
	struct live_link *l = add_link("eth0", "", 1), *other = add_link("eth1", "", 2);

	(void)state;
	add_addr(l, "10.0.0.5", 24);
	add_route(l, "10.0.0.0", 24, NULL)->protocol = RTPROT_KERNEL;
	add_route(l, "10.0.0.128", 25, NULL); /* inside of the address's own network */
	add_route(l, "172.16.0.0", 12, "10.0.0.9");
	add_route(l, "10.9.0.0", 16, NULL);
	add_route(l, "2001:db8:1::", 48, "fe80::9");
	add_route(l, "ff00::", 8, NULL);
	add_route(other, "172.20.0.0", 16, NULL); /* of a card that nothing is said of */
	assert_string_equal(made(), "ip=10.0.0.5:::24::52-54-00-00-00-01:none "
				    "rd.route=172.16.0.0/12:10.0.0.9:52-54-00-00-00-01 "
				    "rd.route=10.9.0.0/16::52-54-00-00-00-01 "
				    "rd.route=[2001:db8:1::/48]:[fe80::9]:52-54-00-00-00-01");
}

/* A VLAN on a bond of two cards: each by what it is made of, lower ones first. */
static void test_layers(void **state)
{
	struct live_link *vlan = add_link("storage", "vlan", 1),
			 *bond = add_link("bond0", "bond", 1);
	struct live_link *a = add_link("eth0", "", 1), *b = add_link("eth1", "", 2);
	struct live_link *bridge = add_link("br0", "bridge", 3), *tap = add_link("tap0", "tun", 4);
	struct live_link *c = add_link("eth2", "", 3);

	(void)state;
	vlan->vid = 7;
	vlan->below[vlan->nbelow++] = bond->link.ifindex;
	bond->below[bond->nbelow++] = a->link.ifindex;
	bond->below[bond->nbelow++] = b->link.ifindex;
	strcpy(bond->options, "mode=802.3ad,miimon=100,xmit_hash_policy=layer3+4,lacp_rate=fast");
	bridge->below[bridge->nbelow++] = tap->link.ifindex;
	bridge->below[bridge->nbelow++] = c->link.ifindex;
	add_addr(vlan, "10.7.0.2", 24);
	add_addr(bridge, "10.8.0.2", 24);
	assert_string_equal(
		made(), "bond=bond0:52-54-00-00-00-01,52-54-00-00-00-02:mode=802.3ad,miimon=100,"
			"xmit_hash_policy=layer3+4,lacp_rate=fast vlan=v0.7:bond0 "
			"bridge=br0:52-54-00-00-00-03 "
			"ip=10.7.0.2:::24::v0.7:none ip=10.8.0.2:::24::br0:none");
	assert_int_equal(notes.count, 0);
}

/* A name that ends in the id is kept; one that ends in another number is not. */
static void test_names_of_vlans(void **state)
{
	struct live_link *card = add_link("eth0", "", 1);
	static const char *const names[] = { "eth0.5", "vlan0005", "eth0.55", "office" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct live_link *l = add_link(names[i], "vlan", 1);

		l->vid = 5;
		l->below[l->nbelow++] = card->link.ifindex;
		add_addr(l, "10.0.0.1", 24);
	}
	made();
	assert_string_equal(words.items[0], "vlan=eth0.5:52-54-00-00-00-01");
	assert_string_equal(words.items[1], "vlan=vlan0005:52-54-00-00-00-01");
	assert_string_equal(words.items[2], "vlan=v3.5:52-54-00-00-00-01");
	assert_string_equal(words.items[3], "vlan=v4.5:52-54-00-00-00-01");
}

/* What cannot be repeated is said, unless it is the inside of a host of containers. */
static void test_what_is_left_out(void **state)
{
	struct live_link *card = add_link("eth0", "", 1), *tunnel = add_link("wg0", "wireguard", 5);
	struct live_link *docker = add_link("docker0", "bridge", 6);

	(void)state;
	add_addr(card, "10.0.0.2", 24);
	add_addr(tunnel, "10.99.0.1", 24);
	add_addr(docker, "172.17.0.1", 16);
	assert_string_equal(made(), "ip=10.0.0.2:::24::52-54-00-00-00-01:none");
	assert_string_equal(all(&notes),
			    "the addresses of wg0, of the kind wireguard are not repeated");
}

static void test_no_address(void **state)
{
	struct live_link *tunnel;

	(void)state;
	add_link("eth0", "", 1);
	assert_int_equal(refused(), ERR_ENTER_NET);
	tunnel = add_link("tun0", "tun", 5);
	add_addr(tunnel, "10.99.0.1", 24);
	assert_int_equal(refused(), ERR_ENTER_NET);
}

/* More than the rescue's parser has room for: refused, not cut off. */
static void test_too_many_addresses(void **state)
{
	struct live_link *l = add_link("eth0", "", 1);
	char ip[32];

	(void)state;
	for (unsigned i = 1; i <= NET_WANTS_MAX; i++) {
		snprintf(ip, sizeof(ip), "10.0.0.%u", i);
		add_addr(l, ip, 24);
	}
	made();
	add_addr(l, "10.0.0.200", 24);
	strlist_done(&words);
	assert_int_equal(refused(), ERR_ENTER_NET);
}

/* Links that are made of one another, which the kernel forbids but a dump in the middle of a change may show. */
static void test_a_circle_of_layers(void **state)
{
	struct live_link *a = add_link("bond0", "bond", 1), *b = add_link("bond1", "bond", 2);

	(void)state;
	a->below[a->nbelow++] = b->link.ifindex;
	b->below[b->nbelow++] = a->link.ifindex;
	add_addr(a, "10.0.0.1", 24);
	assert_int_equal(refused(), ERR_ENTER_NET);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_static_addresses), T(test_a_leased_address),   T(test_further_routes),
		T(test_layers),		  T(test_names_of_vlans),     T(test_what_is_left_out),
		T(test_no_address),	  T(test_too_many_addresses), T(test_a_circle_of_layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
