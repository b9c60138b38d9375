/* SPDX-License-Identifier: MIT */
/* systemd-networkd: /etc/systemd/network and its vendor's folder into the model. */
#include <fnmatch.h>
#include <string.h>

#include "rewrite/net_networkd_priv.h"

struct reader {
	struct net_model *m;
	const struct root *root;
	struct err *e;
	struct networkd_units cards, netdevs, networks; /* .link, .netdev, .network */
	struct strlist taken; /* addresses, names and patterns of earlier .network files */
};

/* What a [Match] asks for. */
struct match {
	struct strlist macs, names, others; /* others: conditions as extra has them */
	bool is_inverted;		    /* "!": all but these names */
	bool is_vendors;		    /* containers, tunnels and the like */
};

static int nomem(struct reader *r)
{
	return err_set(r->e, ERR_NOMEM, 0, "reading /etc/systemd/network");
}

static bool is_pattern(const char *name)
{
	return strpbrk(name, "*?[") != NULL;
}

/* ---- [Match] ---------------------------------------------------------------------------------------------- */

static void match_done(struct match *x)
{
	strlist_done(&x->macs);
	strlist_done(&x->names);
	strlist_done(&x->others);
}

static int add_macs(struct match *x, const struct ini_entry *n)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	char mac[18];
	size_t i;

	if (strlist_split(&words, n->value, " \t,") < 0)
		return -1;
	for (i = 0; i < words.count; i++)
		if (net_mac_of(words.items[i], mac) && !strlist_has(&x->macs, mac) &&
		    strlist_add(&x->macs, mac) < 0)
			return -1;
	return 0;
}

static int add_condition(struct match *x, const struct ini_entry *n)
{
	static const char *const drivers[] = { "veth", "tun", "bridge" };
	size_t i;

	if (strcmp(n->key, "PermanentMACAddress") == 0 || strcmp(n->key, "MACAddress") == 0) {
		if (!*n->value)
			strlist_done(&x->macs);
		return add_macs(x, n);
	}
	if (strcmp(n->key, "Name") == 0 || strcmp(n->key, "OriginalName") == 0) {
		if (!*n->value)
			strlist_done(&x->names);
		x->is_inverted |= n->value[0] == '!';
		return strlist_split(&x->names, n->value + (n->value[0] == '!'), " \t");
	}
	if (strcmp(n->key, "Type") == 0 && strcmp(n->value, "ether") == 0)
		return 0;
	x->is_vendors |= strcmp(n->key, "Virtualization") == 0 || strcmp(n->key, "Kind") == 0 ||
			 strcmp(n->key, "Type") == 0;
	for (i = 0; i < ARRAY_SIZE(drivers) && strcmp(n->key, "Driver") == 0; i++)
		x->is_vendors |= strcmp(n->value, drivers[i]) == 0;
	return strlist_addf(&x->others, "[Match] %s=%s", n->key, n->value);
}

/* *ret_any: there is a condition at all; without one systemd takes no card. */
static int match_read(struct match *x, const struct networkd_unit *u, bool *ret_any)
{
	unsigned i;
	size_t s, n;

	*x = (struct match){ 0 };
	*ret_any = false;
	for (i = 0; i < u->part_count; i++) {
		const struct ini_file *f = &u->parts[i].ini;

		for (s = 0; s < f->section_count; s++) {
			if (strcmp(f->sections[s].name, "Match") != 0)
				continue;
			for (n = 0; n < f->sections[s].entry_count; n++) {
				*ret_any = true;
				if (add_condition(x, &f->sections[s].entries[n]) < 0)
					return -1;
			}
		}
	}
	return 0;
}

/* ---- .link: names and addresses of cards ------------------------------------------------------------------- */

