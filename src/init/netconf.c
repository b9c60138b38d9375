/* SPDX-License-Identifier: MIT */
#include "init/netconf.h"

#include <stdio.h>
#include <string.h>

#include "init/netconf_priv.h"

#define FIELDS_MAX 16

static bool is_hex_pair(const char *s)
{
	return strlen(s) == 2 && strspn(s, "0123456789abcdefABCDEF") == 2;
}

/* Splits at colons outside brackets; six hexadecimal pairs in a row are one MAC field. */
static int split_fields(char fields[FIELDS_MAX][64], const char *value)
{
	char raw[FIELDS_MAX * 2][64];
	int n = 0, count = 0;
	size_t len = 0;
	bool bracket = false;

	for (const char *p = value;; p++) {
		if (*p == '[' || *p == ']')
			bracket = *p == '[';
		if (*p && (*p != ':' || bracket)) {
			if (len + 1 >= sizeof(raw[0]))
				return -1;
			raw[n][len++] = *p;
			continue;
		}
		raw[n++][len] = 0;
		len = 0;
		if (!*p)
			break;
		if (n == FIELDS_MAX * 2)
			return -1;
	}
	for (int i = 0; i < n; count++) {
		bool mac = i + 6 <= n;

		for (int k = 0; mac && k < 6; k++)
			mac = is_hex_pair(raw[i + k]);
		if (count == FIELDS_MAX)
			return -1;
		if (mac)
			snprintf(fields[count], 64, "%.2s:%.2s:%.2s:%.2s:%.2s:%.2s", raw[i],
				 raw[i + 1], raw[i + 2], raw[i + 3], raw[i + 4], raw[i + 5]);
		else
			memcpy(fields[count], raw[i], 64);
		i += mac ? 6 : 1;
	}
	return count;
}

static int parse_method(enum net_method *ret, const char *word)
{
	static const struct {
		const char *word;
		enum net_method method;
	} methods[] = {
		{ "dhcp", NET_DHCP },	     { "on", NET_DHCP },     { "any", NET_DHCP },
		{ "dhcp4", NET_DHCP },	     { "both", NET_DHCP },   { "auto", NET_DHCP },
		{ "single-dhcp", NET_DHCP }, { "auto6", NET_AUTO6 }, { "dhcp6", NET_DHCP6 },
		{ "either6", NET_EITHER6 },  { "link6", NET_LINK6 }, { "link-local", NET_LINK6 },
		{ "off", NET_OFF },	     { "none", NET_STATIC }, { "static", NET_STATIC },
		{ "manual", NET_STATIC },
	};

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (strcmp(word, methods[i].word) == 0) {
			*ret = methods[i].method;
			return 0;
		}
	return -1;
}

int netconf_link_word(char ret[64], const char *word)
{
	uint8_t mac[6];

	if (net_mac_parse(mac, word) == 0) {
		snprintf(ret, 64, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
			 mac[4], mac[5]);
		return 0;
	}
	if (strlen(word) >= 64 || strchr(word, '/'))
		return -1;
	strcpy(ret, word);
	return 0;
}

static int parse_prefix(unsigned *ret, const char *word, int family)
{
	struct net_ip mask;
	uint32_t n;

	if (family == AF_INET && net_ip_parse(&mask, word) == 0 && mask.family == AF_INET) {
		int p = net_mask_prefix(mask.bytes);

		*ret = (unsigned)p;
		return p < 0 ? -1 : 0;
	}
	if (parse_u32(word, &n) < 0 || n > net_ip_bits(family))
		return -1;
	*ret = n;
	return 0;
}

/* ADDRESS or ADDRESS/PREFIX or [ADDRESS/PREFIX]. */
static int parse_cidr(struct net_ip *ret, unsigned *ret_prefix, const char *word)
{
	char buf[64];
	char *slash;

	if (strlen(word) >= sizeof(buf))
		return -1;
	strcpy(buf, word);
	slash = strchr(buf, '/');
	if (slash) {
		*slash++ = 0;
		size_t n = strlen(slash);

		if (n && slash[n - 1] == ']' && buf[0] == '[') {
			slash[n - 1] = 0;
			memmove(buf, buf + 1, strlen(buf));
		}
	}
	if (net_ip_parse(ret, buf) < 0)
		return -1;
	*ret_prefix = net_ip_bits(ret->family);
	return slash ? parse_prefix(ret_prefix, slash, ret->family) : 0;
}

