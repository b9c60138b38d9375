/* SPDX-License-Identifier: MIT */
#include "init/netconf.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "init/cmdline.h"

#define FIELDS_MAX 16

int net_ip_parse(struct net_ip *ret, const char *text)
{
	char buf[INET6_ADDRSTRLEN + 2];
	size_t n = strlen(text);

	memset(ret, 0, sizeof(*ret));
	if (n == 0 || n >= sizeof(buf))
		return -1;
	memcpy(buf, text, n + 1);
	char *p = buf;

	if (p[0] == '[' && p[n - 1] == ']') {
		p[n - 1] = 0;
		p++;
	}
	if (p == buf && inet_pton(AF_INET, p, ret->bytes) == 1)
		ret->family = AF_INET;
	else if (inet_pton(AF_INET6, p, ret->bytes) == 1)
		ret->family = AF_INET6;
	else
		return -1;
	return 0;
}

const char *net_ip_text(const struct net_ip *ip, char *buf, size_t size)
{
	if (ip->family == AF_UNSPEC || !inet_ntop(ip->family, ip->bytes, buf, (socklen_t)size))
		buf[0] = 0;
	return buf;
}

bool net_ip_equal(const struct net_ip *a, const struct net_ip *b)
{
	return a->family == b->family &&
	       memcmp(a->bytes, b->bytes, net_ip_bits(a->family) / 8) == 0;
}

unsigned net_ip_bits(int family)
{
	return family == AF_INET6 ? 128 : family == AF_INET ? 32 : 0;
}

bool net_ip_contains(const struct net_ip *ip, unsigned prefix, const struct net_ip *other)
{
	if (ip->family != other->family || ip->family == AF_UNSPEC ||
	    prefix > net_ip_bits(ip->family))
		return false;
	for (unsigned bit = 0; bit < prefix; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> (bit % 8));

		if ((ip->bytes[bit / 8] ^ other->bytes[bit / 8]) & mask)
			return false;
	}
	return true;
}

int net_mask_prefix(const uint8_t mask[4])
{
	uint32_t m = (uint32_t)mask[0] << 24 | (uint32_t)mask[1] << 16 | (uint32_t)mask[2] << 8 |
		     mask[3];
	int prefix = __builtin_popcount(m);

	return m == (prefix ? ~0U << (32 - prefix) : 0) ? prefix : -1;
}

int net_mac_parse(uint8_t ret[6], const char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < 6; i++) {
		int value = 0;

		for (int k = 0; k < 2; k++) {
			char c = *text++;
			const char *d = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c)
					  : NULL;

			if (!d)
				return -1;
			value = value * 16 + (int)(d - digits);
		}
		ret[i] = (uint8_t)value;
		if (i < 5 && *text != ':' && *text != '-')
			return -1;
		text += i < 5;
	}
	return *text ? -1 : 0;
}

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
		{ "dhcp", NET_DHCP },	  { "on", NET_DHCP },	 { "any", NET_DHCP },
		{ "dhcp4", NET_DHCP },	  { "both", NET_DHCP },	 { "single-dhcp", NET_DHCP },
		{ "dhcp6", NET_AUTO },	  { "auto6", NET_AUTO }, { "either6", NET_AUTO },
		{ "auto", NET_DHCP },	  { "link6", NET_AUTO }, { "link-local", NET_AUTO },
		{ "none", NET_STATIC },	  { "off", NET_OFF },	 { "static", NET_STATIC },
		{ "manual", NET_STATIC },
	};

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (strcmp(word, methods[i].word) == 0) {
			*ret = methods[i].method;
			return 0;
		}
	return -1;
}

static int parse_link(char ret[64], const char *word)
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
	if (n > 5 && parse_link(w->link, f[5]) < 0)
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
		if (parse_link(ret->link, fields[0]) < 0)
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
	if (n > 2 && parse_link(r->link, fields[2]) < 0)
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
	return parse_link(c->bootdev, value);
}

