/* SPDX-License-Identifier: MIT */
/*
 * Network documents of seeds as words of the boot line. Formats: cloud-init's "Networking Config
 * Version 1" and "Version 2", OpenStack's network_data.json. Everything goes through our own types
 * (address, MAC, number, plain name) on its way, so no text of a document gets into a word as it is.
 */
#include <stdio.h>
#include <string.h>

#include "init/netaddr.h"
#include "init/seed_priv.h"

const char *seed_text(const json_t *object, const char *key)
{
	static char number[4][32];
	static unsigned turn;
	json_t *v = json_object_get(object, key);

	if (json_is_string(v))
		return json_string_value(v);
	if (!json_is_integer(v))
		return "";
	turn = (turn + 1) % ARRAY_SIZE(number);
	snprintf(number[turn], sizeof(number[0]), "%lld", (long long)json_integer_value(v));
	return number[turn];
}

bool seed_is_true(const json_t *object, const char *key)
{
	static const char *const yes[] = { "true", "True", "TRUE", "yes", "on", "1" };
	const char *text = seed_text(object, key);

	if (json_is_true(json_object_get(object, key)))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		if (strcmp(text, yes[i]) == 0)
			return true;
	return false;
}

static bool is_name(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n < IFNAMSIZ && s[0] != '.' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

/* Out of memory stays noted; the words already there are not worth less for it. */
static void put(struct seed_net *s, const char *fmt, ...) printf_like(2, 3);
static void put(struct seed_net *s, const char *fmt, ...)
{
	char word[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(word, sizeof(word), fmt, ap);
	va_end(ap);
	if (n <= 0 || (size_t)n >= sizeof(word) || s->words->count >= SEED_WORDS_MAX ||
	    strlist_has(s->words, word))
		return;
	s->failed |= strlist_add(s->words, word) < 0;
}

struct seed_link *seed_net_link(struct seed_net *s, const char *id, const char *mac,
				const char *name)
{
	struct seed_link *l = &s->links[s->nlinks];
	uint8_t m[6];

	if (s->nlinks == ARRAY_SIZE(s->links) || strlen(id) >= sizeof(l->id))
		return NULL;
	memset(l, 0, sizeof(*l));
	strcpy(l->id, id);
	if (net_mac_parse(m, mac) == 0)
		snprintf(l->word, sizeof(l->word), "%02x-%02x-%02x-%02x-%02x-%02x", m[0], m[1],
			 m[2], m[3], m[4], m[5]);
	else if (is_name(name))
		snprintf(l->word, sizeof(l->word), "%s", name);
	else
		return NULL;
	s->nlinks++;
	return l;
}

struct seed_link *seed_net_find(struct seed_net *s, const char *id)
{
	for (size_t i = 0; i < s->nlinks; i++)
		if (strcmp(s->links[i].id, id) == 0)
			return &s->links[i];
	return NULL;
}

void seed_net_mtu(struct seed_link *l, const char *text)
{
	uint32_t mtu;

	if (parse_u32(text, &mtu) == 0 && mtu >= 68 && mtu <= 65535)
		l->mtu = mtu;
}

/* Prefix length from "24", "255.255.255.0" or "ffff:ffff::"; -1 when it is none of them. */
static int prefix_of(const char *text, int family)
{
	struct net_ip mask;
	uint32_t n;
	unsigned bits = 0;

	if (parse_u32(text, &n) == 0)
		return n <= net_ip_bits(family) ? (int)n : -1;
	if (net_ip_parse(&mask, text) < 0 || mask.family != family)
		return -1;
	if (family == AF_INET)
		return net_mask_prefix(mask.bytes);
	while (bits < 128 && mask.bytes[bits / 8] & (0x80 >> bits % 8))
		bits++;
	return (int)bits;
}

/* "ADDRESS/PREFIX", or the address alone with the mask in a text of its own. */
static bool parse_cidr(struct net_ip *ret, int *ret_prefix, const char *text, const char *mask)
{
	const char *slash = strchr(text, '/');
	char address[64];
	size_t n = slash ? (size_t)(slash - text) : strlen(text);

	if (n >= sizeof(address))
		return false;
	memcpy(address, text, n);
	address[n] = 0;
	if (net_ip_parse(ret, address) < 0)
		return false;
	if (slash)
		mask = slash + 1;
	*ret_prefix = *mask ? prefix_of(mask, ret->family) : (int)net_ip_bits(ret->family);
	return *ret_prefix >= 0;
}

/* As the words want it: IPv6 in brackets. */
static const char *ip_word(char buf[64], const struct net_ip *ip)
{
	char text[INET6_ADDRSTRLEN];

	net_ip_text(ip, text, sizeof(text));
	snprintf(buf, 64, ip->family == AF_INET6 ? "[%s]" : "%s", text);
	return buf;
}

void seed_net_method(struct seed_net *s, const struct seed_link *l, const char *method)
{
	if (l->mtu)
		put(s, "ip=%s:%s:%u", l->word, method, l->mtu);
	else
		put(s, "ip=%s:%s", l->word, method);
}

void seed_net_address(struct seed_net *s, const struct seed_link *l, const char *address,
		      const char *mask, const char *gateway)
{
	struct net_ip ip, via = { 0 };
	char a[64], g[64] = "", mtu[16] = "";
	int prefix;

	if (!parse_cidr(&ip, &prefix, address, mask))
		return;
	if (net_ip_parse(&via, gateway) == 0 && via.family == ip.family)
		ip_word(g, &via);
	if (l->mtu)
		snprintf(mtu, sizeof(mtu), ":%u", l->mtu);
	put(s, "ip=%s::%s:%d::%s:none%s", ip_word(a, &ip), g, prefix, l->word, mtu);
}

void seed_net_route(struct seed_net *s, const struct seed_link *l, const char *to, const char *mask,
		    const char *gateway)
{
	struct net_ip net, via;
	char t[64], g[64];
	int prefix = 0;

	if (net_ip_parse(&via, gateway) < 0)
		return;
	if (strcmp(to, "default") == 0)
		net = (struct net_ip){ .family = via.family };
	else if (!parse_cidr(&net, &prefix, to, mask))
		return;
	if (net.family != via.family)
		return;
	net_ip_text(&net, t, sizeof(t));
	put(s, net.family == AF_INET6 ? "rd.route=[%s/%d]:%s%s%s" : "rd.route=%s/%d:%s%s%s", t,
	    prefix, ip_word(g, &via), l ? ":" : "", l ? l->word : "");
}

void seed_net_dns(struct seed_net *s, const json_t *servers)
{
	struct net_ip ip;
	char text[64];
	json_t *one;
	size_t i;

	if (json_is_string(servers) && net_ip_parse(&ip, json_string_value(servers)) == 0)
		put(s, "nameserver=%s", ip_word(text, &ip));
	json_array_foreach(servers, i, one)
	{
		if (json_is_string(one) && net_ip_parse(&ip, json_string_value(one)) == 0)
			put(s, "nameserver=%s", ip_word(text, &ip));
	}
}

struct seed_link *seed_net_vlan(struct seed_net *s, const char *id, const char *name,
				const char *below, const char *vid_text)
{
	struct seed_link *lower = seed_net_find(s, below);
	const char *digits = name + strlen(name);
	char made[32];
	uint32_t vid, own;

	if (!lower || parse_u32(vid_text, &vid) < 0 || vid < 1 || vid > 4094)
		return NULL;
	while (digits > name && digits[-1] >= '0' && digits[-1] <= '9')
		digits--;
	/* A word's name says its id; one that does not gets another name. */
	if (is_name(name) && parse_u32(digits, &own) == 0 && own == vid)
		snprintf(made, sizeof(made), "%s", name);
	else
		snprintf(made, sizeof(made), "vlan%u", vid);
	put(s, "vlan=%s:%s", made, lower->word);
	return seed_net_link(s, id, "", made);
}

/* The words of the links below, separated by commas; false when one is not known. */
static bool below_words(struct seed_net *s, char *ret, size_t size, const json_t *below)
{
	json_t *one;
	size_t i, len = 0;

	ret[0] = 0;
	json_array_foreach(below, i, one)
	{
		const char *id = json_string_value(one);
		struct seed_link *l = id ? seed_net_find(s, id) : NULL;
		int n = l ? snprintf(ret + len, size - len, "%s%s", len ? "," : "", l->word) : -1;

		if (n < 0 || (size_t)n >= size - len)
			return false;
		len += (size_t)n;
	}
	return len > 0;
}

/* Options under the names that the formats have for them, "bond-" and "bond_" cut off. */
static void bond_options(char *ret, size_t size, json_t *options)
{
	static const char *const names[][2] = {
		{ "mode", "mode" },
		{ "miimon", "miimon" },
		{ "mii-monitor-interval", "miimon" },
		{ "lacp-rate", "lacp_rate" },
		{ "xmit-hash-policy", "xmit_hash_policy" },
		{ "transmit-hash-policy", "xmit_hash_policy" },
		{ "updelay", "updelay" },
		{ "up-delay", "updelay" },
		{ "downdelay", "downdelay" },
		{ "down-delay", "downdelay" },
		{ "min-links", "min_links" },
		{ "ad-select", "ad_select" },
	};
	const char *key;
	json_t *value;
	size_t len = 0;

	ret[0] = 0;
	json_object_foreach(options, key, value)
	{
		char name[40];
		const char *text = seed_text(options, key);

		snprintf(name, sizeof(name), "%s",
			 key + (str_starts(key, "bond-") || str_starts(key, "bond_") ? 5 : 0));
		for (char *p = name; *p; p++)
			*p = *p == '_' ? '-' : *p;
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			if (strcmp(name, names[i][0]) != 0 || !*text || strlen(text) > 20 ||
			    strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.+-") !=
				    strlen(text) ||
			    size - len < 48)
				continue;
			len += (size_t)snprintf(ret + len, size - len, "%s%s=%s", len ? "," : "",
						names[i][1], text);
		}
	}
}

struct seed_link *seed_net_over(struct seed_net *s, const char *kind, const char *id,
				const char *name, const json_t *below, json_t *options,
				const char *mtu)
{
	char words[256], text[256] = "";
	struct seed_link *l;

	if (!is_name(name) || !below_words(s, words, sizeof(words), below))
		return NULL;
	l = seed_net_link(s, id, "", name);
	if (!l)
		return NULL;
	if (strcmp(kind, "bond") != 0) {
		put(s, "bridge=%s:%s", name, words);
		return l;
	}
	seed_net_mtu(l, mtu);
	bond_options(text, sizeof(text), options);
	if (l->mtu)
		put(s, "bond=%s:%s:%s:%u", name, words, text, l->mtu);
	else
		put(s, "bond=%s:%s:%s", name, words, text);
	l->mtu = 0; /* said already */
	return l;
}