/* The .link that is about the card of that address, or that gives that name. NULL arguments match nothing. */
static const struct networkd_unit *card_unit(struct reader *r, const char *mac, const char *name,
					     char *ret_mac)
{
	unsigned i;

	for (i = 0; i < r->cards.count; i++) {
		const struct networkd_unit *u = &r->cards.items[i];
		const char *gives = networkd_get(u, "Link", "Name");
		struct match x;
		bool any, found;

		if (match_read(&x, u, &any) < 0) {
			match_done(&x);
			return NULL;
		}
		found = (mac && strlist_has(&x.macs, mac)) ||
			(name && gives && strcmp(gives, name) == 0 && x.macs.count == 1);
		if (found && ret_mac)
			snprintf(ret_mac, 18, "%s", mac ? mac : x.macs.items[0]);
		match_done(&x);
		if (found)
			return u;
	}
	return NULL;
}

static int take_card(struct reader *r, struct net_link *l, const struct networkd_unit *u)
{
	const char *set = networkd_get(u, "Link", "MACAddress"),
		   *mtu = networkd_get(u, "Link", "MTUBytes");
	char mac[18];
	uint32_t n;

	if (set && !l->set_mac && net_mac_of(set, mac)) {
		l->set_mac = strdup(mac);
		if (!l->set_mac)
			return nomem(r);
	}
	if (mtu && !l->mtu && parse_u32(mtu, &n) == 0)
		l->mtu = n;
	return 0;
}

/* ---- .network ---------------------------------------------------------------------------------------------- */

/* "10-rehost-wan.network" is called wan. */
static char *label_of_unit(const struct networkd_unit *u)
{
	char *base cleanup_free = strndup(u->base, strlen(u->base) - strlen(".network"));
	const char *s = base;

	if (!base)
		return NULL;
	s += strspn(s, "0123456789");
	if (s > base && *s == '-')
		s++;
	else
		s = base;
	if (str_starts(s, "rehost-"))
		s += strlen("rehost-");
	return net_label_of(s);
}

static bool is_taken(const struct reader *r, const char *key)
{
	size_t i;

	for (i = 0; key && i < r->taken.count; i++)
		if (strcmp(r->taken.items[i], key) == 0 ||
		    (is_pattern(r->taken.items[i]) && fnmatch(r->taken.items[i], key, 0) == 0))
			return true;
	return false;
}

/* One link of the file. mac or name may be NULL, not both. */
static int configure(struct reader *r, struct networkd_unit *u, const struct match *x,
		     const char *mac, const char *name)
{
	const struct networkd_unit *card = NULL;
	char *label cleanup_free = NULL, *chosen cleanup_free = NULL;
	char found[18] = "";
	struct net_link *l;
	size_t i;

	if (name && !is_pattern(name))
		card = card_unit(r, mac, name, found);
	else if (mac)
		card = card_unit(r, mac, NULL, found);
	if (is_taken(r, mac) || is_taken(r, name) || (!mac && *found && is_taken(r, found)))
		return strlist_addf(&r->m->notes, "%s is not used for %s: an earlier file is",
				    u->parts[0].path, mac ? mac : name) < 0
			       ? nomem(r)
			       : 0;
	mac = mac ? mac : *found ? found : NULL;
	if (!name && card)
		name = networkd_get(card, "Link", "Name");
	label = name && (mac ? !is_pattern(name) : true) ? strdup(name) : label_of_unit(u);
	chosen = label ? net_label_free(r->m, label) : NULL;
	if (!chosen || (mac && strlist_add(&r->taken, mac) < 0) ||
	    (name && strlist_add(&r->taken, name) < 0) || strlist_add(&u->links, chosen) < 0)
		return nomem(r);
	if (r->m->link_count >= NET_LINKS_MAX)
		return err_set(r->e, ERR_LIMIT, 0, "more than %d links", NET_LINKS_MAX);
	l = net_link_get(r->m, chosen);
	if (!l || (mac && !(l->mac = strdup(mac))))
		return nomem(r);
	for (i = 0; i < x->others.count; i++)
		if (strlist_add(&l->extra, x->others.items[i]) < 0)
			return nomem(r);
	if (networkd_read_link(r->m, l, u, r->e) < 0)
		return -1;
	return card ? take_card(r, l, card) : 0;
}

