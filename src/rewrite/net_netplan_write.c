/* SPDX-License-Identifier: MIT */
/* The model in one file of netplan: the file and its sections. */
#include <string.h>

#include "rewrite/net_netplan.h"

#define PATH "/etc/netplan/10-rehost.yaml"

static const char *section_of(const struct netplan_writer *w, const struct net_link *l)
{
	if (l->kind != NET_OTHER)
		return netplan_section(l->kind);
	if (w->speaks_yaml && l->extra.count && str_starts(l->extra.items[0], NETPLAN_SECTION))
		return l->extra.items[0] + strlen(NETPLAN_SECTION);
	return NULL;
}

/* Ports and parents that the model has no link for: netplan refuses all of it when one is not defined. */
static void add_undefined(struct netplan_writer *w, struct strlist *done, const char *name)
{
	const struct net_link *l = net_find(w->m, name);
	char id[64];

	if ((l && section_of(w, l)) || strlist_has(done, name))
		return;
	if (!done->count && !strstr(strbuf_str(w->b), "\n  ethernets:\n"))
		netplan_line(w, 1, "ethernets", NULL);
	netplan_line(w, 2, netplan_id(id, sizeof(id), name), NULL);
	netplan_truth(w, 3, "dhcp4", false);
	if (strlist_add(done, name) < 0)
		w->failed = true;
}

static void write_undefined(struct netplan_writer *w)
{
	struct strlist done cleanup_strlist = STRLIST_INIT;
	unsigned i;
	size_t k;

	for (i = 0; i < w->m->link_count; i++) {
		const struct net_link *l = &w->m->links[i];

		for (k = 0; netplan_options(l->kind) && k < l->ports.count; k++)
			add_undefined(w, &done, l->ports.items[k]);
		if (l->kind == NET_VLAN && l->parent)
			add_undefined(w, &done, l->parent);
	}
}

static bool can_be_written(struct netplan_writer *w, const struct net_link *l)
{
	if (l->kind == NET_VLAN && (!l->parent || !l->vlan_id)) {
		netplan_loss(w, l, "a VLAN without a link or an id; it is left out");
		return false;
	}
	if (!section_of(w, l)) {
		netplan_loss(w, l, "netplan has no word for what this link is; it is left out");
		return false;
	}
	return true;
}

static void write_section(struct netplan_writer *w, const char *section)
{
	bool begun = false;
	unsigned i;

	for (i = 0; i < w->m->link_count; i++) {
		const struct net_link *l = &w->m->links[i];

		if (!section_of(w, l) || strcmp(section_of(w, l), section) != 0 ||
		    !can_be_written(w, l))
			continue;
		if (!begun)
			netplan_line(w, 1, section, NULL);
		begun = true;
		netplan_link(w, l);
	}
	if (strcmp(section, "ethernets") == 0)
		write_undefined(w);
}

/* Sections of links that are none of the four, each once, where its first link stands. */
static void write_others(struct netplan_writer *w)
{
	struct strlist done cleanup_strlist = STRLIST_INIT;
	unsigned i;

	for (i = 0; i < w->m->link_count; i++) {
		const struct net_link *l = &w->m->links[i];
		const char *section = section_of(w, l);

		if (l->kind != NET_OTHER || (section && strlist_has(&done, section)))
			continue;
		if (!section)
			(void)can_be_written(w, l);
		else if (strlist_add(&done, section) < 0)
			w->failed = true;
		else
			write_section(w, section);
	}
}

/* What renders in the tree now; without files there: netplan's default. */
static bool renders_by_nm(const struct root *root)
{
	struct strlist paths cleanup_strlist = STRLIST_INIT;
	struct ynode *all cleanup_ynode = root ? netplan_tree(root, &paths, NULL) : NULL;
	const struct ynode *network = all ? ynode_get(all, "network") : NULL;

	return network && strcmp(netplan_renderer(network), "NetworkManager") == 0;
}

int netplan_write(struct net_output *o, const struct net_model *m, const struct root *root,
		  struct err *e)
{
	struct net_file *f = net_file_add(o, PATH, 0600);
	struct netplan_writer w = { .o = o, .m = m };
	enum net_kind kind;

	if (!f)
		return err_set(e, ERR_NOMEM, 0, PATH);
	w.b = &f->text;
	w.is_nm = renders_by_nm(root);
	w.leaves_onlink = w.is_nm && !nm_knows_onlink(nm_version(root));
	w.speaks_yaml = m->renderer != NULL;
	strbuf_adds(w.b, "network:\n  version: 2\n");
	netplan_line(&w, 1, "renderer", w.is_nm ? "NetworkManager" : "networkd");
	for (kind = NET_CARD; kind < NET_OTHER; kind++)
		write_section(&w, netplan_section(kind));
	write_others(&w);
	if (w.is_nm && strlist_add(&o->units, "NetworkManager.service") < 0)
		w.failed = true;
	return w.failed || w.b->failed ? err_set(e, ERR_NOMEM, 0, PATH) : 0;
}
