/* SPDX-License-Identifier: MIT */
/* The settings of one .network file, for one link: systemd.network(5). */
#include <arpa/inet.h>
#include <string.h>

#include "rewrite/net_networkd_priv.h"

/* What decides the methods once everything is read. */
struct settings {
	struct net_link *l;
	struct net_model *m;
	bool dhcp4, dhcp6, is_port, no_link_local, forwards, is_unmanaged;
	int ra; /* -1: not said */
};

static int extra(struct net_link *l, const char *section, const struct ini_entry *n)
{
	return strlist_addf(&l->extra, "[%s] %s=%s", section, n->key, n->value);
}

/* An address with a length; without one networkd takes the old classes. */
static int add_address(struct settings *s, const struct networkd_part *p, const struct ini_entry *n)
{
	char address[INET6_ADDRSTRLEN];
	size_t len = strcspn(n->value, "/");
	uint8_t first;
	char *prefix;
	int rc;

	if (len >= sizeof(address))
		return extra(s->l, "Address", n);
	snprintf(address, sizeof(address), "%.*s", (int)len, n->value);
	prefix = net_prefix_of(n->value, net_is_v6(n->value));
	if (!prefix || strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0) {
		free(prefix); /* "::/64": drawn from a pool */
		return extra(s->l, "Address", n);
	}
	free(prefix);
	if (n->value[len])
		return strlist_add(&s->l->addresses, n->value);
	if (net_is_v6(address))
		return strlist_addf(&s->l->addresses, "%s/128", address);
	if (inet_pton(AF_INET, address, (uint8_t[4]){ 0 }) != 1)
		return extra(s->l, "Address", n);
	first = (uint8_t)strtoul(address, NULL, 10);
	rc = strlist_addf(&s->l->addresses, "%s/%d", address,
			  first < 128	? 8
			  : first < 192 ? 16
					: 24);
	return rc < 0 ? rc
		      : strlist_addf(
				&s->m->notes,
				"%s line %zu: %s has no length, the one of its old class holds",
				p->path, n->line + 1, address);
}

static int set_dhcp(struct settings *s, const struct ini_entry *n)
{
	int both = net_bool(n->value);

	if (strcmp(n->value, "both") == 0)
		both = 1;
	else if (strcmp(n->value, "none") == 0)
		both = 0;
	if (both >= 0)
		s->dhcp4 = s->dhcp6 = both;
	else if (strcmp(n->value, "ipv4") == 0 || strcmp(n->value, "v4") == 0)
		s->dhcp4 = true, s->dhcp6 = false;
	else if (strcmp(n->value, "ipv6") == 0 || strcmp(n->value, "v6") == 0)
		s->dhcp4 = false, s->dhcp6 = true;
	else
		return extra(s->l, "Network", n);
	return 0;
}

/* DNS and Domains: words; an empty value takes back what was said before. */
static int add_words(struct settings *s, struct strlist *to, const struct ini_entry *n, bool is_dns)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (!*n->value) {
		strlist_done(to);
		return 0;
	}
	if (strlist_split(&words, n->value, " \t") < 0)
		return -1;
	for (i = 0; i < words.count; i++) {
		char *word = words.items[i];
		bool plain;

		if (is_dns)
			word[strcspn(word, "#")] = '\0'; /* the name its certificate must have */
		plain = is_dns ? net_is_address(word) : word[0] != '~';
		if ((plain ? strlist_add(to, word)
			   : strlist_addf(&s->l->extra, "[Network] %s=%s", n->key, word)) < 0)
			return -1;
	}
	return 0;
}

static int add_gateway(struct settings *s, const struct ini_entry *n)
{
	struct net_route r = { .to = (char *)(net_is_v6(n->value) ? "::/0" : "0.0.0.0/0"),
			       .via = n->value };

	return net_is_address(n->value) ? net_take_route(s->l, &r) : extra(s->l, "Network", n);
}

