/* SPDX-License-Identifier: MIT */
/* RHEL's ifcfg files into the model: which there are, who reads them, and what belongs together. */
#include <arpa/inet.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "rewrite/net_ifcfg_priv.h"
#include "rewrite/net_nm_priv.h"

struct ifcfg_file {
	struct sysconfig vars;
	const char *label; /* behind "ifcfg-" in the path */
	char *link;	   /* the model's name of what it configures; NULL: not used */
};

/* ---- who reads them -------------------------------------------------------------------------------------------- */

static bool nm_is_enabled(const struct root *root)
{
	static const char *const enabled[] = {
		"/etc/systemd/system/multi-user.target.wants/NetworkManager.service", NULL
	};

	return net_any_exists(root, enabled) || sysconfig_rc_starts(root, "NetworkManager");
}

struct ifcfg_user ifcfg_user_of(const struct root *root)
{
	static const char *const scripts[] = { IFCFG_DIR "/ifup-eth", NULL };
	static const char *const dispatchers[] = {
		"/etc/NetworkManager/dispatcher.d/10-ifcfg-rh-routes.sh",
		"/usr/lib/NetworkManager/dispatcher.d/10-ifcfg-rh-routes.sh", NULL
	};

	return (struct ifcfg_user){
		.nm = nm_is_enabled(root) &&
		      nm_has_plugin(root, "libnm-settings-plugin-ifcfg-rh.so"),
		.scripts = net_any_exists(root, scripts) && sysconfig_rc_starts(root, "network"),
		.version = nm_version(root),
		.dispatcher = net_any_exists(root, dispatchers),
	};
}

bool net_ifcfg_is_read_too(const struct root *root)
{
	return sysconfig_any(root, IFCFG_DIR, "ifcfg-") && ifcfg_user_of(root).nm;
}

static bool ifcfg_is_active(const struct root *root, bool whole)
{
	struct ifcfg_user user;

	if (!sysconfig_any(root, IFCFG_DIR, "ifcfg-"))
		return false;
	if (!whole)
		return !net_dir_has(root, NM_CONNECTIONS, "");
	user = ifcfg_user_of(root);
	/* with profiles of its own NetworkManager has both; what it writes today are these */
	if (nm_is_enabled(root) && net_dir_has(root, NM_CONNECTIONS, ""))
		return false;
	return user.nm || user.scripts;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static bool is_alias(const char *label)
{
	const char *range = strstr(label, "-range");

	return strchr(label, ':') || (range && range > label);
}

static bool is_at_boot(struct ifcfg_reader *r, struct sysconfig *s)
{
	/* hands the link to a service that is not there */
	bool nobody = !sysconfig_bool(s, "NM_CONTROLLED", 1) && r->user.nm && !r->user.scripts;

	return sysconfig_bool(s, "ONBOOT", 1) && !nobody;
}

/* The link a file is for; NULL and 0: of another file, or no name, with a note. */
static int link_of(struct ifcfg_reader *r, struct ifcfg_file *f, struct net_link **ret)
{
	const char *device = sysconfig_get(&f->vars, "DEVICE"),
		   *text = sysconfig_get(&f->vars, "HWADDR");
	struct net_model *m = r->base.m;
	char mac[18] = "";

	*ret = NULL;
	if (text && !net_mac_of(text, mac))
		return sysconfig_note(&r->base, f->vars.path,
				      "names a card by an address that is none");
	if (!device)
		device = f->label;
	if (!net_is_device_name(device))
		return sysconfig_note(&r->base, f->vars.path, "names a link that cannot be");
	if (net_find(m, device) || (*mac && net_find_mac(m, mac)))
		return sysconfig_note(&r->base, f->vars.path,
				      "is not used: another file comes first");
	*ret = net_link_get(m, device);
	f->link = strdup(device);
	if (!*ret || !f->link || (*mac && !((*ret)->mac = strdup(mac))))
		return sysconfig_nomem(&r->base);
	(*ret)->at_boot = is_at_boot(r, &f->vars);
	return 0;
}

static int load_files(struct ifcfg_reader *r, struct ifcfg_file *files, const struct strlist *names)
{
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < names->count; i++) {
		snprintf(path, sizeof(path), IFCFG_DIR "/%.255s", names->items[i]);
		if (sysconfig_load(&files[i].vars, &r->base, path) < 0)
			return -1;
		files[i].label = names->items[i] + strlen("ifcfg-");
	}
	return 0;
}

/* First those that are brought up at boot: of two files for one card they are what counts. */
static int read_links(struct ifcfg_reader *r, struct ifcfg_file *files, size_t count)
{
	struct net_link *l;
	unsigned pass;
	size_t i;

	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < count; i++) {
			struct ifcfg_file *f = &files[i];

			if (!f->vars.path || is_alias(f->label) ||
			    is_at_boot(r, &f->vars) != (pass == 0))
				continue;
			if (link_of(r, f, &l) < 0 || (l && ifcfg_read_link(r, l, &f->vars) < 0))
				return -1;
		}
	return 0;
}

