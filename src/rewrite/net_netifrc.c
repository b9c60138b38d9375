/* SPDX-License-Identifier: MIT */
/* netifrc: which links its variables and services are about. */
#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "rewrite/net_netifrc_priv.h"

/* Behind "net." */
static const char *const runlevels[] = { "/etc/runlevels/default", "/etc/runlevels/boot" };
#define SERVICES "/etc/init.d"

struct reader {
	struct net_model *m;
	struct shell_script f;
	struct strlist boot;  /* links that a runlevel starts */
	struct strlist names; /* links that have a service, and what variables name */
	struct err *e;
};

static int nomem(struct reader *r)
{
	return err_set(r->e, ERR_NOMEM, 0, "reading " NETIFRC);
}

bool netifrc_var(const char *link, char buf[NETIFRC_VAR_MAX])
{
	size_t n;

	for (n = 0; link[n] && n + 1 < NETIFRC_VAR_MAX; n++)
		buf[n] = (char)(isalnum((unsigned char)link[n]) ? link[n] : '_');
	buf[n] = '\0';
	return n && !link[n];
}

static int add_name(struct reader *r, struct strlist *to, const char *name)
{
	if (!*name || strcmp(name, "lo") == 0 || strlist_has(to, name) ||
	    to->count >= NET_LINKS_MAX)
		return 0;
	return strlist_add(to, name) < 0 ? nomem(r) : 0;
}

/* net.example: "/etc/init.d/net.eth0" is a link to net.lo, and what a runlevel links to is started. */
static int find_services(struct reader *r, const struct root *root)
{
	const char *dirs[] = { SERVICES, runlevels[0], runlevels[1] };
	size_t i, k;

	for (k = 0; k < ARRAY_SIZE(dirs); k++) {
		struct strlist names cleanup_strlist = STRLIST_INIT;

		if (net_list_files(root, dirs[k], &names, r->e) < 0)
			return -1;
		for (i = 0; i < names.count; i++) {
			const char *name = names.items[i];

			if (!str_starts(name, "net."))
				continue;
			if (add_name(r, &r->names, name + 4) < 0)
				return -1;
			if (k == 0 || strcmp(name, "net.lo") == 0 ||
			    strlist_has(&r->boot, name + 4))
				continue;
			if (add_name(r, &r->boot, name + 4) < 0 ||
			    (strlist_add(&r->m->units, name) < 0 && nomem(r)))
				return -1;
		}
	}
	return 0;
}

/* The link whose variables end in var; the text itself where none is known. */
static const char *name_of(const struct reader *r, const char *var)
{
	char own[NETIFRC_VAR_MAX];
	size_t i;

	for (i = 0; i < r->names.count; i++)
		if (netifrc_var(r->names.items[i], own) && strcmp(own, var) == 0)
			return r->names.items[i];
	return var;
}

/* ---- what others say of a link ----------------------------------------------------------------------------------- */

static const char *value_of(const struct reader *r, const char *stem, const char *var)
{
	char name[2 * NETIFRC_VAR_MAX];

	snprintf(name, sizeof(name), "%s_%s", stem, var);
	return shell_script_value(&r->f, name);
}

/* Names in the values of slaves_, bridge_ and vlans_: the variables alone do not tell "eth0.5" from "eth0_5". */
static int add_words(struct reader *r, const char *value)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (strlist_split(&words, value, " \t\n") < 0)
		return nomem(r);
	for (i = 0; i < words.count; i++)
		if (add_name(r, &r->names, words.items[i]) < 0)
			return -1;
	return 0;
}

/* vlan.sh: eth0_vlan5_name, vlan5_name, else "eth0.5". */
static void vlan_name(const struct reader *r, const char *parent, const char *id, char *buf,
		      size_t size)
{
	char var[NETIFRC_VAR_MAX], key[2 * NETIFRC_VAR_MAX];
	const char *name = NULL;

	if (netifrc_var(parent, var)) {
		snprintf(key, sizeof(key), "%s_vlan%s_name", var, id);
		name = shell_script_value(&r->f, key);
	}
	snprintf(key, sizeof(key), "vlan%s_name", id);
	if (!name)
		name = shell_script_value(&r->f, key);
	if (name)
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "%s.%s", parent, id);
}

static struct net_link *get_link(struct reader *r, const char *name)
{
	struct net_link *l = (struct net_link *)net_find(r->m, name);