static int read_network(struct settings *s, const struct networkd_part *p,
			const struct ini_entry *n)
{
	int yes = net_bool(n->value);

	if (strcmp(n->key, "Address") == 0)
		return add_address(s, p, n);
	if (strcmp(n->key, "Gateway") == 0)
		return add_gateway(s, n);
	if (strcmp(n->key, "DHCP") == 0)
		return set_dhcp(s, n);
	if (strcmp(n->key, "DNS") == 0)
		return add_words(s, &s->l->dns, n, true);
	if (strcmp(n->key, "Domains") == 0)
		return add_words(s, &s->l->search, n, false);
	if (strcmp(n->key, "IPv6AcceptRA") == 0 ||
	    strcmp(n->key, "IPv6AcceptRouterAdvertisements") == 0) {
		s->ra = yes;
		return 0;
	}
	if (strcmp(n->key, "Bond") == 0 || strcmp(n->key, "Bridge") == 0) {
		s->is_port = true; /* the owner's list is made when all links are known */
		return 0;
	}
	if (strcmp(n->key, "VLAN") == 0 || strcmp(n->key, "Description") == 0 ||
	    strcmp(n->key, "PrimarySlave") == 0)
		return 0;
	if (strcmp(n->key, "LinkLocalAddressing") == 0) {
		s->no_link_local = yes == 0 || strcmp(n->value, "ipv4") == 0;
		if (strcmp(n->value, "ipv6") == 0 || (yes == 0 && s->is_port))
			return 0;
	}
	if ((strcmp(n->key, "IPForward") == 0 && (yes == 1 || strcmp(n->value, "ipv6") == 0)) ||
	    (strcmp(n->key, "IPv6Forwarding") == 0 && yes == 1))
		s->forwards = true;
	return extra(s->l, "Network", n);
}

static int read_link_section(struct settings *s, const struct ini_entry *n)
{
	char mac[18];
	uint32_t mtu;

	if (strcmp(n->key, "MTUBytes") == 0 && parse_u32(n->value, &mtu) == 0) {
		s->l->mtu = mtu;
		return 0;
	}
	if (strcmp(n->key, "MACAddress") == 0 && net_mac_of(n->value, mac)) {
		free(s->l->set_mac);
		s->l->set_mac = strdup(mac);
		return s->l->set_mac ? 0 : -1;
	}
	if (strcmp(n->key, "ActivationPolicy") == 0 &&
	    (strcmp(n->value, "manual") == 0 || strcmp(n->value, "down") == 0 ||
	     strcmp(n->value, "always-down") == 0)) {
		s->l->at_boot = false;
		return 0;
	}
	if (strcmp(n->key, "Unmanaged") == 0 && net_bool(n->value) == 1)
		s->is_unmanaged = true;
	return extra(s->l, "Link", n);
}

/* ---- [Address], [Route], [RoutingPolicyRule]: each section is one thing ---------------------------------------- */

