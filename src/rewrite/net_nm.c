/* SPDX-License-Identifier: MIT */
/* NetworkManager's profiles into the model: nm-settings-keyfile(5). */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rewrite/net_nm_priv.h"

struct profile {
	char *path;
	struct ini_file ini;
	char *link;	/* the model's name of what it configures; NULL: not used */
	uint32_t order; /* of the folder: keeps the sorting stable */
};

struct reader {
	struct net_model *m;
	const struct root *root;
	struct err *e;
	struct profile *profiles;
	unsigned count;
};

static int nomem(struct reader *r)
{
	return err_set(r->e, ERR_NOMEM, 0, "reading %s", NM_CONNECTIONS);
}

static int note(struct reader *r, const char *path, const char *what)
{
	return strlist_addf(&r->m->notes, "%s %s", path, what) < 0 ? nomem(r) : 0;
}

/* A value by the new or the old name of its section and key. */
static const char *get(const struct ini_file *f, const char *section, const char *key)
{
	const char *found = ini_get(f, section, key);

	if (!found && strcmp(section, "ethernet") == 0)
		found = ini_get(f, "802-3-ethernet", key);
	if (!found && strcmp(key, "controller") == 0)
		found = ini_get(f, section, "master");
	return found;
}

/* ---- which profiles there are ------------------------------------------------------------------------------ */

/* NetworkManager ignores what others may read: it may hold passwords. A bare folder's modes tell nothing. */
static bool is_secure(const struct stat *st, bool whole)
{
	return !whole || (!(st->st_mode & 077) && st->st_uid == 0);
}

static int add_profile(struct reader *r, const char *path, bool whole)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct profile *grown;
	struct ini_file ini;
	struct stat st;

	if (root_lstat(r->root, path, &st) < 0 || !S_ISREG(st.st_mode))
		return note(r, path, "is no regular file: NetworkManager ignores it");
	if (!is_secure(&st, whole))
		return note(r, path, "is not root's alone (mode 0600): NetworkManager ignores it");
	if (root_read(r->root, path, &text, INI_MAX_BYTES, NULL) < 0 ||
	    ini_parse(&ini, INI_KEYFILE, strbuf_str(&text), text.len, NULL) < 0)
		return note(r, path, "cannot be read");
	if (ini.bad_line != SIZE_MAX) {
		ini_done(&ini);
		return note(r, path, "is no keyfile: NetworkManager ignores it");
	}
	grown = reallocarray(r->profiles, r->count + 1, sizeof(*grown));
	if (!grown) {
		ini_done(&ini);
		return nomem(r);
	}
	r->profiles = grown;
	r->profiles[r->count] =
		(struct profile){ .path = strdup(path), .ini = ini, .order = r->count };
	return r->profiles[r->count++].path && strlist_add(&r->m->files, path) == 0 ? 0 : nomem(r);
}

