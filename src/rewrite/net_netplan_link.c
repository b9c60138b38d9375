/* SPDX-License-Identifier: MIT */
/* The model in one file of netplan: one link. */
#include <stdio.h>
#include <string.h>

#include "rewrite/net_netplan.h"

void netplan_line(struct netplan_writer *w, unsigned depth, const char *key, const char *value)
{
	strbuf_addf(w->b, "%*s", (int)depth * 2, "");
	yaml_quote(w->b, key);
	strbuf_addc(w->b, ':');
	if (value) {
		strbuf_addc(w->b, ' ');
		yaml_quote(w->b, value);
	}
	strbuf_addc(w->b, '\n');
}

void netplan_truth(struct netplan_writer *w, unsigned depth, const char *key, bool value)
{
	strbuf_addf(w->b, "%*s%s: %s\n", (int)depth * 2, "", key, value ? "true" : "false");
}

static void number(struct netplan_writer *w, unsigned depth, const char *key, uint32_t value)
{
	if (value)
		strbuf_addf(w->b, "%*s%s: %u\n", (int)depth * 2, "", key, (unsigned)value);
}

static void item(struct netplan_writer *w, unsigned depth, const char *value)
{
	strbuf_addf(w->b, "%*s- ", (int)depth * 2, "");
	yaml_quote(w->b, value);
	strbuf_addc(w->b, '\n');
}

static void list(struct netplan_writer *w, unsigned depth, const char *key, const struct strlist *l)
{
	size_t i;

	if (!l->count)
		return;
	netplan_line(w, depth, key, NULL);
	for (i = 0; i < l->count; i++)
		item(w, depth + 1, l->items[i]);
}

void netplan_loss(struct netplan_writer *w, const struct net_link *l, const char *fmt, ...)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&b, fmt, ap);
	va_end(ap);
	if (b.failed || net_loss(w->o, "%s: %s", l->name, strbuf_str(&b)) < 0)
		w->failed = true;
}

/* ---- extra that netplan itself has said ------------------------------------------------------------------------- */

/* The key of a line "key: value" of extra, or NULL: not such a line. */
static const char *value_of(const char *extra, const char *before)
{
	const char *colon;

	if (!str_starts(extra, before))
		return NULL;
	colon = strstr(extra, ": ");
	return colon ? extra + strlen(before) : NULL;
}

static bool is_of_section(const char *extra)
{
	return str_starts(extra, NETPLAN_SECTION);
}

/* True for what stands in a place of its own: match.driver, parameters.path-cost, an address's label. */
static bool has_own_place(const struct netplan_writer *w, const struct net_link *l,
			  const char *extra)
{
	size_t i;

	if (!w->speaks_yaml)
		return false;
	for (i = 0; i < l->addresses.count; i++)
		if (str_starts(extra + (extra[0] == '"'), l->addresses.items[i]))
			return true;
	return is_of_section(extra) || (l->kind == NET_CARD && str_starts(extra, "match.")) ||
	       (netplan_options(l->kind) && str_starts(extra, "parameters.")) ||
	       str_starts(extra, "nameservers.");
}

static bool has_extra(const struct netplan_writer *w, const struct net_link *l, const char *before)
{
	size_t i;

	for (i = 0; w->speaks_yaml && i < l->extra.count; i++)
		if (value_of(l->extra.items[i], before))
			return true;
	return false;
}

static void extras(struct netplan_writer *w, unsigned depth, const struct net_link *l,
		   const char *before)
{
	size_t i;

	for (i = 0; w->speaks_yaml && i < l->extra.count; i++) {
		const char *text = value_of(l->extra.items[i], before);

		if (text)
			strbuf_addf(w->b, "%*s%s\n", (int)depth * 2, "", text);
	}
}

