/* SPDX-License-Identifier: MIT */
#include "init/netlayer.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "init/netconf_priv.h"

#define MIIMON_DEFAULT_MS 100 /* the kernel's 0 would never notice a dead cable */
#define MAC_LEN 17
#define NUMBER_MAX 65535

static const char *const modes[] = { "balance-rr", "active-backup", "balance-xor", "broadcast",
				     "802.3ad",	   "balance-tlb",   "balance-alb", NULL };
static const char *const rates[] = { "slow", "fast", NULL };
static const char *const hashes[] = { "layer2",	  "layer3+4",	 "layer2+3", "encap2+3",
				      "encap3+4", "vlan+srcmac", NULL };
static const char *const fail_overs[] = { "none", "active", "follow", NULL };
static const char *const selections[] = { "stable", "bandwidth", "count", NULL };

/* In the order of enum net_bond_option; without words it is a number. */
static const struct {
	const char *name;
	const char *const *words;
} bond_options[BOND_OPTIONS] = {
	{ "mode", modes },
	{ "miimon", NULL },
	{ "updelay", NULL },
	{ "downdelay", NULL },
	{ "lacp_rate", rates },
	{ "xmit_hash_policy", hashes },
	{ "fail_over_mac", fail_overs },
	{ "ad_select", selections },
	{ "min_links", NULL },
};

/* The kernel's rules for names, and none that is a number or an address to other words. */
static int take_name(char ret[IFNAMSIZ], const char *text, size_t n)
{
	if (n == 0 || n >= IFNAMSIZ || text[0] == '.' || memchr(text, '/', n) ||
	    memchr(text, ' ', n))
		return -1;
	memcpy(ret, text, n);
	ret[n] = 0;
	return 0;
}

/* A MAC has colons of its own, so a list cannot be cut at them blindly. */
static size_t link_word_len(const char *p)
{
	char mac[MAC_LEN + 1];
	uint8_t bytes[6];
	size_t n = strnlen(p, MAC_LEN);

	memcpy(mac, p, n);
	mac[n] = 0;
	if (n == MAC_LEN && strchr(":,", p[n]) && net_mac_parse(bytes, mac) == 0)
		return n;
	return strcspn(p, ":,");
}

/* Link words separated by commas up to a colon or the end; *text is moved there. */
static int take_below(struct net_layer *l, const char **text)
{
	const char *p = *text;

	for (;;) {
		size_t n = link_word_len(p);
		char word[64];

		if (n == 0 || n >= sizeof(word) || l->nbelow == NET_BELOW_MAX)
			return -1;
		memcpy(word, p, n);
		word[n] = 0;
		if (netconf_link_word(l->below[l->nbelow++], word) < 0)
			return -1;
		p += n;
		if (*p != ',')
			break;
		p++;
	}
	*text = p;
	return 0;
}

static int word_value(const char *const *words, const char *text)
{
	uint32_t number;
	int count = 0;

	for (; words && words[count]; count++)
		if (strcmp(words[count], text) == 0)
			return count;
	if (parse_u32(text, &number) < 0 || number > (words ? (unsigned)count - 1 : NUMBER_MAX))
		return -1;
	return (int)number;
}

static int take_bond_option(struct net_layer *l, const char *word)
{
	const char *equals = strchr(word, '=');
	size_t n = equals ? (size_t)(equals - word) : 0;

	if (n == strlen("primary") && strncmp(word, "primary", n) == 0)
		return netconf_link_word(l->primary, equals + 1);
	for (int i = 0; n && i < BOND_OPTIONS; i++) {
		if (strlen(bond_options[i].name) != n ||
		    strncmp(bond_options[i].name, word, n) != 0)
			continue;
		int value = word_value(bond_options[i].words, equals + 1);

		if (value < 0)
			return -1;
		l->option[i] = value;
		return 0;
	}
	return -1;
}

/* OPTIONS[:MTU], both may be empty. */
static int take_bond_tail(struct net_layer *l, const char *text, bool *ret_partly)
{
	uint32_t mtu;

	while (*text && *text != ':') {
		/* Here a MAC may have colons too. */
		size_t key = str_starts(text, "primary=") ? strlen("primary=") : 0;
		size_t n = key + link_word_len(text + key);
		char word[80];

		if (n >= sizeof(word))
			return -1;
		memcpy(word, text, n);
		word[n] = 0;
		if (take_bond_option(l, word) < 0)
			*ret_partly = true;
		text += n + (text[n] == ',');
	}
	if (!text[0] || !text[1])
		return 0;
	if (parse_u32(text + 1, &mtu) < 0 || mtu < 68 || mtu > 65535)
		return -1;
	l->mtu = mtu;
	return 0;
}

/* NAME:PHY; the id are the digits at the end of NAME: vlan5, vlan0005, eth0.5. */
static int parse_vlan(struct net_layer *l, const char *value)
{
	const char *digits = l->name + strlen(l->name);
	uint32_t vid;

	while (digits > l->name && digits[-1] >= '0' && digits[-1] <= '9')
		digits--;
	if (parse_u32(digits, &vid) < 0 || vid < 1 || vid > 4094)
		return -1;
	l->vid = vid;
	return take_below(l, &value) < 0 || *value || l->nbelow != 1 ? -1 : 0;
}

static int parse_bond(struct net_layer *l, const char *value, bool *ret_partly)
{
	bool partly = false;

	if (take_below(l, &value) < 0 ||
	    (*value == ':' && take_bond_tail(l, value + 1, &partly) < 0))
		return -1;
	if (l->option[BOND_MODE] == BOND_NOT_SAID)
		l->option[BOND_MODE] = 0;
	if (l->option[BOND_MIIMON] == BOND_NOT_SAID)
		l->option[BOND_MIIMON] = MIIMON_DEFAULT_MS;
	*ret_partly |= partly;
	return 0;
}

int netlayer_parse(struct net_layer *ret, enum net_layer_kind kind, const char *value,
		   bool *ret_partly)
{
	/* What dracut takes a bare word for. */
	static const char *const bare[] = { "", "bond0:eth0,eth1:mode=balance-rr", "br0:eth0" };
	const char *text = *value ? value : bare[kind], *colon = strchr(text, ':');

	memset(ret, 0, sizeof(*ret));
	ret->kind = kind;
	for (int i = 0; i < BOND_OPTIONS; i++)
		ret->option[i] = BOND_NOT_SAID;
	if (!colon || take_name(ret->name, text, (size_t)(colon - text)) < 0)
		return -1;
	if (kind == NET_VLAN)
		return parse_vlan(ret, colon + 1);
	if (kind == NET_BOND)
		return parse_bond(ret, colon + 1, ret_partly);
	text = colon + 1;
	return take_below(ret, &text) < 0 || *text ? -1 : 0;
}
