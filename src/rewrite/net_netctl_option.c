/* SPDX-License-Identifier: MIT */
/* What the variables of a profile mean: netctl.profile(5), "IP OPTIONS". */
#include <string.h>

#include "rewrite/net_netctl_priv.h"

struct profile {
	struct net_link *l;
	const struct shell_script *f;
	bool failed; /* no memory */
};

static void extra(struct profile *p, const char *name, const char *value)
{
	p->failed |= strlist_addf(&p->l->extra, "%s=%s", name, value) < 0;
}

static const struct strlist *words_of(const struct profile *p, const char *name)
{
	static const struct strlist none;
	const struct shell_setting *v = shell_script_find(p->f, name);

	return v && !v->needs_shell ? &v->words : &none;
}

static bool is(const struct profile *p, const char *name, const char *value)
{
	const char *s = shell_script_value(p->f, name);

	return s && strcmp(s, value) == 0;
}

static void take_methods(struct profile *p)
{
	struct net_link *l = p->l;
	const char *ip6 = shell_script_value(p->f, "IP6");

	if (is(p, "IP", "dhcp"))
		l->v4 = NET_DHCP;
	else if (is(p, "IP", "static"))
		l->v4 = NET_STATIC;
	if (!ip6 || strcmp(ip6, "stateless") == 0 || strcmp(ip6, "dhcp-noaddr") == 0)
		l->v6 = NET_AUTO; /* left out: "the handling of router advertisement packages, which is blocked by 'no'" */
	else if (strcmp(ip6, "dhcp") == 0)
		l->v6 = NET_DHCP;
	else if (strcmp(ip6, "static") == 0)
		l->v6 = NET_STATIC;
	if (ip6 && strcmp(ip6, "dhcp-noaddr") == 0)
		extra(p, "IP6", ip6);
}

/* name: an array that is only used when the family is static (IPv6: or stateless). */
static void take_addresses(struct profile *p, const char *name, bool v6)
{
	const struct strlist *words = words_of(p, name);
	bool used = v6 ? p->l->v6 == NET_STATIC || is(p, "IP6", "stateless")
		       : p->l->v4 == NET_STATIC;
	size_t i;

	for (i = 0; i < words->count; i++) {
		size_t len = strcspn(words->items[i], " \t");
		char *address = strndup(words->items[i], len);

		/* "2001:db8::5/64 nodad": how it is brought up does not count */
		if (!address || !used || net_is_v6(address) != v6 ||
		    !net_take_prefix(p->l, address, &p->failed))
			extra(p, name, words->items[i]);
		p->failed |= !address;
		free(address);
	}
}

static void take_routes(struct profile *p, const char *name, bool v6)
{
	const struct strlist *lines = words_of(p, name);
	size_t i;

	for (i = 0; i < lines->count; i++) {
		struct strlist words cleanup_strlist = STRLIST_INIT;
		struct net_route r;

		p->failed |= strlist_split(&words, lines->items[i], " \t\n") < 0;
		if (net_parse_route(&r, &words, 0, v6, p->l->name) <= 0) {
			extra(p, name, lines->items[i]);
			continue;
		}
		p->failed |= net_take_route(p->l, &r) < 0;
		net_route_done(&r);
	}
}

static void take_gateway(struct profile *p, const char *name, bool v6)
{
	const char *gateway = shell_script_value(p->f, name);
	struct net_route r = { .to = (char *)(v6 ? "::/0" : "0.0.0.0/0"), .via = (char *)gateway };
	bool used = v6 ? p->l->v6 == NET_STATIC || is(p, "IP6", "stateless")
		       : p->l->v4 == NET_STATIC;

	if (!gateway)
		return;
	if (!used || !net_is_address(gateway) || net_is_v6(gateway) != v6)
		extra(p, name, gateway);
	else
		p->failed |= net_take_route(p->l, &r) < 0;
}

/* Lines for ip(8) that come after everything else. */
static void take_custom(struct profile *p)
{
	const struct strlist *lines = words_of(p, "IPCustom");
	size_t i;

	for (i = 0; i < lines->count; i++) {
		struct strlist words cleanup_strlist = STRLIST_INIT;
		int rc = -1;

		if (strlist_add(&words, "ip") == 0 &&
		    strlist_split(&words, lines->items[i], " \t\n") == 0)
			rc = net_take_ip(p->l, &words);
		if (rc == 0)
			extra(p, "IPCustom", lines->items[i]);
		p->failed |= rc < 0;
	}
}