/* The rest of extra: as it is, or a loss. */
static void rest_of_extra(struct netplan_writer *w, const struct net_link *l)
{
	size_t i;

	for (i = 0; i < l->extra.count; i++) {
		const char *text = l->extra.items[i];
		size_t key = strcspn(text, ": .[(");

		if (has_own_place(w, l, text))
			continue;
		if (w->speaks_yaml && text[key] == ':' && text[key + 1] == ' ')
			strbuf_addf(w->b, "      %s\n", text);
		else
			netplan_loss(w, l, "netplan has no word for '%s'; it is left out", text);
	}
}

/* ---- parts of a link -------------------------------------------------------------------------------------------- */

static bool is_port_of(const struct net_link *l, const char *name)
{
	return (l->kind == NET_BOND || l->kind == NET_BRIDGE) && strlist_has(&l->ports, name);
}

static bool is_port(const struct net_model *m, const char *name)
{
	unsigned i;

	for (i = 0; i < m->link_count; i++)
		if (is_port_of(&m->links[i], name))
			return true;
	return false;
}

/* Whether something that comes up at boot needs it. */
static bool is_needed(const struct net_model *m, const char *name)
{
	unsigned i;

	for (i = 0; i < m->link_count; i++) {
		const struct net_link *l = &m->links[i];

		if (l->at_boot && (is_port_of(l, name) || (l->kind == NET_VLAN && l->parent &&
							   strcmp(l->parent, name) == 0)))
			return true;
	}
	return false;
}