/* Files whose cards cannot be told offline have a pattern for a name. */
static int configure_pattern(struct reader *r, struct networkd_unit *u, const struct match *x)
{
	if (strlist_addf(&r->m->notes, "%s is for cards that only the running system knows",
			 u->parts[0].path) < 0)
		return nomem(r);
	return configure(r, u, x, NULL, "*");
}

static int configure_named(struct reader *r, struct networkd_unit *u, const struct match *x)
{
	size_t i;

	for (i = 0; i < x->names.count; i++) {
		const char *name = x->names.items[i];

		if (strcmp(name, "lo") == 0) {
			if (strlist_addf(&r->m->notes, "%s is about lo, which is left as it is",
					 u->parts[0].path) < 0)
				return nomem(r);
			continue;
		}
		if (is_pattern(name) && strlist_addf(&r->m->notes, "%s is for all links named %s",
						     u->parts[0].path, name) < 0)
			return nomem(r);
		if (configure(r, u, x, NULL, name) < 0)
			return -1;
	}
	return 0;
}

static int configure_matches(struct reader *r, struct networkd_unit *u, const struct match *x,
			     bool any)
{
	const char *name = x->names.count == 1 && !x->is_inverted ? x->names.items[0] : NULL;
	size_t i;

	if (!any)
		return strlist_addf(&r->m->notes, "%s has no [Match] and is not used",
				    u->parts[0].path) < 0
			       ? nomem(r)
			       : 0;
	if (networkd_is_vendor(u) && x->is_vendors && !x->macs.count)
		return 0; /* systemd's own, for containers and virtual machines it starts */
	for (i = 0; i < x->macs.count; i++)
		if (configure(r, u, x, x->macs.items[i], x->macs.count == 1 ? name : NULL) < 0)
			return -1;
	if (x->macs.count)
		return 0;
	return x->names.count && !x->is_inverted ? configure_named(r, u, x)
						 : configure_pattern(r, u, x);
}