static void take_name_servers(struct profile *p)
{
	static const char *const searches[] = { "DNSDomain", "DNSSearch" };
	const struct strlist *dns = words_of(p, "DNS");
	size_t i;

	for (i = 0; i < dns->count; i++) {
		if (net_is_address(dns->items[i]))
			p->failed |= strlist_add(&p->l->dns, dns->items[i]) < 0;
		else if (*dns->items[i])
			extra(p, "DNS", dns->items[i]);
	}
	for (i = 0; i < ARRAY_SIZE(searches); i++) {
		const char *value = shell_script_value(p->f, searches[i]);

		if (value && !strlist_has(&p->l->search, value))
			p->failed |= strlist_split(&p->l->search, value, " \t") < 0;
	}
}

static void take_mac(struct profile *p)
{
	const char *value = shell_script_value(p->f, "MACAddress");
	char mac[18];

	if (!value)
		return;
	if (!net_mac_of(value, mac))
		extra(p, "MACAddress", value); /* another link's */
	else if (!p->l->set_mac)
		p->failed |= !(p->l->set_mac = strdup(mac));
}

/* "miimon 100 lacp_rate fast": words behind "ip link add type KIND" (ip-link(8)). */
static void take_link_options(struct profile *p)
{
	const char *mode = shell_script_value(p->f, "Mode"),
		   *value = shell_script_value(p->f, "LinkOptions");
	struct strlist words cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (mode && p->l->kind == NET_BOND)
		p->failed |= strlist_addf(&p->l->options, "mode=%s", mode) < 0;
	if (!value || (p->l->kind != NET_BOND && p->l->kind != NET_BRIDGE)) {
		if (value)
			extra(p, "LinkOptions", value);
		return;
	}
	p->failed |= strlist_split(&words, value, " \t\n") < 0;
	for (i = 0; i + 1 < words.count; i += 2) {
		int rc = p->l->kind == NET_BRIDGE
				 ? net_take_bridge_option(p->l, BRIDGE_IP_LINK, words.items[i],
							  words.items[i + 1])
				 : strlist_addf(&p->l->options, "%s=%s", words.items[i],
						words.items[i + 1]) +
					   1;

		if (rc == 0)
			p->failed |= strlist_addf(&p->l->extra, "LinkOptions=%s %s", words.items[i],
						  words.items[i + 1]) < 0;
		p->failed |= rc < 0;
	}
	if (i < words.count)
		extra(p, "LinkOptions", words.items[i]);
}

/* What is neither the network nor taken above. Secrets are never shown. */
static void take_rest(struct profile *p)
{
	static const char *const known[] = { "Interface",
					     "Connection",
					     "BindsToInterfaces",
					     "Description",
					     "IP",
					     "IP6",
					     "Address",
					     "Address6",
					     "Gateway",
					     "Gateway6",
					     "Routes",
					     "Routes6",
					     "IPCustom",
					     "DNS",
					     "DNSDomain",
					     "DNSSearch",
					     "MACAddress",
					     "Mode",
					     "LinkOptions",
					     "VLANID",
					     "After",
					     "WaitOnline",
					     "ForceConnect",
					     "ExcludeAuto",
					     "TimeoutUp",
					     "TimeoutDHCP",
					     "TimeoutDAD",
					     "TimeoutCarrier",
					     "SkipDAD",
					     "Priority",
					     "SkipNoCarrier",
					     "NETCTL_DEBUG",
					     "DHCPClient",
					     "DHCP6Client",
					     "Hostname",
					     "TimeoutWPA",
					     NULL };
	static const char *const secrets[] = { "Key",	     "Password",	 "PIN",
					       "PrivateKey", "WPAConfigSection", NULL };
	size_t i, k;

	for (i = 0; i < p->f->count; i++) {
		const struct shell_setting *v = &p->f->settings[i];

		if ((net_is_one_of(v->name, known) && !v->needs_shell) ||
		    net_is_one_of(v->name, secrets))
			continue;
		for (k = 0; k < v->words.count; k++)
			if (*v->words.items[k])
				extra(p, v->name, v->words.items[k]);
	}
}

int netctl_read_options(struct net_link *l, const struct shell_script *f)
{
	struct profile p = { .l = l, .f = f };

	take_methods(&p);
	take_link_options(&p);
	take_mac(&p);
	take_addresses(&p, "Address", false);
	take_addresses(&p, "Address6", true);
	take_gateway(&p, "Gateway", false);
	take_gateway(&p, "Gateway6", true);
	take_routes(&p, "Routes", false);
	take_routes(&p, "Routes6", true);
	take_custom(&p);
	take_name_servers(&p);
	take_rest(&p);
	net_settle_gateways(l);
	return p.failed ? -1 : 0;
}
