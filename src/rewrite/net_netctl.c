/* SPDX-License-Identifier: MIT */
/* netctl: which profiles in /etc/netctl are started at boot, and of what they make a link. */
#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "rewrite/net_netctl_priv.h"

struct reader {
	struct net_model *m;
	const struct root *root;
	struct strlist enabled; /* profiles; none: all count */
	struct err *e;
};

static int nomem(struct reader *r)
{
	return err_set(r->e, ERR_NOMEM, 0, "reading %s", NETCTL);
}

/* ---- units ----------------------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* The instance of a unit's name, unescaped (systemd-escape(1)), into buf; false: it is another unit, or too long. */
static bool instance_of(const char *unit, const char *prefix, char *buf, size_t size)
{
	const char *s = unit + strlen(prefix), *end = unit + strlen(unit) - strlen(".service");
	size_t n = 0;

	if (!str_starts(unit, prefix) || !str_ends(unit, ".service") || s >= end)
		return false;
	for (; s < end && n + 1 < size; s++) {
		if (s[0] == '\\' && s[1] == 'x' && isxdigit((unsigned char)s[2]) &&
		    isxdigit((unsigned char)s[3])) {
			buf[n++] = (char)(hex_digit(s[2]) << 4 | hex_digit(s[3]));
			s += 3;
		} else {
			buf[n++] = *s == '-' ? '/' : *s;
		}
	}
	buf[n] = '\0';
	return s == end && !strchr(buf, '/') && strcmp(buf, "..") != 0;
}

void netctl_add_escaped(struct strbuf *out, const char *text)
{
	const char *s;

	for (s = text; *s; s++) {
		if (*s == '/')
			strbuf_addc(out, '-');
		else if (isalnum((unsigned char)*s) || *s == '_' || *s == ':' ||
			 (*s == '.' && s > text))
			strbuf_addc(out, *s);
		else
			strbuf_addf(out, "\\x%02x", (unsigned char)*s);
	}
}

void netctl_add_unit(struct strbuf *out, const char *head, const char *tail)
{
	strbuf_adds(out, "netctl@");
	netctl_add_escaped(out, head);
	netctl_add_escaped(out, tail);
	strbuf_adds(out, ".service");
}

/* Files that go with a unit: the drop-in of today, and the unit that old versions wrote (".include"). */
static int add_unit_files(struct reader *r, const char *unit)
{
	char path[PATH_MAX];
	struct stat st;
	int len;

	len = snprintf(path, sizeof(path), "/etc/systemd/system/%s.d/profile.conf", unit);
	if (len < (int)sizeof(path) && root_is_file(r->root, path) &&
	    strlist_add(&r->m->files, path) < 0)
		return nomem(r);
	len = snprintf(path, sizeof(path), "/etc/systemd/system/%s", unit);
	if (len < (int)sizeof(path) && root_lstat(r->root, path, &st) == 0 && S_ISREG(st.st_mode) &&
	    strlist_add(&r->m->files, path) < 0)
		return nomem(r);
	return 0;
}

static int find_enabled(struct reader *r)
{
	static const char *const choosers[] = { "netctl-auto@", "netctl-ifplugd@", "netctl.service",
						NULL };
	struct strlist units cleanup_strlist = STRLIST_INIT;
	char name[NAME_MAX + 1];
	size_t i, k;

	if (net_list_files(r->root, NETCTL_WANTS, &units, r->e) < 0)
		return -1;
	for (i = 0; i < units.count; i++) {
		const char *unit = units.items[i];

		for (k = 0; choosers[k]; k++)
			if (str_starts(unit, choosers[k]) &&
			    strlist_addf(
				    &r->m->notes,
				    "%s chooses among the profiles while the system runs: which "
				    "ones it takes is not known",
				    unit) < 0)
				return nomem(r);
		if (!instance_of(unit, "netctl@", name, sizeof(name)))
			continue;
		if (strlist_add(&r->enabled, name) < 0 || strlist_add(&r->m->units, unit) < 0)
			return nomem(r);
		if (add_unit_files(r, unit) < 0)
			return -1;
	}
	return 0;
}

/* ---- profiles -------------------------------------------------------------------------------------------------- */

bool netctl_is_profile(const char *name)
{
	return !str_ends(name, ".action") && !str_ends(name, ".conf") &&
	       !str_ends(name, ".service");
}

/* Ports have no profile of their own: they come up with what they belong to. */
static int take_ports(struct reader *r, const char *owner, const struct shell_setting *binds,
		      bool at_boot)
{
	size_t i;

	for (i = 0; binds && i < binds->words.count; i++) {
		const char *name = binds->words.items[i];
		bool is_new = !net_find(r->m, name);
		struct net_link *l = *name && r->m->link_count < NET_LINKS_MAX
					     ? net_link_get(r->m, name)
					     : NULL;

		if (!*name || r->m->link_count >= NET_LINKS_MAX)
			continue;
		if (!l)
			return nomem(r);
		if (is_new)
			l->at_boot = at_boot;
		l = (struct net_link *)net_find(r->m, owner);
		if (!strlist_has(&l->ports, name) && strlist_add(&l->ports, name) < 0)
			return nomem(r);
	}
	return 0;
}