	if (!l && (!*name || strcmp(name, "lo") == 0 || r->m->link_count >= NET_LINKS_MAX))
		return NULL;
	return l ? l : net_link_get(r->m, name);
}

/* What is begun with "vlans_": VLANs come up with the link they lie on, unless vlan_start_LINK="no". */
static int read_vlans(struct reader *r, const char *parent, const char *value)
{
	struct strlist ids cleanup_strlist = STRLIST_INIT;
	char name[NETIFRC_VAR_MAX], var[NETIFRC_VAR_MAX] = "";
	const char *start = netifrc_var(parent, var) ? value_of(r, "vlan_start", var) : NULL;
	bool own_service = start && net_bool(start) == 0;
	size_t i;

	if (strlist_split(&ids, value, " \t\n") < 0)
		return nomem(r);
	for (i = 0; i < ids.count; i++) {
		struct net_link *l;
		uint32_t id;

		if (parse_u32(ids.items[i], &id) < 0 || id < 1 || id > 4094)
			continue;
		vlan_name(r, parent, ids.items[i], name, sizeof(name));
		if (add_name(r, &r->names, name) < 0)
			return -1;
		l = get_link(r, name);
		if (!l || l->parent)
			continue;
		l->kind = NET_VLAN;
		l->vlan_id = id;
		l->parent = strdup(parent);
		if (!l->parent)
			return nomem(r);
		l->at_boot = own_service ? strlist_has(&r->boot, name)
					 : !r->boot.count || strlist_has(&r->boot, parent);
	}
	return 0;
}

static int read_ports(struct reader *r, const char *name, enum net_kind kind, const char *value)
{
	struct strlist ports cleanup_strlist = STRLIST_INIT;
	struct net_link *l;
	size_t i;

	if (strlist_split(&ports, value, " \t\n") < 0)
		return nomem(r);
	/* the link itself last: others may move it */
	for (i = 0; i < ports.count; i++)
		if (!get_link(r, ports.items[i]) && r->m->link_count < NET_LINKS_MAX)
			return nomem(r);
	l = get_link(r, name);
	for (i = 0; l && i < ports.count; i++)
		if (!strlist_has(&l->ports, ports.items[i]) &&
		    strlist_add(&l->ports, ports.items[i]) < 0)
			return nomem(r);
	if (l)
		l->kind = kind;
	return 0;
}

static int read_virtual(struct reader *r, enum net_kind kind, const char *var, const char *value)
{
	if (kind == NET_VLAN)
		return read_vlans(r, name_of(r, var), value);
	/* bridge_add_eth0="br0": said by the port */
	if (kind == NET_BRIDGE && str_starts(var, "add_"))
		return *value ? read_ports(r, value, kind, name_of(r, var + 4)) : 0;
	return read_ports(r, name_of(r, var), kind, value);
}