/* The fields behind the method: MTU and MAC. An address there is a name server. */
static int parse_tail(struct net_want *w, char fields[][64], int n)
{
	uint32_t mtu;

	if (n > 0 && fields[0][0]) {
		if (parse_u32(fields[0], &mtu) < 0 || mtu < 68 || mtu > 65535)
			return -1;
		w->mtu = mtu;
	}
	if (n > 1 && fields[1][0]) {
		if (net_mac_parse(w->mac, fields[1]) < 0)
			return -1;
		w->has_mac = true;
	}
	return n > 2 ? -1 : 0;
}

/* CLIENT:PEER:GATEWAY:MASK:HOST:LINK:METHOD[:TAIL]; the kernel's form, fields may be empty. */
static int parse_long(struct net_want *w, char fields[][64], int n, struct net_ip dns[2])
{
	char(*f)[64] = fields;
	struct net_ip ntp;

	w->method = NET_DHCP;
	if (f[0][0]) {
		if (parse_cidr(&w->address, &w->prefix, f[0]) < 0)
			return -1;
		w->method = NET_STATIC;
	}
	if (n > 1 && f[1][0] && net_ip_parse(&w->peer, f[1]) < 0)
		return -1;
	if (n > 2 && f[2][0] && net_ip_parse(&w->gateway, f[2]) < 0)
		return -1;
	if (n > 3 && f[3][0] && parse_prefix(&w->prefix, f[3], w->address.family) < 0)
		return -1;
	if (n > 4)
		snprintf(w->hostname, sizeof(w->hostname), "%s", f[4]);
	if (n > 5 && netconf_link_word(w->link, f[5]) < 0)
		return -1;
	if (n > 6 && f[6][0] && parse_method(&w->method, f[6]) < 0)
		return -1;
	if (w->method == NET_OFF && w->address.family)
		w->method = NET_STATIC; /* the kernel's "off": no protocol, use what is given */
	if (w->method == NET_STATIC && !w->address.family)
		return -1;
	if (w->gateway.family && w->address.family && w->gateway.family != w->address.family)
		return -1;
	if (n <= 7)
		return 0;
	if (!f[7][0] || net_ip_parse(&dns[0], f[7]) < 0)
		return parse_tail(w, f + 7, n - 7);
	if (n > 8 && f[8][0] && net_ip_parse(&dns[1], f[8]) < 0)
		return -1;
	return n > 10 || (n > 9 && f[9][0] && net_ip_parse(&ntp, f[9]) < 0) ? -1 : 0;
}

static int parse_ip_word(struct net_want *ret, const char *value, struct net_ip dns[2])
{
	char fields[FIELDS_MAX][64];
	int n = split_fields(fields, value);
	enum net_method method;
	struct net_ip ip;

	memset(ret, 0, sizeof(*ret));
	memset(dns, 0, 2 * sizeof(dns[0]));
	if (n < 1)
		return -1;
	if (n == 1 && parse_method(&method, fields[0]) == 0) {
		ret->method = method == NET_STATIC ? NET_OFF : method;
		return 0;
	}
	if (n >= 2 && net_ip_parse(&ip, fields[0]) < 0 && parse_method(&method, fields[1]) == 0) {
		if (netconf_link_word(ret->link, fields[0]) < 0)
			return -1;
		ret->method = method == NET_STATIC ? NET_OFF : method;
		return parse_tail(ret, fields + 2, n - 2);
	}
	return parse_long(ret, fields, n, dns);
}

int netconf_parse_ip(struct net_want *ret, const char *value)
{
	struct net_ip dns[2];

	return parse_ip_word(ret, value, dns);
}

static void add_dns(struct net_conf *c, const struct net_ip *ip)
{
	if (ip->family && c->ndns < NET_DNS_MAX)
		c->dns[c->ndns++] = *ip;
}

static int take_ip(struct net_conf *c, const char *value)
{
	struct net_ip dns[2];

	if (c->nwants == NET_WANTS_MAX || parse_ip_word(&c->wants[c->nwants], value, dns) < 0)
		return -1;
	c->nwants++;
	add_dns(c, &dns[0]);
	add_dns(c, &dns[1]);
	return 0;
}

