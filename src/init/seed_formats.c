/* SPDX-License-Identifier: MIT */
/* Reads the three network documents; seed_net.c writes the words. */
#include <string.h>

#include "init/seed_priv.h"

static bool is_default(const char *to, const char *mask)
{
	return strcmp(to, "default") == 0 || strcmp(to, "0.0.0.0/0") == 0 ||
	       strcmp(to, "::/0") == 0 ||
	       (strcmp(to, "0.0.0.0") == 0 && (!*mask || strcmp(mask, "0.0.0.0") == 0)) ||
	       (strcmp(to, "::") == 0 &&
		(!*mask || strcmp(mask, "::") == 0 || strcmp(mask, "0") == 0));
}

/* The names that three formats have for the fields of a route. */
static const char *route_to(const json_t *r)
{
	static const char *const keys[] = { "to", "network", "destination" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (*seed_text(r, keys[i]))
			return seed_text(r, keys[i]);
	return "";
}

static const char *route_via(const json_t *r)
{
	return *seed_text(r, "via") ? seed_text(r, "via") : seed_text(r, "gateway");
}

/* Gateway of the default route of a family in a list of routes, or "". */
static const char *default_via(const json_t *routes, bool v6)
{
	json_t *r;
	size_t i;

	json_array_foreach(routes, i, r)
	{
		const char *via = route_via(r);

		if (is_default(route_to(r), seed_text(r, "netmask")) && !strchr(via, ':') == !v6)
			return via;
	}
	return "";
}

static void other_routes(struct seed_net *s, const struct seed_link *l, const json_t *routes)
{
	json_t *r;
	size_t i;

	json_array_foreach(routes, i, r)
	{
		if (!is_default(route_to(r), seed_text(r, "netmask")))
			seed_net_route(s, l, route_to(r), seed_text(r, "netmask"), route_via(r));
	}
}

/* ---- version 1: a list of things with subnets ---- */

static void v1_subnet(struct seed_net *s, const struct seed_link *l, const json_t *subnet)
{
	static const char *const methods[][2] = {
		{ "dhcp", "dhcp" },
		{ "dhcp4", "dhcp" },
		{ "dhcp6", "dhcp6" },
		{ "ipv6_slaac", "auto6" },
		{ "ipv6_dhcpv6-stateless", "auto6" },
		{ "ipv6_dhcpv6-stateful", "dhcp6" },
	};
	const char *type = seed_text(subnet, "type"), *address = seed_text(subnet, "address");
	const char *gateway = seed_text(subnet, "gateway");
	json_t *routes = json_object_get(subnet, "routes");

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (strcmp(type, methods[i][0]) == 0)
			seed_net_method(s, l, methods[i][1]);
	if (str_starts(type, "static")) {
		if (!*gateway)
			gateway = default_via(routes, strchr(address, ':'));
		seed_net_address(s, l, address, seed_text(subnet, "netmask"), gateway);
	}
	other_routes(s, l, routes);
	seed_net_dns(s, json_object_get(subnet, "dns_nameservers"));
}

static void v1_item(struct seed_net *s, json_t *item)
{
	const char *type = seed_text(item, "type"), *name = seed_text(item, "name");
	struct seed_link *l = NULL;
	json_t *subnet;
	size_t i;

	if (strcmp(type, "physical") == 0)
		l = seed_net_link(s, name, seed_text(item, "mac_address"), name);
	else if (strcmp(type, "bond") == 0)
		l = seed_net_over(s, type, name, name, json_object_get(item, "bond_interfaces"),
				  json_object_get(item, "params"), seed_text(item, "mtu"));
	else if (strcmp(type, "bridge") == 0)
		l = seed_net_over(s, type, name, name, json_object_get(item, "bridge_interfaces"),
				  NULL, "");
	else if (strcmp(type, "vlan") == 0)
		l = seed_net_vlan(s, name, name, seed_text(item, "vlan_link"),
				  seed_text(item, "vlan_id"));
	else if (strcmp(type, "nameserver") == 0)
		seed_net_dns(s, json_object_get(item, "address"));
	else if (strcmp(type, "route") == 0)
		seed_net_route(s, NULL, route_to(item), seed_text(item, "netmask"),
			       route_via(item));
	if (!l)
		return;
	if (strcmp(type, "bond") != 0)
		seed_net_mtu(l, seed_text(item, "mtu"));
	json_array_foreach(json_object_get(item, "subnets"), i, subnet)
	{
		v1_subnet(s, l, subnet);
	}
}

/* ---- version 2: netplan's words ---- */

static void v2_addresses(struct seed_net *s, struct seed_link *l, json_t *d)
{
	json_t *routes = json_object_get(d, "routes"), *one;
	bool had[2] = { false };
	size_t i;

	seed_net_mtu(l, seed_text(d, "mtu"));
	if (seed_is_true(d, "dhcp4"))
		seed_net_method(s, l, "dhcp");
	if (seed_is_true(d, "dhcp6"))
		seed_net_method(s, l, "dhcp6");
	json_array_foreach(json_object_get(d, "addresses"), i, one)
	{
		/* An address with options is a mapping of one key. */
		const char *address = json_is_object(one)
					      ? json_object_iter_key(json_object_iter(one))
					      : json_string_value(one);
		bool v6 = address && strchr(address, ':');
		const char *gateway = seed_text(d, v6 ? "gateway6" : "gateway4");

		if (!address)
			continue;
		if (!*gateway)
			gateway = default_via(routes, v6);
		seed_net_address(s, l, address, "", had[v6] ? "" : gateway);
		had[v6] = true;
	}
	other_routes(s, l, routes);
	seed_net_dns(s, json_object_get(json_object_get(d, "nameservers"), "addresses"));
}

/* All links of a kind are known before one is used by another, in the order of the calls. */
static void v2_links(struct seed_net *s, json_t *doc, const char *section)
{
	json_t *d;
	const char *id;

	json_object_foreach(json_object_get(doc, section), id, d)
	{
		json_t *match = json_object_get(d, "match");
		const char *name = *seed_text(match, "name") ? seed_text(match, "name") : id;

		if (strcmp(section, "vlans") == 0)
			seed_net_vlan(s, id, id, seed_text(d, "link"), seed_text(d, "id"));
		else if (strcmp(section, "ethernets") == 0)
			seed_net_link(s, id, seed_text(match, "macaddress"), name);
		else
			seed_net_over(s, section[2] == 'n' ? "bond" : "bridge", id, id,
				      json_object_get(d, "interfaces"),
				      json_object_get(d, "parameters"), seed_text(d, "mtu"));
	}
}

static void read_v2(struct seed_net *s, json_t *doc)
{
	static const char *const sections[] = { "ethernets", "bonds", "vlans", "bridges" };
	const char *id;
	json_t *d;

	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		v2_links(s, doc, sections[i]);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		json_object_foreach(json_object_get(doc, sections[i]), id, d)
		{
			struct seed_link *l = seed_net_find(s, id);

			if (l)
				v2_addresses(s, l, d);
		}
	}
}