/* ---- who belongs to whom -------------------------------------------------------------------------------------------- */

/* What another file calls a link: by name, or by its UUID. */
static const char *name_of(const struct ifcfg_file *files, size_t count, const char *word)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const char *uuid = files[i].link ? sysconfig_get((struct sysconfig *)&files[i].vars,
								 "UUID")
						 : NULL;

		if (uuid && strcasecmp(uuid, word) == 0)
			return files[i].link;
	}
	return word;
}

static int join_link(struct ifcfg_reader *r, struct ifcfg_file *files, size_t count,
		     struct ifcfg_file *f)
{
	static const struct {
		const char *key;
		enum net_kind kind;
	} rows[] = { { "BRIDGE", NET_BRIDGE },
		     { "BRIDGE_UUID", NET_BRIDGE },
		     { "MASTER", NET_BOND },
		     { "MASTER_UUID", NET_BOND } };
	struct net_link *l;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *owner = sysconfig_get(&f->vars, rows[i].key);

		owner = owner ? name_of(files, count, owner) : NULL;
		if (!owner || net_port_owner(r->base.m, f->link) ||
		    (rows[i].kind == NET_BOND && !sysconfig_bool(&f->vars, "SLAVE", 1)))
			continue;
		if (!net_is_device_name(owner) || strcmp(owner, f->link) == 0) {
			if (sysconfig_note(&r->base, f->vars.path, "is a port of what cannot be") <
			    0)
				return -1;
			continue;
		}
		if (sysconfig_add_port(r->base.m, owner, rows[i].kind, f->link) < 0)
			return sysconfig_nomem(&r->base);
	}
	l = (struct net_link *)net_find(r->base.m, f->link);
	if (l && l->parent) {
		char *parent = strdup(name_of(files, count, l->parent));

		free(l->parent);
		l->parent = parent;
		if (!parent)
			return sysconfig_nomem(&r->base);
	}
	return 0;
}

/* ---- aliases ---------------------------------------------------------------------------------------------------------- */

/* ifcfg-eth0-range0: IPADDR_START to IPADDR_END, which differ in their last number only. */
static int take_range(struct net_link *l, struct sysconfig *s)
{
	const char *start = sysconfig_get(s, "IPADDR_START"), *end = sysconfig_get(s, "IPADDR_END"),
		   *prefix = sysconfig_get(s, "PREFIX"), *mask = sysconfig_get(s, "NETMASK");
	int len = prefix ? net_mask_length(prefix) : mask ? net_mask_length(mask) : 32;
	struct in_addr a, b;
	char text[INET_ADDRSTRLEN];
	uint32_t n;

	sysconfig_get(s, "CLONENUM_START");
	if (!start || !end || len < 0 || len > 32 || inet_pton(AF_INET, start, &a) != 1 ||
	    inet_pton(AF_INET, end, &b) != 1 || ntohl(a.s_addr) >> 8 != ntohl(b.s_addr) >> 8)
		return strlist_addf(&l->extra, "range %s to %s", start ? start : "?",
				    end ? end : "?");
	for (n = ntohl(a.s_addr); n <= ntohl(b.s_addr); n++) {
		struct in_addr one = { .s_addr = htonl(n) };

		if (strlist_addf(&l->addresses, "%s/%d",
				 inet_ntop(AF_INET, &one, text, sizeof(text)), len) < 0)
			return -1;
	}
	return 0;
}

static int take_alias(struct net_link *l, struct ifcfg_file *f)
{
	const char *first = l->addresses.count ? l->addresses.items[0] : NULL, *slash;
	int rc;

	slash = first && !net_is_v6(first) ? strchr(first, '/') : NULL;
	if (strstr(f->label, "-range"))
		return take_range(l, &f->vars);
	rc = ifcfg_take_address(l, &f->vars, "", slash ? slash + 1 : NULL);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return strlist_addf(&l->extra, "%s has no address", f->label);
	return 0;
}

static int read_alias(struct ifcfg_reader *r, struct ifcfg_file *f)
{
	static const char *const known[] = {
		"DEVICE",  "NAME", "ONBOOT",  "BOOTPROTO", "ONPARENT", "BROADCAST",
		"NETWORK", "TYPE", "USERCTL", "UUID",	   "ARPCHECK", "NO_ALIASROUTING"
	};
	size_t len = strcspn(f->label, ":"), i;
	char name[64];
	struct net_link *l;

	if (!strchr(f->label, ':'))
		len = (size_t)(strstr(f->label, "-range") - f->label);
	snprintf(name, sizeof(name), "%.*s", (int)(len < 63 ? len : 63), f->label);
	l = (struct net_link *)net_find(r->base.m, name);
	if (!l)
		return sysconfig_note(&r->base, f->vars.path,
				      "is an alias of what no file configures");
	if (!sysconfig_bool(&f->vars, "ONPARENT", 1))
		return sysconfig_note(&r->base, f->vars.path,
				      "is not brought up with its card: left out");
	if (take_alias(l, f) < 0)
		return sysconfig_nomem(&r->base);
	if (l->v4 == NET_OFF)
		l->v4 = NET_STATIC;
	if (!l->gateway4) {
		const char *gateway = sysconfig_get(&f->vars, "GATEWAY");

		if (gateway && net_is_address(gateway) && !net_is_v6(gateway) &&
		    !(l->gateway4 = strdup(gateway)))
			return sysconfig_nomem(&r->base);
	}
	for (i = 0; i < ARRAY_SIZE(known); i++)
		sysconfig_get(&f->vars, known[i]);
	return sysconfig_rest(&f->vars, &l->extra) < 0 ? sysconfig_nomem(&r->base) : 0;
}

