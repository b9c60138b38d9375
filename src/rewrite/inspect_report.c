/* SPDX-License-Identifier: MIT */
/* The whole report of a tree: its sections in order, and where its own addresses come from. */
#include <string.h>

#include "rewrite/inspect_priv.h"
#include "rewrite/shellfile.h"

#define SCHEMA_VERSION 1

/* An address of this machine, once. */
static int add_address(struct mentions *m, json_t *list, const char *address, const char *from)
{
	size_t before = m->own_count;
	json_t *o;

	if (mentions_add_own(m, address) < 0)
		return -1;
	if (m->own_count == before)
		return 0;
	o = json_object();
	json_object_set_new(o, "address", json_text(address));
	json_object_set_new(o, "from", json_text(from));
	return json_array_append_new(list, o);
}

/* "fixed-address 192.0.2.5;" of dhclient, "ADDRESS=192.0.2.5" of systemd-networkd and NetworkManager. */
static int take_lease(struct inspect_look *l, const char *path, struct mentions *m, json_t *list)
{
	static const char *const words[] = { "fixed-address ", "iaaddr ", "ADDRESS=" };
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct inspect_lines s;
	size_t i;

	if (!inspect_read(l, path, &text))
		return 0;
	inspect_lines_begin(&s, &text);
	while (inspect_lines_entry(&s))
		for (i = 0; i < ARRAY_SIZE(words); i++) {
			char *address = s.line + strlen(words[i]);

			if (!str_starts(s.line, words[i]))
				continue;
			address[strcspn(address, " ;\t")] = '\0';
			if (add_address(m, list, address, path) < 0)
				return -1;
		}
	return 0;
}

static int take_leases(struct inspect_look *l, struct mentions *m, json_t *list)
{
	static const struct {
		const char *dir, *pattern;
	} places[] = {
		{ "/var/lib/dhcp", "*.leases" },
		{ "/var/lib/dhclient", "*.leases" },
		{ "/var/lib/dhcp3", "*.leases" },
		{ "/var/lib/NetworkManager", "*.lease*" },
		{ "/var/lib/systemd/network", "*lease*" },
	};
	struct strlist files cleanup_strlist = STRLIST_INIT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places); i++)
		inspect_glob(l->root, places[i].dir, places[i].pattern, &files);
	for (i = 0; i < files.count; i++)
		if (take_lease(l, files.items[i], m, list) < 0)
			return -1;
	return 0;
}

/* The address that /etc/hosts gives to the machine's own name. */
static int take_hosts(struct inspect_look *l, struct mentions *m, json_t *list)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct inspect_lines s;
	size_t i;

	if (!l->tree.hostname || !inspect_read(l, "/etc/hosts", &text))
		return 0;
	inspect_lines_begin(&s, &text);
	while (inspect_lines_entry(&s)) {
		struct strlist words cleanup_strlist = STRLIST_INIT;

		s.line[strcspn(s.line, "#")] = '\0';
		if (strlist_split(&words, s.line, " \t") < 0)
			return -1;
		for (i = 1; i < words.count; i++)
			if (strcasecmp(words.items[i], l->tree.hostname) == 0 &&
			    add_address(m, list, words.items[0], "/etc/hosts") < 0)
				return -1;
	}
	return 0;
}

static int take_links(struct inspect_look *l, struct mentions *m, json_t *list)
{
	const char *from = l->net.files.count ? l->net.files.items[0] : l->net.stack;
	unsigned i;
	size_t n;

	for (i = 0; i < l->net.link_count; i++)
		for (n = 0; n < l->net.links[i].addresses.count; n++)
			if (add_address(m, list, l->net.links[i].addresses.items[n], from) < 0)
				return -1;
	return 0;
}

static json_t *mention_json(const struct mention *m)
{
	json_t *o = json_object();

	json_object_set_new(o, "service", json_text(m->service));
	json_object_set_new(o, "file", json_text(m->file));
	json_object_set_new(o, "line", json_integer((json_int_t)m->line));
	json_object_set_new(o, "address", json_text(m->address));
	json_object_set_new(o, "own", json_boolean(m->is_own));
	return o;
}