int seed_network_config(struct strlist *words, json_t *doc)
{
	struct seed_net s = { .words = words };
	json_t *inner = json_object_get(doc, "network"), *list, *item;
	size_t i;

	if (json_is_object(inner))
		doc = inner;
	list = json_object_get(doc, "config");
	json_array_foreach(list, i, item)
	{
		v1_item(&s, item);
	}
	if (!json_is_array(list))
		read_v2(&s, doc);
	return s.failed ? -1 : 0;
}

/* ---- OpenStack: links, networks on them, services ---- */

/* Kinds of links in the order in which they can be built on one another. */
enum os_kind {
	OS_CARD,
	OS_BOND,
	OS_VLAN,
};

static enum os_kind os_kind(const json_t *link)
{
	if (strcmp(seed_text(link, "type"), "bond") == 0)
		return OS_BOND;
	return strcmp(seed_text(link, "type"), "vlan") == 0 ? OS_VLAN : OS_CARD;
}

/* The whole link stands for the options: only known names are taken from it. */
static void os_link(struct seed_net *s, json_t *link)
{
	const char *id = seed_text(link, "id"), *mtu = seed_text(link, "mtu");
	struct seed_link *l = NULL;

	switch (os_kind(link)) {
	case OS_CARD:
		l = seed_net_link(s, id, seed_text(link, "ethernet_mac_address"), "");
		break;
	case OS_VLAN:
		l = seed_net_vlan(s, id, id, seed_text(link, "vlan_link"),
				  seed_text(link, "vlan_id"));
		break;
	case OS_BOND:
		seed_net_over(s, "bond", id, id, json_object_get(link, "bond_links"), link, mtu);
		break;
	}
	if (l)
		seed_net_mtu(l, mtu);
}

static void os_network(struct seed_net *s, json_t *n)
{
	struct seed_link *l = seed_net_find(s, seed_text(n, "link"));
	const char *type = seed_text(n, "type"), *address = seed_text(n, "ip_address");
	json_t *routes = json_object_get(n, "routes"), *service;
	size_t i;

	if (!l)
		return;
	if (strcmp(type, "ipv4_dhcp") == 0)
		seed_net_method(s, l, "dhcp");
	else if (strcmp(type, "ipv6_dhcp") == 0 || strcmp(type, "ipv6_dhcpv6-stateful") == 0)
		seed_net_method(s, l, "dhcp6");
	else if (strcmp(type, "ipv6_slaac") == 0 || strcmp(type, "ipv6_dhcpv6-stateless") == 0)
		seed_net_method(s, l, "auto6");
	else
		seed_net_address(s, l, address, seed_text(n, "netmask"),
				 *seed_text(n, "gateway")
					 ? seed_text(n, "gateway")
					 : default_via(routes, strchr(address, ':')));
	other_routes(s, l, routes);
	json_array_foreach(json_object_get(n, "services"), i, service)
	{
		seed_net_dns(s, json_object_get(service, "address"));
	}
}

int seed_network_data(struct strlist *words, json_t *doc)
{
	struct seed_net s = { .words = words };
	json_t *links = json_object_get(doc, "links"), *one;
	size_t i;

	for (int kind = OS_CARD; kind <= OS_VLAN; kind++) {
		json_array_foreach(links, i, one)
		{
			if ((int)os_kind(one) == kind)
				os_link(&s, one);
		}
	}
	json_array_foreach(json_object_get(doc, "networks"), i, one)
	{
		os_network(&s, one);
	}
	json_array_foreach(json_object_get(doc, "services"), i, one)
	{
		if (strcmp(seed_text(one, "type"), "dns") == 0)
			seed_net_dns(&s, json_object_get(one, "address"));
	}
	return s.failed ? -1 : 0;
}