/* dev_valid_name() of the kernel, and nothing that is a pattern. */
static bool is_interface_name(const char *name)
{
	return net_is_word(name) && strlen(name) < 16 && !strpbrk(name, ":*?[%") &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* A pattern is no good name for the files that netplan makes of it. */
const char *netplan_id(char *id, size_t size, const char *name)
{
	bool is_pattern = strpbrk(name, "*?[") != NULL;
	size_t n = 0;

	for (; *name && n + 1 < size; name++)
		if (!is_pattern || !strchr("*?[]!^", *name))
			id[n++] = *name;
	id[n] = '\0';
	return n ? id : "all";
}

static void write_match(struct netplan_writer *w, const struct net_link *l)
{
	bool is_pattern = !l->mac && strpbrk(l->name, "*?[");
	bool more = has_extra(w, l, "match.");

	if (l->kind != NET_CARD || (!l->mac && !is_pattern && !more))
		return;
	netplan_line(w, 3, "match", NULL);
	if (l->mac)
		netplan_line(w, 4, "macaddress", l->mac);
	if (is_pattern)
		netplan_line(w, 4, "name", l->name);
	extras(w, 4, l, "match.");
	if (l->mac && is_interface_name(l->name) && !has_extra(w, l, "set-name: "))
		netplan_line(w, 3, "set-name", l->name);
}

/*
 * accept-ra is said in any case, because its default is not the same everywhere; ports have no addresses of their own, and
 * advertisements are not for them unless the model says so.
 */
static void write_methods(struct netplan_writer *w, const struct net_link *l)
{
	bool ra = l->v6 == NET_AUTO || l->v6 == NET_DHCP, port = is_port(w->m, l->name);
	/* NetworkManager below netplan knows "auto", which begins with advertisements, and "by hand" */
	bool dhcp6 = l->v6 == NET_DHCP || (w->is_nm && l->v6 == NET_AUTO && l->addresses.count);

	netplan_truth(w, 3, "dhcp4", l->v4 == NET_DHCP);
	netplan_truth(w, 3, "dhcp6", dhcp6);
	if ((ra || !port) && !has_extra(w, l, "accept-ra: "))
		netplan_truth(w, 3, "accept-ra", ra);
	if (dhcp6 && l->v6 == NET_AUTO)
		netplan_loss(
			w, l,
			"NetworkManager below netplan takes advertisements beside addresses only "
			"with DHCPv6; that is what was written");
	if (w->is_nm && l->v4 == NET_OFF && !port)
		netplan_loss(w, l,
			     "netplan has NetworkManager give a link without IPv4 a link-local "
			     "address (169.254.0.0/16)");
	if (w->is_nm && l->v6 == NET_OFF && !port)
		netplan_loss(
			w, l,
			"netplan cannot tell NetworkManager to ignore router advertisements; IPv6 "
			"is left to the kernel");
}

static void write_addresses(struct netplan_writer *w, const struct net_link *l)
{
	size_t i;

	if (!l->addresses.count)
		return;
	netplan_line(w, 3, "addresses", NULL);
	for (i = 0; i < l->addresses.count; i++) {
		struct strbuf before cleanup_strbuf = STRBUF_INIT;

		yaml_quote(&before, l->addresses.items[i]);
		strbuf_adds(&before, ": ");
		if (has_extra(w, l, strbuf_str(&before))) {
			strbuf_addf(w->b, "        - %s", strbuf_str(&before));
			extras(w, 0, l, strbuf_str(&before));
		} else {
			item(w, 4, l->addresses.items[i]);
		}
	}
}

/* A gateway may lie where no prefix says; DHCP and advertisements bring prefixes that are not known here. */
static bool needs_onlink(const struct net_link *l, const char *via)
{
	bool is_v6 = net_is_v6(via);

	return (net_has_addresses(l, is_v6) || (is_v6 ? l->v6 : l->v4) <= NET_STATIC) &&
	       net_needs_onlink(l, via);
}

static void write_route(struct netplan_writer *w, const struct net_link *l,
			const struct net_route *r)
{
	if (r->type && w->is_nm) {
		netplan_loss(
			w, l,
			"NetworkManager below netplan has no routes of type %s; the one to %s is "
			"left out",
			r->type, r->to);
		return;
	}
	strbuf_adds(w->b, "        - to: ");
	yaml_quote(w->b, r->to);
	strbuf_addc(w->b, '\n');
	if (r->via) {
		netplan_line(w, 5, "via", r->via);
		if ((r->is_onlink || needs_onlink(l, r->via)) &&
		    !(w->leaves_onlink && net_needs_onlink(l, r->via)))
			netplan_truth(w, 5, "on-link", true);
	} else if (!r->type) {
		netplan_line(w, 5, "scope", "link");
	}
	if (r->type)
		netplan_line(w, 5, "type", r->type);
	number(w, 5, "metric", r->metric);
	number(w, 5, "table", r->table);
	number(w, 5, "mtu", r->mtu);
	if (r->src)
		netplan_line(w, 5, "from", r->src);
}

static void write_routes(struct netplan_writer *w, const struct net_link *l)
{
	struct net_route four = { .to = (char *)"0.0.0.0/0",
				  .via = l->gateway4,
				  .is_onlink = l->is_onlink4 },
			 six = { .to = (char *)"::/0",
				 .via = l->gateway6,
				 .is_onlink = l->is_onlink6 };
	unsigned i, lost = 0;

	for (i = 0; w->is_nm && i < l->route_count; i++)
		lost += l->routes[i].type != NULL;
	if (l->gateway4 || l->gateway6 || l->route_count > lost)
		netplan_line(w, 3, "routes", NULL);
	if (l->gateway4)
		write_route(w, l, &four);
	if (l->gateway6)
		write_route(w, l, &six);
	for (i = 0; i < l->route_count; i++)
		write_route(w, l, &l->routes[i]);
	if (l->peer4)
		netplan_loss(w, l, "netplan has no word for the other end %s of its address; %s",
			     l->peer4,
			     l->gateway4 && strcmp(l->gateway4, l->peer4) == 0
				     ? "it is written as a gateway on the link"
				     : "it is left out");
}

static void write_rules(struct netplan_writer *w, const struct net_link *l)
{
	unsigned i;

	if (l->rule_count)
		netplan_line(w, 3, "routing-policy", NULL);
	for (i = 0; i < l->rule_count; i++) {
		const struct net_rule *r = &l->rules[i];

		/* one of both must be there */
		strbuf_addf(w->b, "        - %s: ", r->from || !r->to ? "from" : "to");
		yaml_quote(w->b, r->from    ? r->from
				 : r->to    ? r->to
				 : r->is_v6 ? "::/0"
					    : "0.0.0.0/0");
		strbuf_addc(w->b, '\n');
		if (r->from && r->to)
			netplan_line(w, 5, "to", r->to);
		number(w, 5, "table", r->table);
		number(w, 5, "priority", r->priority);
		if (r->fwmark)
			netplan_line(w, 5, "mark", r->fwmark);
		if (r->iif)
			netplan_loss(
				w, l,
				"netplan has no word for 'iif %s' of a rule; the rule is written "
				"without it",
				r->iif);
	}
}

static void write_nameservers(struct netplan_writer *w, const struct net_link *l)
{
	if (!l->dns.count && !l->search.count && !has_extra(w, l, "nameservers."))
		return;
	netplan_line(w, 3, "nameservers", NULL);
	list(w, 4, "addresses", &l->dns);
	list(w, 4, "search", &l->search);
	extras(w, 4, l, "nameservers.");
}

static void write_option(struct netplan_writer *w, const struct net_link *l, const char *option)
{
	const struct netplan_option *o = netplan_options(l->kind);
	size_t len = strcspn(option, "=");
	const char *value = option + len + (option[len] == '=');
	bool on = strcmp(value, "1") == 0 || strcmp(value, "yes") == 0 || strcmp(value, "on") == 0;
	struct strlist values cleanup_strlist = STRLIST_INIT;

	while (o->ours && (strlen(o->kernel) != len || strncmp(o->kernel, option, len) != 0))
		o++;
	if (!o->ours) {
		netplan_loss(w, l, "netplan has no word for '%s'; it is left out", option);
	} else if (o->form == OPTION_LIST) {
		if (strlist_split(&values, value, ",") < 0)
			w->failed = true;
		list(w, 4, o->ours, &values);
	} else if (o->form == OPTION_01 || o->form == OPTION_STP) {
		netplan_truth(w, 4, o->ours, on);
	} else {
		netplan_line(w, 4, o->ours, value);
	}
}

static void write_members(struct netplan_writer *w, const struct net_link *l)
{
	bool more = has_extra(w, l, "parameters."), has_stp = false;
	char id[64];
	size_t i;

	if (!netplan_options(l->kind))
		return;
	if (l->ports.count)
		netplan_line(w, 3, "interfaces", NULL);
	for (i = 0; i < l->ports.count; i++)
		item(w, 4, netplan_id(id, sizeof(id), l->ports.items[i]));
	if (!l->options.count && !more)
		return;
	netplan_line(w, 3, "parameters", NULL);
	for (i = 0; i < l->options.count; i++) {
		write_option(w, l, l->options.items[i]);
		has_stp |= str_starts(l->options.items[i], "stp=");
	}
	/* Beside other parameters netplan's default is yes, the kernel's is no. */
	if (l->kind == NET_BRIDGE && !has_stp)
		netplan_truth(w, 4, "stp", false);
	extras(w, 4, l, "parameters.");
}

void netplan_link(struct netplan_writer *w, const struct net_link *l)
{
	char id[64];

	netplan_line(w, 2, netplan_id(id, sizeof(id), l->name), NULL);
	write_match(w, l);
	if (l->kind == NET_VLAN) {
		number(w, 3, "id", l->vlan_id);
		netplan_line(w, 3, "link", netplan_id(id, sizeof(id), l->parent));
	}
	write_members(w, l);
	write_methods(w, l);
	write_addresses(w, l);
	write_nameservers(w, l);
	write_routes(w, l);
	write_rules(w, l);
	number(w, 3, "mtu", l->mtu);
	if (l->set_mac)
		netplan_line(w, 3, "macaddress", l->set_mac);
	if (!l->at_boot && !is_needed(w->m, l->name) && !has_extra(w, l, "activation-mode: "))
		netplan_line(w, 3, "activation-mode", "manual");
	rest_of_extra(w, l);
}
