/* SPDX-License-Identifier: MIT */
/* netplan: its files, and what of them is active. */
#include <string.h>

#include "rewrite/net_netplan.h"

#define FILES_MAX 256

/* Lowest precedence first (netplan(5)). */
static const char *const dirs[] = { "/lib/netplan", "/etc/netplan", "/run/netplan" };

struct found {
	char *name;
	const char *dir;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct found *)a)->name, ((const struct found *)b)->name);
}

/* The name counts once, with the folder that comes last. */
static int find_name(struct found *found, size_t *count, const char *dir, const char *name)
{
	size_t i;

	for (i = 0; i < *count; i++)
		if (strcmp(found[i].name, name) == 0) {
			found[i].dir = dir;
			return 0;
		}
	if (*count == FILES_MAX)
		return 0;
	found[*count] = (struct found){ strdup(name), dir };
	return found[(*count)++].name ? 0 : -1;
}

/* Paths of all files in the order in which they are merged. -1: no memory. */
static int list_files(const struct root *root, struct strlist *ret)
{
	struct found found[FILES_MAX];
	size_t i, n, count = 0;
	int rc = 0;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		struct strlist names cleanup_strlist = STRLIST_INIT;

		if (!root_is_dir(root, dirs[i]) || root_list(root, dirs[i], &names, NULL) < 0)
			continue;
		for (n = 0; rc == 0 && n < names.count; n++)
			if (str_ends(names.items[n], ".yaml") && names.items[n][0] != '.')
				rc = find_name(found, &count, dirs[i], names.items[n]);
	}
	qsort(found, count, sizeof(*found), by_name);
	for (i = 0; i < count; i++) {
		if (rc == 0)
			rc = strlist_addf(ret, "%s/%s", found[i].dir, found[i].name);
		free(found[i].name);
	}
	return rc;
}

static int note_fault(struct strlist *notes, const char *path, const struct ynode_fault *fault)
{
	if (!notes)
		return 0;
	return strlist_addf(notes, "%s line %u: %s; the file is left out", path, fault->line,
			    fault->why);
}

/* NULL with rc 0: left out, and noted. */
static struct ynode *read_file(const struct root *root, const char *path, struct strlist *notes,
			       int *rc)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct ynode_fault fault = { 0 };
	struct err local = ERR_INIT;
	struct ynode *n;

	if (root_read(root, path, &text, YAML_BYTES_MAX, &local) < 0) {
		*rc = notes ? strlist_addf(notes, "%s cannot be read: %s", path, local.ctx[0]) : 0;
		return NULL;
	}
	n = ynode_parse(strbuf_str(&text), text.len, path, &fault);
	if (n && n->kind == YNODE_MAP)
		return n;
	if (n) {
		fault = (struct ynode_fault){ .line = n->line, .why = "no map" };
		ynode_free(n);
	}
	*rc = note_fault(notes, path, &fault);
	return NULL;
}

struct ynode *netplan_tree(const struct root *root, struct strlist *ret_paths,
			   struct strlist *notes)
{
	struct ynode_fault fault;
	struct ynode *all = ynode_parse("{}", 2, NULL, &fault);
	size_t i, first = ret_paths->count;
	int rc = all ? list_files(root, ret_paths) : -1;

	for (i = first; rc == 0 && i < ret_paths->count; i++) {
		struct ynode *n = read_file(root, ret_paths->items[i], notes, &rc);

		if (n)
			rc = ynode_merge(all, n, notes);
	}
	if (rc == 0)
		return all;
	ynode_free(all);
	return NULL;
}

static int netplan_read(struct net_model *m, const struct root *root, struct err *e)
{
	struct ynode *all cleanup_ynode = netplan_tree(root, &m->files, &m->notes);
	const struct ynode *network = all ? ynode_get(all, "network") : NULL;

	if (!all)
		return err_set(e, ERR_NOMEM, 0, "/etc/netplan");
	return network ? netplan_links(m, network, e) : 0;
}

/*
 * Files that say nothing but "renderer: NetworkManager" leave all to the profiles of NetworkManager: that is what a
 * desktop's file says.
 */
static bool leaves_it_to_nm(const struct root *root)
{
	struct strlist paths cleanup_strlist = STRLIST_INIT;
	struct ynode *all cleanup_ynode = netplan_tree(root, &paths, NULL);
	struct net_model m = { 0 };
	bool ret;

	ret = all && ynode_get(all, "network") &&
	      netplan_links(&m, ynode_get(all, "network"), NULL) == 0 && m.link_count == 0 &&
	      m.renderer && strcmp(m.renderer, "NetworkManager") == 0;
	net_done(&m);
	return ret;
}

/* netplan needs no enabled unit: its generator acts whenever there is a file. */
static bool netplan_is_active(const struct root *root, bool whole)
{
	static const char *const generator[] = { "/usr/lib/systemd/system-generators/netplan",
						 "/lib/systemd/system-generators/netplan", NULL };

	return net_dir_has(root, "/etc/netplan", ".yaml") &&
	       (!whole || net_any_exists(root, generator)) && !leaves_it_to_nm(root);
}

const struct net_backend net_netplan = { "netplan", netplan_is_active, netplan_read,
					 netplan_write };