/* Bonds, bridges and VLANs: after this every link has its real name. */
static int read_structure(struct reader *r)
{
	static const struct {
		const char *stem;
		enum net_kind kind;
	} rows[] = { { "slaves_", NET_BOND }, { "bridge_", NET_BRIDGE }, { "vlans_", NET_VLAN } };
	size_t i, k;
	unsigned pass;

	for (pass = 0; pass < 2; pass++)
		for (k = 0; k < ARRAY_SIZE(rows); k++)
			for (i = 0; i < r->f.count; i++) {
				const struct shell_setting *v = &r->f.settings[i];
				const char *value = v->words.count && !v->needs_shell
							    ? v->words.items[0]
							    : "";
				const char *var = v->name + strlen(rows[k].stem);
				int rc = 0;

				/* bridge_forward_delay_br0 is an option */
				if (!str_starts(v->name, rows[k].stem) ||
				    (rows[k].kind == NET_BRIDGE && *value &&
				     isdigit((unsigned char)*value)))
					continue;
				if (pass == 0)
					rc = rows[k].kind == NET_VLAN ? 0 : add_words(r, value);
				else
					rc = read_virtual(r, rows[k].kind, var, value);
				if (rc < 0)
					return -1;
			}
	return 0;
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

/* Links that only have variables of their own. */
static int read_rest(struct reader *r)
{
	static const char *const stems[] = { "config_", "routes_", "mtu_", "mac_" };
	size_t i, k;

	for (i = 0; i < r->f.count; i++)
		for (k = 0; k < ARRAY_SIZE(stems); k++)
			if (str_starts(r->f.settings[i].name, stems[k])) {
				const char *var = r->f.settings[i].name + strlen(stems[k]);
				const char *name = name_of(r, var);

				if (strcmp(name, "lo") != 0 && !get_link(r, name) &&
				    r->m->link_count < NET_LINKS_MAX && *name)
					return nomem(r);
			}
	for (i = 0; i < r->boot.count; i++)
		if (!get_link(r, r->boot.items[i]) && r->m->link_count < NET_LINKS_MAX)
			return nomem(r);
	return 0;
}

/* Of all links: "dns_servers" without a name. */
static int read_global_servers(struct reader *r)
{
	const char *dns = shell_script_value(&r->f, "dns_servers"),
		   *search = shell_script_value(&r->f, "dns_search");
	struct net_link *l = NULL;
	unsigned i;

	for (i = 0; i < r->m->link_count; i++) {
		if (r->m->links[i].dns.count)
			return 0;
		if (!l && (r->m->links[i].gateway4 || r->m->links[i].gateway6))
			l = &r->m->links[i];
	}
	if (!l && r->m->link_count)
		l = &r->m->links[0];
	if (!l)
		return 0;
	if ((dns && strlist_split(&l->dns, dns, " \t\n") < 0) ||
	    (search && !l->search.count && strlist_split(&l->search, search, " \t\n") < 0))
		return nomem(r);
	return 0;
}

/* No runlevel is known (files alone): what the links need. */
static int add_units(struct reader *r)
{
	unsigned i;

	for (i = 0; i < r->m->link_count && !r->boot.count; i++)
		if (r->m->links[i].kind != NET_VLAN && net_is_device_name(r->m->links[i].name) &&
		    strlist_addf(&r->m->units, "net.%s", r->m->links[i].name) < 0)
			return nomem(r);
	return 0;
}

static int read_links(struct reader *r)
{
	unsigned i;

	if (read_structure(r) < 0 || read_rest(r) < 0)
		return -1;
	for (i = 0; i < r->m->link_count; i++) {
		struct net_link *l = &r->m->links[i];
		char var[NETIFRC_VAR_MAX];

		if (l->kind != NET_VLAN)
			l->at_boot = !r->boot.count || strlist_has(&r->boot, l->name) ||
				     net_port_owner(r->m, l->name);
		if (netifrc_var(l->name, var) && netifrc_read_options(l, &r->f, var) < 0)
			return nomem(r);
		/* "config_eth0 not specified; defaulting to DHCP" is not for a port, whose IPv6 is switched off */
		if (!net_port_owner(r->m, l->name))
			continue;
		if (!value_of(r, "config", var))
			l->v4 = NET_OFF;
		if (l->v6 == NET_AUTO)
			l->v6 = NET_OFF;
	}
	return add_units(r) < 0 ? -1 : read_global_servers(r);
}

/* The functions are known; others would be run. */
static void cut_functions(struct strbuf *text)
{
	char *at = text->data ? strstr(text->data, netifrc_functions) : NULL;

	if (at)
		memset(at, '\n', strlen(netifrc_functions));
}

static int netifrc_read(struct net_model *m, const struct root *root, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct reader r = { .m = m, .e = e };
	int rc = find_services(&r, root);

	if (rc == 0 && root_is_file(root, NETIFRC)) {
		rc = root_read(root, NETIFRC, &text, SHELL_SCRIPT_MAX_BYTES, e);
		if (rc == 0) {
			cut_functions(&text);
			rc = net_parse_script(m, NETIFRC, &text, &r.f, e);
		}
	}
	if (rc == 0)
		rc = read_links(&r);
	shell_script_done(&r.f);
	strlist_done(&r.boot);
	strlist_done(&r.names);
	return rc;
}

static bool netifrc_is_active(const struct root *root, bool whole)
{
	static const char *const service[] = { "/etc/init.d/net.lo", NULL };
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i, k;

	if (!whole)
		return root_is_file(root, NETIFRC);
	if (!net_any_exists(root, service))
		return false;
	for (k = 0; k < ARRAY_SIZE(runlevels); k++)
		if (net_list_files(root, runlevels[k], &names, NULL) < 0)
			return false;
	for (i = 0; i < names.count; i++)
		if (str_starts(names.items[i], "net.") && strcmp(names.items[i], "net.lo") != 0)
			return true;
	return false;
}

const struct net_backend net_netifrc = { "netifrc", netifrc_is_active, netifrc_read,
					 netifrc_write };