static int take_peerdns(struct net_conf *c, const char *value)
{
	c->no_peer_dns = strcmp(value, "0") == 0;
	return 0;
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
		{ "vlan", take_unsupported },
		{ "bond", take_unsupported },
		{ "bridge", take_unsupported },
		{ "team", take_unsupported },
	};

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < words->count; i++) {
		const char *word = words->items[i];
		const char *value = strchr(word, '=');

		for (size_t k = 0; value && k < ARRAY_SIZE(keys); k++) {
			size_t n = strlen(keys[k].key);

			if (n != (size_t)(value - word) || strncmp(word, keys[k].key, n) != 0)
				continue;
			if (keys[k].take(ret, value + 1) < 0 &&
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

bool netconf_link_matches(const struct net_conf *c, const char *word, const struct net_link_id *l)
{
	uint8_t mac[6];
	char enx[16];

	if (net_mac_parse(mac, word) == 0)
		return memcmp(mac, l->mac, 6) == 0;
	for (size_t i = 0; i < c->nnames; i++)
		if (strcmp(c->names[i].name, word) == 0)
			return memcmp(c->names[i].mac, l->mac, 6) == 0;
	snprintf(enx, sizeof(enx), "enx%02x%02x%02x%02x%02x%02x", l->mac[0], l->mac[1], l->mac[2],
		 l->mac[3], l->mac[4], l->mac[5]);
	return strcmp(word, l->name) == 0 || strcmp(word, enx) == 0 ||
	       (l->path_name[0] && strcmp(word, l->path_name) == 0) ||
	       (l->slot_name[0] && strcmp(word, l->slot_name) == 0);
}

static bool is_named(const struct net_want *w)
{
	return w->link[0] && strcmp(w->link, "*") != 0;
}

/* The link an unnamed static want takes; a second address of the other family shares it. */
static int pick_link(const struct net_conf *c, const struct net_link_id *links, size_t nlinks,
		     const bool *named)
{
	for (size_t i = 0; i < nlinks; i++)
		if (c->has_bootif && memcmp(c->bootif, links[i].mac, 6) == 0)
			return (int)i;
	for (size_t i = 0; i < nlinks; i++)
		if (c->bootdev[0] && netconf_link_matches(c, c->bootdev, &links[i]))
			return (int)i;
	for (size_t i = 0; i < nlinks; i++)
		if (links[i].carrier && !named[i])
			return (int)i;
	return NET_NO_LINK;
}

void netconf_assign(const struct net_conf *c, const struct net_link_id *links, size_t nlinks,
		    bool patient, int ret[NET_WANTS_MAX])
{
	bool named[NET_LINKS_MAX] = { false };
	size_t n = nlinks < NET_LINKS_MAX ? nlinks : NET_LINKS_MAX;

	for (size_t w = 0; w < c->nwants; w++) {
		ret[w] = NET_NO_LINK;
		for (size_t i = 0; is_named(&c->wants[w]) && i < n; i++)
			if (netconf_link_matches(c, c->wants[w].link, &links[i])) {
				ret[w] = (int)i;
				named[i] = true;
			}
	}
	for (size_t w = 0; w < c->nwants; w++) {
		const struct net_want *want = &c->wants[w];

		if (ret[w] != NET_NO_LINK || (is_named(want) && patient))
			continue;
		if (!is_named(want) && want->method != NET_STATIC)
			ret[w] = NET_ALL_LINKS;
		else
			ret[w] = pick_link(c, links, n, named);
		/* Two lost names are two links, a second address of one want is the same one. */
		if (is_named(want) && ret[w] >= 0) {
			named[ret[w]] = true;
			for (size_t k = w + 1; k < c->nwants; k++)
				if (strcmp(c->wants[k].link, want->link) == 0)
					ret[k] = ret[w];
		}
	}
}