/* ---- what is said for the whole system ------------------------------------------------------------------------------------ */

/* The link that a gateway of /etc/sysconfig/network is for: the named one, else the first that reaches it. */
static struct net_link *link_to(struct net_model *m, const char *gateway, const char *device)
{
	unsigned i;

	if (device)
		return (struct net_link *)net_find(m, device);
	for (i = 0; i < m->link_count; i++) {
		struct net_link *l = &m->links[i];

		if (net_has_addresses(l, net_is_v6(gateway)) && !net_needs_onlink(l, gateway))
			return l;
	}
	return NULL;
}

static int take_global_gateway(struct ifcfg_reader *r, const char *key, const char *device_key)
{
	const char *text = sysconfig_get(&r->network, key),
		   *device = sysconfig_get(&r->network, device_key);
	char gateway[64];
	struct net_link *l;
	char **to;
	bool v6 = strcmp(key, "GATEWAY") != 0;

	if (!text)
		return 0;
	snprintf(gateway, sizeof(gateway), "%.*s", (int)strcspn(text, "%"), text);
	if (v6 && strchr(text, '%'))
		device = strchr(text, '%') + 1;
	l = net_is_address(gateway) && net_is_v6(gateway) == v6
		    ? link_to(r->base.m, gateway, device)
		    : NULL;
	if (!l)
		return sysconfig_note(&r->base, IFCFG_NETWORK,
				      "names a gateway that no link reaches");
	to = v6 ? &l->gateway6 : &l->gateway4;
	if (*to)
		return 0;
	*to = strdup(gateway);
	return *to ? 0 : sysconfig_nomem(&r->base);
}

/* ---- all --------------------------------------------------------------------------------------------------------------------- */

static int read_routes(struct ifcfg_reader *r, const struct ifcfg_file *f)
{
	struct net_link *l = (struct net_link *)net_find(r->base.m, f->link);

	if (!l || ifcfg_read_routes(r, l, f->link) < 0)
		return l ? -1 : 0;
	/* ifup-routes is given both names */
	return strcmp(f->link, f->label) != 0 ? ifcfg_read_routes(r, l, f->label) : 0;
}

static int read_all(struct ifcfg_reader *r, struct ifcfg_file *files, const struct strlist *names)
{
	size_t i;

	if (sysconfig_load(&r->network, &r->base, IFCFG_NETWORK) < 0 ||
	    load_files(r, files, names) < 0 || read_links(r, files, names->count) < 0)
		return -1;
	for (i = 0; i < names->count; i++)
		if (files[i].link && join_link(r, files, names->count, &files[i]) < 0)
			return -1;
	for (i = 0; i < names->count; i++)
		if (files[i].vars.path && is_alias(files[i].label) && read_alias(r, &files[i]) < 0)
			return -1;
	if (take_global_gateway(r, "GATEWAY", "GATEWAYDEV") < 0 ||
	    take_global_gateway(r, "IPV6_DEFAULTGW", "IPV6_DEFAULTDEV") < 0)
		return -1;
	for (i = 0; i < names->count; i++)
		if (files[i].link && read_routes(r, &files[i]) < 0)
			return -1;
	for (i = 0; i < r->base.m->link_count; i++)
		sysconfig_finish(&r->base.m->links[i]);
	return 0;
}

static int ifcfg_read(struct net_model *m, const struct root *root, struct err *e)
{
	struct ifcfg_reader r = { .base = { .m = m, .root = root, .e = e },
				  .user = ifcfg_user_of(root) };
	struct strlist names cleanup_strlist = STRLIST_INIT;
	struct ifcfg_file *files cleanup_free = NULL;
	size_t i;
	int rc;

	rc = sysconfig_list(&names, &r.base, IFCFG_DIR, "ifcfg-");
	if (rc == 0 && !(files = calloc(names.count + 1, sizeof(*files))))
		rc = sysconfig_nomem(&r.base);
	if (rc == 0)
		rc = read_all(&r, files, &names);
	for (i = 0; files && i < names.count; i++) {
		sysconfig_done(&files[i].vars);
		free(files[i].link);
	}
	sysconfig_done(&r.network);
	return rc;
}

const struct net_backend net_ifcfg = { "ifcfg", ifcfg_is_active, ifcfg_read, ifcfg_write };