/* Tables are not read: what they hold is asked of the running server. */
static void note_databases(struct inspect_look *l)
{
	static const char *const mysql[] = { "/var/lib/mysql/mysql", "/var/lib/mysql/mysql.ibd",
					     NULL };

	if (inspect_first(l->root, mysql))
		inspect_note(l, "the grants of MySQL or MariaDB lie in its tables, which are not "
				"read: SELECT user, host FROM mysql.user shows the addresses they "
				"name");
}

json_t *inspect_mentions(struct inspect_look *l)
{
	struct mentions m = { 0 };
	json_t *o = json_object(), *own = json_array(), *places = json_array();
	struct err e = ERR_INIT;
	size_t i;

	if (take_links(l, &m, own) < 0 || take_leases(l, &m, own) < 0 ||
	    take_hosts(l, &m, own) < 0 || mentions_find(&m, l->root, &l->net.files, &e) < 0) {
		json_decref(o);
		json_decref(own);
		json_decref(places);
		mentions_done(&m);
		return NULL;
	}
	for (i = 0; i < m.count; i++)
		json_array_append_new(places, mention_json(&m.items[i]));
	note_databases(l);
	json_object_set_new(o, "addresses", own);
	json_object_set_new(o, "places", places);
	json_object_set_new(o, "files_read", json_integer((json_int_t)m.files));
	json_object_set_new(o, "files_skipped", json_integer((json_int_t)m.skipped));
	json_object_set_new(o, "complete", json_boolean(!m.is_cut));
	mentions_done(&m);
	return o;
}

/* ---- all of it ---- */

static const struct {
	const char *key;
	json_t *(*look)(struct inspect_look *l);
} sections[] = {
	{ "kernels", inspect_kernels }, { "initramfs", inspect_initramfs },
	{ "boot", inspect_boot },	{ "mounts", inspect_mounts },
	{ "storage", inspect_storage }, { "selinux", inspect_selinux },
	{ "network", inspect_network }, { "cloud_init", inspect_cloud_init },
	{ "agents", inspect_agents },	{ "mentions", inspect_mentions },
};

/* A damaged file must not hide the rest. */
static int read_network(struct inspect_look *l, struct err *e)
{
	struct err own = ERR_INIT;

	if (net_read(&l->net, l->root, &own) == 0)
		return 0;
	if (own.code == ERR_NOMEM) {
		if (e)
			*e = own;
		return -1;
	}
	l->net = (struct net_model){ 0 };
	return inspect_note(l, "the network configuration cannot be read: %s",
			    own.nctx ? own.ctx[0] : err_info(own.code)->title);
}

static int look_at_all(struct inspect_look *l, json_t *o, struct err *e)
{
	size_t i;

	json_object_set_new(o, "schema", json_integer(SCHEMA_VERSION));
	json_object_set_new(o, "system", inspect_json(&l->tree));
	for (i = 0; i < ARRAY_SIZE(sections); i++) {
		json_t *part = sections[i].look(l);

		if (!part || json_object_set_new(o, sections[i].key, part) < 0)
			return err_set(e, ERR_NOMEM, 0, "%s", sections[i].key);
	}
	return json_object_set(o, "notes", l->notes) < 0 ? err_set(e, ERR_NOMEM, 0, "notes") : 0;
}

json_t *inspect_report(const struct root *root, struct err *e)
{
	struct inspect_look l = { .root = root, .notes = json_array() };
	json_t *o = json_object();
	int rc = inspect_tree(&l.tree, root, e);

	if (rc == 0) {
		rc = inspect_list_started(&l) < 0 ? err_set(e, ERR_NOMEM, 0, "services") : 0;
		if (rc == 0)
			rc = read_network(&l, e);
		if (rc == 0)
			rc = look_at_all(&l, o, e);
		net_done(&l.net);
		inspect_done(&l.tree);
	}
	strlist_done(&l.started);
	strlist_done(&l.links);
	json_decref(l.notes);
	if (rc == 0)
		return o;
	json_decref(o);
	return NULL;
}
