/* SPDX-License-Identifier: MIT */
/* [ipv4] and [ipv6] of a NetworkManager profile: nm-settings-keyfile(5). */
#include <string.h>

#include "rewrite/net_nm_priv.h"

struct family {
	struct net_link *l;
	const struct ini_file *f;
	bool v6;
	const char *section;
};

/* "address1", "addresses1", but not "address-data". */
static bool is_numbered(const char *key, const char *stem)
{
	size_t len = strlen(stem);

	return strncmp(key, stem, len) == 0 && key[len] &&
	       key[len + strspn(key + len, "0123456789")] == '\0';
}

static int extra(struct family *f, const struct ini_entry *n)
{
	return strlist_addf(&f->l->extra, "[%s] %s=%s", f->section, n->key, n->value);
}

/* "192.0.2.10/24" or "192.0.2.10/24,192.0.2.1": the second word is the gateway. */
static int read_address(struct family *f, const struct ini_entry *n)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	struct net_route r = { .to = (char *)(f->v6 ? "::/0" : "0.0.0.0/0") };
	char *prefix cleanup_free = NULL;

	if (strlist_split(&words, n->value, ",;") < 0)
		return -1;
	prefix = words.count ? net_prefix_of(words.items[0], f->v6) : NULL;
	if (!prefix || net_is_v6(prefix) != f->v6)
		return extra(f, n);
	if (strlist_add(&f->l->addresses, prefix) < 0)
		return -1;
	if (words.count < 2 || !net_is_address(words.items[1]) ||
	    strcmp(words.items[1], "0.0.0.0") == 0 || strcmp(words.items[1], "::") == 0)
		return 0;
	r.via = words.items[1];
	return *(f->v6 ? &f->l->gateway6 : &f->l->gateway4) ? 0 : net_take_route(f->l, &r);
}

/* One of "table=7,onlink=true,mtu=1400"; false: not understood. r's texts point into option. */
static bool route_option(struct net_route *r, char *option)
{
	char *value = strchr(option, '=');

	if (!value)
		return false;
	*value++ = '\0';
	if (strcmp(option, "table") == 0) {
		if (parse_u32(value, &r->table) < 0)
			return false;
		r->table = r->table == 254 ? 0 : r->table;
		return true;
	}
	if (strcmp(option, "mtu") == 0)
		return parse_u32(value, &r->mtu) == 0;
	if (strcmp(option, "onlink") == 0)
		r->is_onlink = net_bool(value) == 1;
	else if (strcmp(option, "src") == 0 && net_is_address(value))
		r->src = value;
	else if (strcmp(option, "type") == 0)
		r->type = strcmp(value, "unicast") == 0 ? NULL : value;
	else
		return false;
	return true;
}

static int read_route(struct family *f, const struct ini_entry *n)
{
	struct strlist words cleanup_strlist = STRLIST_INIT, options cleanup_strlist = STRLIST_INIT;
	struct net_route r = { 0 };
	char *prefix cleanup_free = NULL;
	char key[80];
	const char *more;
	size_t i;

	snprintf(key, sizeof(key), "%.60s_options", n->key);
	more = ini_get(f->f, f->section, key);
	if (strlist_split(&words, n->value, ",;") < 0 ||
	    (more && strlist_split(&options, more, ",") < 0))
		return -1;
	prefix = words.count ? net_prefix_of(words.items[0], f->v6) : NULL;
	if (!prefix || net_is_v6(prefix) != f->v6)
		return extra(f, n);
	r.to = prefix;
	if (words.count > 1 && net_is_address(words.items[1]) &&
	    strcmp(words.items[1], "0.0.0.0") != 0 && strcmp(words.items[1], "::") != 0)
		r.via = words.items[1];
	if (words.count > 2 && parse_u32(words.items[2], &r.metric) < 0)
		return extra(f, n);
	for (i = 0; i < options.count; i++) {
		char *kept cleanup_free = strdup(options.items[i]);

		if (!kept ||
		    (!route_option(&r, options.items[i]) &&
		     strlist_addf(&f->l->extra, "[%s] %s %s", f->section, n->key, kept) < 0))
			return -1;
	}
	r.is_onlink = r.via && (r.is_onlink || net_needs_onlink(f->l, r.via));
	return net_take_route(f->l, &r);
}