static int read_address(struct settings *s, const struct networkd_part *p,
			const struct ini_section *section)
{
	bool had4 = net_has_addresses(s->l, false);
	size_t i;

	for (i = 0; i < section->entry_count; i++) {
		const struct ini_entry *n = &section->entries[i];
		int rc = 0;

		if (strcmp(n->key, "Address") == 0) {
			rc = add_address(s, p, n);
		} else if (strcmp(n->key, "Peer") == 0 && !had4 && !s->l->peer4 &&
			   strchr(n->value, '.')) {
			s->l->peer4 = strndup(n->value, strcspn(n->value, "/"));
			rc = s->l->peer4 ? 0 : -1;
		} else if (strcmp(n->key, "Broadcast") != 0) {
			rc = extra(s->l, section->name, n);
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* A table by number, or by the names that networkd knows; main is the one that needs no word. */
static bool table_of(const char *text, uint32_t *ret)
{
	if (strcmp(text, "main") == 0)
		*ret = 254;
	else if (strcmp(text, "default") == 0)
		*ret = 253;
	else if (strcmp(text, "local") == 0)
		*ret = 255;
	else if (parse_u32(text, ret) < 0)
		return false;
	if (*ret == 254)
		*ret = 0;
	return true;
}

static const char *last_of(const struct ini_section *section, const char *key)
{
	const char *found = NULL;
	size_t i;

	for (i = 0; i < section->entry_count; i++)
		if (strcmp(section->entries[i].key, key) == 0)
			found = section->entries[i].value;
	return found;
}

/* A word of a route that is understood; false: to extra. The texts stay the file's. */
static bool route_word(struct net_route *r, const struct ini_entry *n)
{
	if (strcmp(n->key, "Destination") == 0)
		return true; /* taken before */
	if (strcmp(n->key, "Gateway") == 0) {
		r->via = net_is_address(n->value) ? n->value : NULL;
		return r->via != NULL;
	}
	if (strcmp(n->key, "GatewayOnLink") == 0 || strcmp(n->key, "GatewayOnlink") == 0) {
		r->is_onlink = net_bool(n->value) == 1;
		return true;
	}
	if (strcmp(n->key, "Metric") == 0)
		return parse_u32(n->value, &r->metric) == 0;
	if (strcmp(n->key, "Table") == 0)
		return table_of(n->value, &r->table);
	if (strcmp(n->key, "MTUBytes") == 0)
		return parse_u32(n->value, &r->mtu) == 0;
	if (strcmp(n->key, "PreferredSource") == 0) {
		r->src = net_is_address(n->value) ? n->value : NULL;
		return r->src != NULL;
	}
	if (strcmp(n->key, "Type") == 0) {
		if (strcmp(n->value, "unicast") == 0)
			return true;
		r->type = net_is_ini_word(n->value) ? n->value : NULL;
		return r->type != NULL;
	}
	return strcmp(n->key, "Scope") == 0 && strcmp(n->value, "link") == 0;
}

static int read_route(struct settings *s, const struct networkd_part *p,
		      const struct ini_section *section)
{
	const char *to = last_of(section, "Destination"), *via = last_of(section, "Gateway");
	struct net_route r = { 0 };
	char *prefix cleanup_free = NULL;
	bool understood = true;
	size_t i;

	if (to || (via && net_is_address(via)))
		prefix = net_prefix_of(to ? to : "default", net_is_v6(to ? to : via));
	understood = prefix && (!via || net_is_address(via));
	r.to = prefix;
	for (i = 0; understood && i < section->entry_count; i++)
		if (!route_word(&r, &section->entries[i]) &&
		    extra(s->l, section->name, &section->entries[i]) < 0)
			return -1;
	if (understood)
		return net_take_route(s->l, &r);
	for (i = 0; i < section->entry_count; i++)
		if (extra(s->l, section->name, &section->entries[i]) < 0)
			return -1;
	return strlist_addf(&s->m->notes, "%s line %zu: a route that cannot be told offline",
			    p->path, section->line + 1);
}

static bool take_text(char **to, const char *value, bool *failed)
{
	free(*to);
	*to = strdup(value);
	*failed |= !*to;
	return true;
}

static bool rule_word(struct net_rule *r, const struct ini_entry *n, bool *failed)
{
	bool is_from = strcmp(n->key, "From") == 0;
	char **to = is_from ? &r->from : &r->to;

	if (is_from || strcmp(n->key, "To") == 0) {
		free(*to);
		*to = net_prefix_of(n->value, net_is_v6(n->value));
		r->is_v6 |= net_is_v6(n->value);
		return *to != NULL;
	}
	if (strcmp(n->key, "Table") == 0)
		return table_of(n->value, &r->table);
	if (strcmp(n->key, "Priority") == 0)
		return parse_u32(n->value, &r->priority) == 0;
	if (strcmp(n->key, "FirewallMark") == 0)
		return take_text(&r->fwmark, n->value, failed);
	if (strcmp(n->key, "IncomingInterface") == 0)
		return take_text(&r->iif, n->value, failed);
	if (strcmp(n->key, "Family") == 0) {
		r->is_v6 |= strcmp(n->value, "ipv6") == 0;
		return strcmp(n->value, "both") != 0;
	}
	return false;
}

static int read_rule(struct settings *s, const struct ini_section *section)
{
	struct net_rule *r = net_rule_add(s->l);
	bool failed = !r;
	size_t i;

	for (i = 0; !failed && i < section->entry_count; i++)
		if (!rule_word(r, &section->entries[i], &failed))
			failed |= extra(s->l, section->name, &section->entries[i]) < 0;
	return failed ? -1 : 0;
}

/* ---- the whole file ------------------------------------------------------------------------------------------ */

/* What our writer says beside DHCP is what the model means by it. */
static bool is_implied(const char *section, const struct ini_entry *n)
{
	return (strcmp(section, "DHCPv4") == 0 && strcmp(n->key, "ClientIdentifier") == 0 &&
		strcmp(n->value, "mac") == 0) ||
	       (strcmp(section, "DHCPv6") == 0 && strcmp(n->key, "WithoutRA") == 0 &&
		strcmp(n->value, "solicit") == 0);
}

static int read_entry(struct settings *s, const struct networkd_part *p,
		      const struct ini_section *section, const struct ini_entry *n)
{
	if (strcmp(section->name, "Network") == 0)
		return read_network(s, p, n);
	if (strcmp(section->name, "Link") == 0)
		return read_link_section(s, n);
	if (strcmp(section->name, "Match") == 0 || is_implied(section->name, n))
		return 0;
	return extra(s->l, section->name, n);
}

static int read_section(struct settings *s, const struct networkd_part *p,
			const struct ini_section *section)
{
	size_t i;

	if (strcmp(section->name, "Address") == 0)
		return read_address(s, p, section);
	if (strcmp(section->name, "Route") == 0)
		return read_route(s, p, section);
	if (strcmp(section->name, "RoutingPolicyRule") == 0)
		return read_rule(s, section);
	for (i = 0; i < section->entry_count; i++)
		if (read_entry(s, p, section, &section->entries[i]) < 0)
			return -1;
	return 0;
}

static void set_methods(struct settings *s)
{
	bool v6 = net_has_addresses(s->l, true);

	s->l->v4 = s->dhcp4 ? NET_DHCP : net_has_addresses(s->l, false) ? NET_STATIC : NET_OFF;
	/* systemd.network(5), IPv6AcceptRA=: on, but on hosts that forward and on ports */
	if (s->ra < 0)
		s->ra = !s->is_port && !s->no_link_local && !s->forwards;
	s->l->v6 = s->dhcp6 ? NET_DHCP : s->ra ? NET_AUTO : v6 ? NET_STATIC : NET_OFF;
	if (s->is_unmanaged)
		s->l->at_boot = false;
}

int networkd_read_link(struct net_model *m, struct net_link *l, const struct networkd_unit *u,
		       struct err *e)
{
	struct settings s = { .l = l, .m = m, .ra = -1 };
	unsigned i;
	size_t n;

	l->at_boot = true;
	s.is_port = networkd_get(u, "Network", "Bond") || networkd_get(u, "Network", "Bridge");
	for (i = 0; i < u->part_count; i++)
		for (n = 0; n < u->parts[i].ini.section_count; n++)
			if (read_section(&s, &u->parts[i], &u->parts[i].ini.sections[n]) < 0)
				return err_set(e,
					       l->route_count < NET_ROUTES_MAX &&
							       l->rule_count < NET_ROUTES_MAX
						       ? ERR_NOMEM
						       : ERR_LIMIT,
					       0, "%s", u->parts[i].path);
	set_methods(&s);
	return 0;
}