static int read_networks(struct reader *r)
{
	unsigned i;

	for (i = 0; i < r->networks.count; i++) {
		struct networkd_unit *u = &r->networks.items[i];
		struct match x;
		bool any;
		int rc;

		if (!u->part_count)
			continue;
		rc = match_read(&x, u, &any) < 0 ? nomem(r) : configure_matches(r, u, &x, any);
		match_done(&x);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* ---- who belongs to whom ------------------------------------------------------------------------------------- */

static int join_vlans(struct reader *r, const struct ini_entry *n, const char *parent)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (strlist_split(&names, n->value, " \t") < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		struct net_link *l = (struct net_link *)net_find(r->m, names.items[i]);

		if (!l || l->kind != NET_VLAN || l->parent)
			continue;
		l->parent = strdup(parent);
		if (!l->parent)
			return -1;
	}
	return 0;
}

static int join_port(struct reader *r, const struct networkd_unit *u, const char *owner,
		     const char *port)
{
	struct net_link *l = (struct net_link *)net_find(r->m, owner);
	const char *primary = networkd_get(u, "Network", "PrimarySlave");

	if (!l)
		return strlist_addf(&r->m->notes, "%s: no .netdev makes %s", u->parts[0].path,
				    owner);
	if (strlist_has(&l->ports, port))
		return 0;
	if (l->kind == NET_BOND && primary && net_bool(primary) == 1 &&
	    strlist_addf(&l->options, "primary=%s", port) < 0)
		return -1;
	return strlist_add(&l->ports, port);
}

static int join_section(struct reader *r, const struct networkd_unit *u,
			const struct ini_section *section, const char *link)
{
	size_t i;

	if (strcmp(section->name, "Network") != 0)
		return 0;
	for (i = 0; i < section->entry_count; i++) {
		const struct ini_entry *n = &section->entries[i];
		int rc = 0;

		if (strcmp(n->key, "VLAN") == 0)
			rc = join_vlans(r, n, link);
		else if (*n->value &&
			 (strcmp(n->key, "Bond") == 0 || strcmp(n->key, "Bridge") == 0))
			rc = join_port(r, u, n->value, link);
		if (rc < 0)
			return nomem(r);
	}
	return 0;
}

static int join_links(struct reader *r)
{
	unsigned i, p;
	size_t k, s;

	for (i = 0; i < r->networks.count; i++) {
		const struct networkd_unit *u = &r->networks.items[i];

		for (k = 0; k < u->links.count; k++)
			for (p = 0; p < u->part_count; p++)
				for (s = 0; s < u->parts[p].ini.section_count; s++)
					if (join_section(r, u, &u->parts[p].ini.sections[s],
							 u->links.items[k]) < 0)
						return -1;
	}
	for (i = 0; i < r->m->link_count; i++) {
		struct net_link *l = &r->m->links[i];

		/* what a bridge without ports needs to be up at all, and its writer says */
		if (l->kind == NET_BRIDGE && !l->ports.count) {
			net_list_drop(&l->extra, "[Network] ConfigureWithoutCarrier=yes");
			net_list_drop(&l->extra, "[Link] RequiredForOnline=no");
		}
		if (!l->at_boot)
			net_list_drop(&l->extra, "[Link] RequiredForOnline=no");
	}
	return 0;
}

/* ---- the backend --------------------------------------------------------------------------------------------- */

/* Files of the administrator, and those of the vendor that configure a link. */
static int list_files(struct reader *r, const struct networkd_units *units)
{
	unsigned i, n;

	for (i = 0; i < units->count; i++) {
		const struct networkd_unit *u = &units->items[i];

		if (networkd_is_vendor(u) && !u->links.count)
			continue;
		for (n = 0; n < u->part_count; n++)
			if (strlist_add(&r->m->files, u->parts[n].path) < 0)
				return nomem(r);
	}
	return 0;
}

static int networkd_read(struct net_model *m, const struct root *root, struct err *e)
{
	struct reader r = { .m = m, .root = root, .e = e };
	unsigned i;
	int rc = -1;

	if (networkd_units_read(&r.cards, ".link", m, root, e) < 0 ||
	    networkd_units_read(&r.netdevs, ".netdev", m, root, e) < 0 ||
	    networkd_units_read(&r.networks, ".network", m, root, e) < 0)
		goto end;
	rc = read_networks(&r);
	for (i = 0; rc == 0 && i < r.netdevs.count; i++)
		rc = networkd_read_netdev(m, &r.netdevs.items[i], e);
	if (rc == 0)
		rc = join_links(&r);
	if (rc == 0 && (list_files(&r, &r.cards) < 0 || list_files(&r, &r.netdevs) < 0 ||
			list_files(&r, &r.networks) < 0))
		rc = -1;
end:
	networkd_units_done(&r.cards);
	networkd_units_done(&r.netdevs);
	networkd_units_done(&r.networks);
	strlist_done(&r.taken);
	return rc;
}

/* A .network of the administrator, or one of the vendor's that configures a link. */
static bool has_networks(const struct root *root)
{
	struct net_model m = { 0 };
	bool any = net_dir_has(root, "/etc/systemd/network", ".network") ||
		   networkd_read(&m, root, NULL) < 0 || m.link_count > 0;

	net_done(&m);
	return any;
}

static bool networkd_is_active(const struct root *root, bool whole)
{
	static const char *const enabled[] = {
		"/etc/systemd/system/multi-user.target.wants/systemd-networkd.service",
		"/etc/systemd/system/dbus-org.freedesktop.network1.service", NULL
	};

	return (!whole || net_any_exists(root, enabled)) && has_networks(root);
}

const struct net_backend net_networkd = { "systemd-networkd", networkd_is_active, networkd_read,
					  networkd_write };