/* rd.route=NET/LEN:GATEWAY[:LINK]; an empty gateway means on the link itself. */
static int take_route(struct net_conf *c, const char *value)
{
	char fields[FIELDS_MAX][64];
	int n = split_fields(fields, value);
	struct net_route *r = &c->routes[c->nroutes];

	if (c->nroutes == NET_ROUTES_MAX || n < 2 || n > 3)
		return -1;
	memset(r, 0, sizeof(*r));
	if (fields[1][0] && net_ip_parse(&r->via, fields[1]) < 0)
		return -1;
	if (strcmp(fields[0], "default") == 0) {
		r->to.family = r->via.family ? r->via.family : AF_INET;
	} else if (parse_cidr(&r->to, &r->prefix, fields[0]) < 0) {
		return -1;
	}
	if (r->via.family && r->via.family != r->to.family)
		return -1;
	if (n > 2 && netconf_link_word(r->link, fields[2]) < 0)
		return -1;
	c->nroutes++;
	return 0;
}

static int take_ifname(struct net_conf *c, const char *value)
{
	const char *colon = strchr(value, ':');
	size_t n = colon ? (size_t)(colon - value) : 0;

	if (c->nnames == NET_WANTS_MAX || n == 0 || n >= IFNAMSIZ ||
	    net_mac_parse(c->names[c->nnames].mac, colon + 1) < 0)
		return -1;
	memcpy(c->names[c->nnames].name, value, n);
	c->names[c->nnames].name[n] = 0;
	c->nnames++;
	return 0;
}

static int take_nameserver(struct net_conf *c, const char *value)
{
	struct net_ip ip;

	if (net_ip_parse(&ip, value) < 0)
		return -1;
	add_dns(c, &ip);
	return 0;
}

/* PXELINUX and iPXE write the hardware type before the address: 01-aa-bb-... */
static int take_bootif(struct net_conf *c, const char *value)
{
	if (strlen(value) == 20)
		value += 3;
	if (net_mac_parse(c->bootif, value) < 0)
		return -1;
	c->has_bootif = true;
	return 0;
}

static int take_bootdev(struct net_conf *c, const char *value)
{
	return netconf_link_word(c->bootdev, value);
}

static int take_peerdns(struct net_conf *c, const char *value)
{
	c->no_peer_dns = strcmp(value, "0") == 0;
	return 0;
}

/* Two layers of one name would be one link. */
static int take_layer(struct net_conf *c, enum net_layer_kind kind, const char *value)
{
	struct net_layer *l = &c->layers[c->nlayers];
	bool partly = false;

	if (c->nlayers == NET_LAYERS_MAX || netlayer_parse(l, kind, value, &partly) < 0 ||
	    netconf_layer(c, l->name))
		return -1;
	c->nlayers++;
	return partly ? -1 : 0; /* it holds, and what was not understood is said */
}

static int take_vlan(struct net_conf *c, const char *value)
{
	return take_layer(c, NET_VLAN, value);
}

static int take_bond(struct net_conf *c, const char *value)
{
	return take_layer(c, NET_BOND, value);
}

static int take_bridge(struct net_conf *c, const char *value)
{
	return take_layer(c, NET_BRIDGE, value);
}

/* Understood by others, not by us: said so instead of silently doing something else. */
static int take_unsupported(struct net_conf *c, const char *value)
{
	(void)c;
	(void)value;
	return -1;
}

int netconf_parse(struct net_conf *ret, const struct strlist *words)
{
	static const struct {
		const char *key;
		int (*take)(struct net_conf *c, const char *value);
	} keys[] = {
		{ "ip", take_ip },
		{ "rd.route", take_route },
		{ "ifname", take_ifname },
		{ "nameserver", take_nameserver },
		{ "BOOTIF", take_bootif },
		{ "bootdev", take_bootdev },
		{ "rd.peerdns", take_peerdns },
		{ "vlan", take_vlan },
		{ "bond", take_bond },
		{ "bridge", take_bridge },
		{ "team", take_unsupported },
	};

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < words->count; i++) {
		const char *word = words->items[i], *value = strchr(word, '=');
		size_t len = strcspn(word, "=");

		/* Of the bare words only two mean something to dracut. */
		if (!value && strcmp(word, "bond") != 0 && strcmp(word, "bridge") != 0)
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
			if (strlen(keys[k].key) != len || strncmp(word, keys[k].key, len) != 0)
				continue;
			if (keys[k].take(ret, value ? value + 1 : "") < 0 &&
			    strlist_add(&ret->ignored, word) < 0)
				return -1;
		}
	}
	return 0;
}

void netconf_done(struct net_conf *c)
{
	strlist_done(&c->ignored);
}

const struct net_layer *netconf_layer(const struct net_conf *c, const char *name)
{
	for (size_t i = 0; i < c->nlayers; i++)
		if (strcmp(c->layers[i].name, name) == 0)
			return &c->layers[i];
	return NULL;
}