static int read_folder(struct reader *r, const char *dir, bool is_vendors)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	bool whole = root_is_dir(r->root, "/usr");
	char path[PATH_MAX];
	size_t i;

	if (!root_is_dir(r->root, dir))
		return 0;
	if (root_list(r->root, dir, &names, r->e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		const char *name = names.items[i];

		if (name[0] == '.' || str_ends(name, "~") || str_ends(name, ".nmmeta") ||
		    (is_vendors && !str_ends(name, ".nmconnection")) ||
		    snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
			continue;
		if (r->count >= NET_FILES_MAX)
			return err_set(r->e, ERR_LIMIT, 0, "%s holds too many files", dir);
		if (add_profile(r, path, whole) < 0)
			return -1;
	}
	return 0;
}

static bool is_auto(const struct profile *p)
{
	const char *value = get(&p->ini, "connection", "autoconnect");

	return !value || net_bool(value) != 0;
}

static long priority(const struct profile *p)
{
	const char *value = get(&p->ini, "connection", "autoconnect-priority");

	return value ? strtol(value, NULL, 10) : 0;
}

/* The one that NetworkManager would choose for a card comes first. */
static int by_priority(const void *x, const void *y)
{
	const struct profile *a = x, *b = y;

	if (is_auto(a) != is_auto(b))
		return is_auto(a) ? -1 : 1;
	if (priority(a) != priority(b))
		return priority(a) > priority(b) ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

/* ---- one profile ------------------------------------------------------------------------------------------- */

static bool kind_of(const char *type, enum net_kind *ret)
{
	static const struct {
		const char *type;
		enum net_kind kind;
	} rows[] = {
		{ "ethernet", NET_CARD }, { "802-3-ethernet", NET_CARD }, { "bond", NET_BOND },
		{ "bridge", NET_BRIDGE }, { "vlan", NET_VLAN },
	};
	size_t i;

	for (i = 0; type && i < ARRAY_SIZE(rows); i++)
		if (strcmp(type, rows[i].type) == 0) {
			*ret = rows[i].kind;
			return true;
		}
	return false;
}

/* "rehost-wan.nmconnection" is called wan. */
static char *label_of_path(const char *path)
{
	const char *base = strrchr(path, '/') + 1;
	size_t len = strlen(base);
	char *cut, *ret;

	if (str_starts(base, "rehost-")) {
		base += strlen("rehost-");
		len -= strlen("rehost-");
	}
	if (str_ends(base, ".nmconnection"))
		len -= strlen(".nmconnection");
	cut = strndup(base, len);
	ret = cut ? net_label_of(cut) : NULL;
	free(cut);
	return ret;
}

/* The link it is for; NULL and 0: of an earlier profile, with a note. */
static int link_of(struct reader *r, struct profile *p, enum net_kind kind, struct net_link **ret)
{
	const char *name = get(&p->ini, "connection", "interface-name");
	const char *text = kind == NET_CARD ? get(&p->ini, "ethernet", "mac-address") : NULL;
	char *label cleanup_free = NULL, *chosen cleanup_free = NULL;
	char mac[18] = "";

	*ret = NULL;
	if (text && !net_mac_of(text, mac))
		return note(r, p->path, "names a card by an address that is none");
	if (name && !net_is_device_name(name))
		return note(r, p->path, "names a link that cannot be");
	if (!name && kind != NET_CARD)
		return note(r, p->path, "makes a link without a name");
	if ((name && net_find(r->m, name)) || (*mac && net_find_mac(r->m, mac)))
		return note(r, p->path, "is not used: another profile comes first");
	if (!name && !*mac && note(r, p->path, "is for any Ethernet card") < 0)
		return -1;
	if (!name && !*mac && net_find(r->m, "*"))
		return 0;
	label = name ? strdup(name) : *mac ? label_of_path(p->path) : strdup("*");
	chosen = label ? net_label_free(r->m, label) : NULL;
	if (r->m->link_count >= NET_LINKS_MAX)
		return err_set(r->e, ERR_LIMIT, 0, "more than %d links", NET_LINKS_MAX);
	*ret = chosen ? net_link_get(r->m, chosen) : NULL;
	if (!*ret || (*mac && !((*ret)->mac = strdup(mac))))
		return nomem(r);
	(*ret)->kind = kind;
	p->link = ptr_take(chosen);
	return 0;
}

static int read_options(struct net_link *l, const struct ini_section *s)
{
	size_t i, k;

	for (i = 0; i < s->entry_count; i++) {
		const struct ini_entry *n = &s->entries[i];
		int yes = net_bool(n->value), rc = 0;

		if (l->kind == NET_BOND) {
			rc = strlist_addf(&l->options, "%s=%s", n->key, n->value);
		} else {
			for (k = 0; k < net_option_count; k++)
				if (net_options[k].keyfile &&
				    strcmp(net_options[k].keyfile, n->key) == 0)
					break;
			if (k == net_option_count)
				rc = strlist_addf(&l->extra, "[%s] %s=%s", s->name, n->key,
						  n->value);
			else
				rc = strlist_addf(&l->options, "%s=%s", net_options[k].name,
						  net_options[k].type != OPTION_BOOL ? n->value
						  : yes == 1			     ? "yes"
										     : "no");
		}
		if (rc < 0)
			return -1;
	}
	/* unlike the kernel's, a bridge of NetworkManager's has it unless told otherwise */
	if (l->kind == NET_BRIDGE &&
	    !ini_get(&(struct ini_file){ (struct ini_section *)s, 1, 0 }, "bridge", "stp"))
		return strlist_add(&l->options, "stp=yes");
	return 0;
}

/* What is read elsewhere, or says nothing of the network. */
static bool is_known(const char *section, const char *key)
{
	static const char *const known[] = {
		"connection.id",
		"connection.uuid",
		"connection.type",
		"connection.interface-name",
		"connection.autoconnect",
		"connection.autoconnect-priority",
		"connection.timestamp",
		"connection.controller",
		"connection.master",
		"connection.port-type",
		"connection.slave-type",
		"ethernet.mac-address",
		"ethernet.cloned-mac-address",
		"ethernet.mtu",
		"vlan.id",
		"vlan.parent",
		"vlan.flags",
	};
	char name[80];
	size_t i;

	if (strcmp(section, "802-3-ethernet") == 0)
		section = "ethernet";
	if (snprintf(name, sizeof(name), "%s.%s", section, key) >= (int)sizeof(name))
		return false;
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(known[i], name) == 0)
			return true;
	return strcmp(section, "ipv4") == 0 || strcmp(section, "ipv6") == 0;
}

static int read_link(struct net_link *l, const struct profile *p)
{
	const char *mtu = get(&p->ini, "ethernet", "mtu"), *id = get(&p->ini, "vlan", "id"),
		   *set = get(&p->ini, "ethernet", "cloned-mac-address");
	char mac[18];
	uint32_t number;
	size_t i, n;

	l->at_boot = is_auto(p);
	if (mtu && parse_u32(mtu, &number) == 0)
		l->mtu = number;
	if (l->kind == NET_VLAN && id && parse_u32(id, &number) == 0)
		l->vlan_id = number;
	if (set && net_mac_of(set, mac)) {
		l->set_mac = strdup(mac);
		if (!l->set_mac)
			return -1;
	} else if (set && strlist_addf(&l->extra, "[ethernet] cloned-mac-address=%s", set) < 0) {
		return -1;
	}
	for (i = 0; i < p->ini.section_count; i++) {
		const struct ini_section *s = &p->ini.sections[i];

		if ((l->kind == NET_BOND && strcmp(s->name, "bond") == 0) ||
		    (l->kind == NET_BRIDGE && strcmp(s->name, "bridge") == 0)) {
			if (read_options(l, s) < 0)
				return -1;
			continue;
		}
		for (n = 0; n < s->entry_count; n++)
			if (!is_known(s->name, s->entries[n].key) &&
			    strlist_addf(&l->extra, "[%s] %s=%s", s->name, s->entries[n].key,
					 s->entries[n].value) < 0)
				return -1;
	}
	/* a port has neither section, and no addresses */
	if (get(&p->ini, "connection", "controller"))
		return 0;
	return nm_read_family(l, &p->ini, false) < 0 || nm_read_family(l, &p->ini, true) < 0 ? -1
											     : 0;
}

/* ---- who belongs to whom ------------------------------------------------------------------------------------- */

/* A link by the name of its interface, or by its profile's UUID. */
static struct net_link *find_link(struct reader *r, const char *word)
{
	unsigned i;

	for (i = 0; i < r->count; i++) {
		const char *uuid = get(&r->profiles[i].ini, "connection", "uuid");

		if (uuid && r->profiles[i].link && strcasecmp(uuid, word) == 0)
			return (struct net_link *)net_find(r->m, r->profiles[i].link);
	}
	return (struct net_link *)net_find(r->m, word);
}

static int join_links(struct reader *r)
{
	unsigned i;

	for (i = 0; i < r->count; i++) {
		const struct profile *p = &r->profiles[i];
		const char *owner = get(&p->ini, "connection", "controller"),
			   *parent = get(&p->ini, "vlan", "parent");
		struct net_link *l = p->link ? find_link(r, p->link) : NULL, *to;

		if (!l)
			continue;
		to = owner ? find_link(r, owner) : NULL;
		if (owner && !to && note(r, p->path, "is a port of what no profile makes") < 0)
			return -1;
		if (to && strlist_add(&to->ports, l->name) < 0)
			return nomem(r);
		if (l->kind == NET_VLAN && parent) {
			to = find_link(r, parent);
			l->parent = strdup(to ? to->name : parent);
			if (!l->parent)
				return nomem(r);
		}
	}
	return 0;
}

static int read_profile(struct reader *r, struct profile *p)
{
	const char *type = get(&p->ini, "connection", "type");
	struct net_link *l;
	enum net_kind kind;

	if (!kind_of(type, &kind))
		return type && strcmp(type, "loopback") == 0
			       ? 0
			       : note(r, p->path, "is of a type that rehost does not know");
	if (link_of(r, p, kind, &l) < 0)
		return -1;
	return l && read_link(l, p) < 0 ? nomem(r) : 0;
}

int nm_read(struct net_model *m, const struct root *root, struct err *e)
{
	struct reader r = { .m = m, .root = root, .e = e };
	int rc = read_folder(&r, NM_CONNECTIONS, false);
	unsigned i;

	if (rc == 0)
		rc = read_folder(&r, "/usr/lib/NetworkManager/system-connections", true);
	if (r.count)
		qsort(r.profiles, r.count, sizeof(*r.profiles), by_priority);
	for (i = 0; rc == 0 && i < r.count; i++)
		rc = read_profile(&r, &r.profiles[i]);
	if (rc == 0)
		rc = join_links(&r);
	if (rc == 0 && net_ifcfg_is_read_too(root))
		rc = note(&r, "/etc/sysconfig/network-scripts",
			  "holds ifcfg- files, which NetworkManager reads as well: they were left "
			  "out");
	for (i = 0; i < r.count; i++) {
		free(r.profiles[i].path);
		free(r.profiles[i].link);
		ini_done(&r.profiles[i].ini);
	}
	free(r.profiles);
	return rc;
}

static bool nm_is_active(const struct root *root, bool whole)
{
	static const char *const enabled[] = {
		"/etc/systemd/system/multi-user.target.wants/NetworkManager.service", NULL
	};

	if (whole)
		return net_any_exists(root, enabled);
	return net_dir_has(root, NM_CONNECTIONS, "");
}

const struct net_backend net_nm = { "NetworkManager", nm_is_active, nm_read, nm_write };