/* What Connection= makes of the link. */
static int take_kind(struct reader *r, struct net_link *l, const struct shell_script *f)
{
	const char *connection = shell_script_value(f, "Connection"),
		   *id = shell_script_value(f, "VLANID");
	const struct shell_setting *binds = shell_script_find(f, "BindsToInterfaces");
	uint32_t n;

	if (connection && strcmp(connection, "ethernet") == 0)
		return 0;
	if (connection && strcmp(connection, "vlan") == 0 && binds && binds->words.count == 1 &&
	    id && parse_u32(id, &n) == 0 && n >= 1 && n <= 4094) {
		l->kind = NET_VLAN;
		l->vlan_id = n;
		l->parent = strdup(binds->words.items[0]);
		return l->parent ? 0 : nomem(r);
	}
	if (connection && strcmp(connection, "bond") == 0)
		l->kind = NET_BOND;
	else if (connection && strcmp(connection, "bridge") == 0)
		l->kind = NET_BRIDGE;
	else
		l->kind = NET_OTHER;
	if (l->kind == NET_OTHER)
		return strlist_addf(&l->extra, "Connection=%s", connection ? connection : "") < 0
			       ? nomem(r)
			       : 0;
	return take_ports(r, l->name, binds, l->at_boot);
}

static int read_link(struct reader *r, const char *path, const struct shell_script *f, bool at_boot)
{
	const char *interface = shell_script_value(f, "Interface");
	struct net_link *l;
	char *name cleanup_free = NULL;

	/* "eth0:1" is an alias of old */
	name = interface ? strndup(interface, strcspn(interface, ":")) : NULL;
	if (interface && !name)
		return nomem(r);
	l = name && *name ? (struct net_link *)net_find(r->m, name) : NULL;
	if (!name || !*name || (l && (l->kind != NET_CARD || l->v4 || l->v6)) ||
	    r->m->link_count >= NET_LINKS_MAX)
		return strlist_addf(&r->m->notes, "%s is for %s and was passed over", path,
				    l	   ? "a link that another profile is for"
				    : name ? "one link too many"
					   : "no interface") < 0
			       ? nomem(r)
			       : 0;
	l = net_link_get(r->m, name);
	if (!l)
		return nomem(r);
	l->at_boot = at_boot;
	if (take_kind(r, l, f) < 0)
		return -1;
	l = (struct net_link *)net_find(r->m, name); /* the ports may have moved it */
	return netctl_read_options(l, f) < 0 ? nomem(r) : 0;
}

static int read_profile(struct reader *r, const char *name, bool at_boot)
{
	struct shell_script f;
	char path[PATH_MAX];
	int rc;

	if (snprintf(path, sizeof(path), NETCTL "/%s", name) >= (int)sizeof(path))
		return 0;
	if (!root_is_file(r->root, path))
		return strlist_addf(&r->m->notes, "%s is enabled, but not there", path) < 0
			       ? nomem(r)
			       : 0;
	if (net_read_script(r->m, r->root, path, &f, r->e) < 0)
		return -1;
	rc = read_link(r, path, &f, at_boot);
	shell_script_done(&f);
	return rc;
}

/* No unit is known (files alone): it counts as enabled. */
static int read_any_profile(struct reader *r, const char *name)
{
	struct strbuf unit cleanup_strbuf = STRBUF_INIT;

	netctl_add_unit(&unit, "", name);
	if (unit.failed || strlist_add(&r->m->units, strbuf_str(&unit)) < 0)
		return nomem(r);
	return read_profile(r, name, true);
}

/* Scripts that are sourced with every profile, or with those of one interface, and override them. */
static int note_scripts(struct reader *r)
{
	static const char *const dirs[] = { NETCTL "/hooks", NETCTL "/interfaces" };
	size_t i, k;

	for (k = 0; k < ARRAY_SIZE(dirs); k++) {
		struct strlist names cleanup_strlist = STRLIST_INIT;

		if (net_list_files(r->root, dirs[k], &names, r->e) < 0)
			return -1;
		for (i = 0; i < names.count; i++)
			if (strlist_addf(
				    &r->m->notes,
				    "%s/%s is run with the profiles; rehost does not understand "
				    "it",
				    dirs[k], names.items[i]) < 0)
				return nomem(r);
	}
	return 0;
}

static int read_profiles(struct reader *r)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (net_list_files(r->root, NETCTL, &names, r->e) < 0)
		return -1;
	for (i = 0; i < r->enabled.count; i++)
		if (read_profile(r, r->enabled.items[i], true) < 0)
			return -1;
	for (i = 0; i < names.count; i++) {
		if (!netctl_is_profile(names.items[i]) || strlist_has(&r->enabled, names.items[i]))
			continue;
		if (!r->enabled.count && read_any_profile(r, names.items[i]) < 0)
			return -1;
		if (r->enabled.count &&
		    strlist_addf(&r->m->notes, NETCTL "/%s is not enabled and was not read",
				 names.items[i]) < 0)
			return nomem(r);
	}
	return note_scripts(r);
}

static int netctl_read(struct net_model *m, const struct root *root, struct err *e)
{
	struct reader r = { .m = m, .root = root, .e = e };
	int rc = find_enabled(&r) < 0 || read_profiles(&r) < 0 ? -1 : 0;

	strlist_done(&r.enabled);
	return rc;
}

static bool netctl_is_active(const struct root *root, bool whole)
{
	static const char *const programs[] = { "/usr/bin/netctl", "/bin/netctl", NULL };
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (whole && !net_any_exists(root, programs))
		return false;
	if (net_list_files(root, whole ? NETCTL_WANTS : NETCTL, &names, NULL) < 0)
		return false;
	for (i = 0; i < names.count; i++)
		if (whole ? str_starts(names.items[i], "netctl")
			  : netctl_is_profile(names.items[i]))
			return true;
	return false;
}

const struct net_backend net_netctl = { "netctl", netctl_is_active, netctl_read, netctl_write };
