/* SPDX-License-Identifier: MIT */
/* The settings of one .netdev file: systemd.netdev(5). */
#include <string.h>

#include "rewrite/net_networkd_priv.h"

static int add_option(struct net_link *l, const struct net_option *o, const struct ini_entry *n)
{
	int yes = net_bool(n->value);
	char *list cleanup_free = NULL, *s;
	uint64_t ms;

	switch (o->type) {
	case OPTION_BOOL:
		if (yes >= 0)
			return strlist_addf(&l->options, "%s=%s", o->name, yes ? "yes" : "no");
		break;
	case OPTION_MS:
		if (networkd_span(n->value, &ms))
			return strlist_addf(&l->options, "%s=%llu", o->name,
					    (unsigned long long)ms);
		break;
	case OPTION_SECONDS:
		if (networkd_span(n->value, &ms) && ms % 1000 == 0)
			return strlist_addf(&l->options, "%s=%llu", o->name,
					    (unsigned long long)ms / 1000);
		break;
	case OPTION_LIST:
		list = strdup(n->value);
		for (s = list; s && *s; s++)
			if (*s == ' ')
				*s = ',';
		return list ? strlist_addf(&l->options, "%s=%s", o->name, list) : -1;
	case OPTION_TEXT:
		return strlist_addf(&l->options, "%s=%s", o->name, n->value);
	}
	return strlist_addf(&l->extra, "%s=%s", n->key, n->value);
}

static int read_netdev_entry(struct net_link *l, const char *section, const struct ini_entry *n)
{
	uint32_t number;
	char mac[18];
	size_t i;

	if (strcmp(section, "NetDev") == 0) {
		if (strcmp(n->key, "Name") == 0 || strcmp(n->key, "Description") == 0 ||
		    (strcmp(n->key, "Kind") == 0 && l->kind != NET_OTHER))
			return 0;
		if (strcmp(n->key, "MTUBytes") == 0 && parse_u32(n->value, &number) == 0) {
			l->mtu = l->mtu ? l->mtu : number;
			return 0;
		}
		if (strcmp(n->key, "MACAddress") == 0 && net_mac_of(n->value, mac) && !l->set_mac) {
			l->set_mac = strdup(mac);
			return l->set_mac ? 0 : -1;
		}
	}
	if (l->kind == NET_VLAN && strcmp(section, "VLAN") == 0 && strcmp(n->key, "Id") == 0 &&
	    parse_u32(n->value, &number) == 0) {
		l->vlan_id = number;
		return 0;
	}
	for (i = 0; i < net_option_count; i++)
		if (net_options[i].kind == l->kind &&
		    strcmp(net_options[i].networkd, n->key) == 0 &&
		    strcmp(section, l->kind == NET_BOND ? "Bond" : "Bridge") == 0)
			return add_option(l, &net_options[i], n);
	return strcmp(section, "Match") == 0
		       ? 0
		       : strlist_addf(&l->extra, "[%s] %s=%s", section, n->key, n->value);
}

int networkd_read_netdev(struct net_model *m, const struct networkd_unit *u, struct err *e)
{
	const char *name = networkd_get(u, "NetDev", "Name"),
		   *kind = networkd_get(u, "NetDev", "Kind");
	struct net_link *l;
	unsigned i;
	size_t s, n;

	if (!u->part_count)
		return 0;
	if (str_is_empty(name) || str_is_empty(kind))
		return strlist_addf(&m->notes, "%s names no link or kind and is not used",
				    u->parts[0].path) < 0
			       ? err_set(e, ERR_NOMEM, 0, "%s", u->base)
			       : 0;
	if (!net_find(m, name) && m->link_count >= NET_LINKS_MAX)
		return err_set(e, ERR_LIMIT, 0, "more than %d links", NET_LINKS_MAX);
	l = net_link_get(m, name);
	if (!l)
		return err_set(e, ERR_NOMEM, 0, "%s", u->base);
	l->kind = strcmp(kind, "bond") == 0	? NET_BOND
		  : strcmp(kind, "bridge") == 0 ? NET_BRIDGE
		  : strcmp(kind, "vlan") == 0	? NET_VLAN
						: NET_OTHER;
	for (i = 0; i < u->part_count; i++)
		for (s = 0; s < u->parts[i].ini.section_count; s++) {
			const struct ini_section *section = &u->parts[i].ini.sections[s];

			for (n = 0; n < section->entry_count; n++)
				if (read_netdev_entry(l, section->name, &section->entries[n]) < 0)
					return err_set(e, ERR_NOMEM, 0, "%s", u->base);
		}
	return 0;
}