/* "priority 5 from 10.0.0.0/8 table 7"; a prefix of no bits means all. */
static int read_rule(struct family *f, const struct ini_entry *n)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	struct net_rule *r;
	size_t i;

	if (strlist_split(&words, n->value, " \t") < 0)
		return -1;
	r = net_rule_add(f->l);
	if (!r)
		return -1;
	r->is_v6 = f->v6;
	for (i = 0; i + 1 < words.count; i += 2) {
		const char *key = words.items[i], *value = words.items[i + 1];
		char **to = strcmp(key, "from") == 0	 ? &r->from
			    : strcmp(key, "to") == 0	 ? &r->to
			    : strcmp(key, "iif") == 0	 ? &r->iif
			    : strcmp(key, "fwmark") == 0 ? &r->fwmark
							 : NULL;

		if (to && (str_ends(value, "/0") && to != &r->fwmark))
			continue;
		if (to) {
			free(*to);
			*to = to == &r->from || to == &r->to ? net_prefix_of(value, f->v6)
							     : strdup(value);
			if (!*to)
				return -1;
		} else if ((strcmp(key, "table") != 0 || parse_u32(value, &r->table) < 0) &&
			   (strcmp(key, "priority") != 0 || parse_u32(value, &r->priority) < 0)) {
			if (strlist_addf(&f->l->extra, "[%s] %s: %s %s", f->section, n->key, key,
					 value) < 0)
				return -1;
		}
	}
	if (r->table == 254)
		r->table = 0;
	return 0;
}

static int read_words(struct strlist *to, const char *value)
{
	return strlist_split(to, value, ";, ");
}

static int read_entry(struct family *f, const struct ini_entry *n)
{
	static const char *const known[] = { "method", "gateway", "dns", "dns-search", "may-fail" };
	size_t i;

	if (is_numbered(n->key, "address") || is_numbered(n->key, "addresses") ||
	    is_numbered(n->key, "route") || is_numbered(n->key, "routes") ||
	    is_numbered(n->key, "routing-rule") || str_ends(n->key, "_options"))
		return 0;
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(known[i], n->key) == 0)
			return 0;
	return *n->value ? extra(f, n) : 0;
}

/* Everything of one stem, in the order of the file. */
static int read_stem(struct family *f, const char *stem,
		     int (*read)(struct family *f, const struct ini_entry *n))
{
	size_t i, k;

	for (i = 0; i < f->f->section_count; i++) {
		const struct ini_section *s = &f->f->sections[i];

		if (strcmp(s->name, f->section) != 0)
			continue;
		for (k = 0; k < s->entry_count; k++)
			if ((!stem || is_numbered(s->entries[k].key, stem)) &&
			    read(f, &s->entries[k]) < 0)
				return -1;
	}
	return 0;
}

static enum net_method method_of(const struct family *f)
{
	const char *method = ini_get(f->f, f->section, "method");
	bool any = net_has_addresses(f->l, f->v6);

	if (!method || strcmp(method, "auto") == 0)
		return f->v6 ? NET_AUTO : NET_DHCP;
	if (strcmp(method, "dhcp") == 0 && f->v6)
		return NET_DHCP;
	return any && strcmp(method, "manual") == 0 ? NET_STATIC : NET_OFF;
}

int nm_read_family(struct net_link *l, const struct ini_file *ini, bool v6)
{
	struct family f = { l, ini, v6, v6 ? "ipv6" : "ipv4" };
	const char *gateway = ini_get(ini, f.section, "gateway"),
		   *dns = ini_get(ini, f.section, "dns"),
		   *search = ini_get(ini, f.section, "dns-search"),
		   *method = ini_get(ini, f.section, "method");
	struct net_route r = { .to = (char *)(v6 ? "::/0" : "0.0.0.0/0"), .via = (char *)gateway };

	if (read_stem(&f, "address", read_address) < 0 ||
	    read_stem(&f, "addresses", read_address) < 0)
		return -1;
	*(v6 ? &l->v6 : &l->v4) = method_of(&f);
	if (gateway && net_is_address(gateway) && !(v6 ? l->gateway6 : l->gateway4) &&
	    net_take_route(l, &r) < 0)
		return -1;
	/* NetworkManager makes the way to a gateway outside by itself */
	if (!v6 && l->gateway4)
		l->is_onlink4 = net_needs_onlink(l, l->gateway4);
	if (v6 && l->gateway6)
		l->is_onlink6 = net_needs_onlink(l, l->gateway6);
	if ((dns && read_words(&l->dns, dns) < 0) || (search && read_words(&l->search, search) < 0))
		return -1;
	if (method && (strcmp(method, "shared") == 0 || strcmp(method, "ignore") == 0) &&
	    strlist_addf(&l->extra, "[%s] method=%s", f.section, method) < 0)
		return -1;
	if (read_stem(&f, "route", read_route) < 0 || read_stem(&f, "routes", read_route) < 0 ||
	    read_stem(&f, "routing-rule", read_rule) < 0)
		return -1;
	return read_stem(&f, NULL, read_entry);
}
