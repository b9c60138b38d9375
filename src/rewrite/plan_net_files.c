/* SPDX-License-Identifier: MIT */
/* Which network files the clone has: this machine's, and of the source's none that could have an effect. */
#include <limits.h>
#include <string.h>

#include "rewrite/net_fit.h"
#include "rewrite/net_priv.h"
#include "rewrite/plan_net.h"

#define WHY_ASIDE "the source's network configuration"
#define MAIN_FILE "/etc/network/interfaces"
#define NM_PROFILES "/etc/NetworkManager/system-connections"
#define PROFILES "/etc/netctl"
#define UNITS "/etc/systemd/system"

#define RHEL "/etc/sysconfig/network-scripts"
#define SUSE "/etc/sysconfig/network"

/* Where each stack has its files, and how their names begin and end. Names of cards are plan_net_names's. */
static const struct {
	const char *dir, *prefix, *suffix;
} places[] = {
	{ "/etc/network/interfaces.d", "", "" },
	{ "/etc/netplan", "", ".yaml" },
	{ "/etc/systemd/network", "", ".network" },
	{ "/etc/systemd/network", "", ".netdev" },
	{ NM_PROFILES, "", "" },
	{ PROFILES, "", "" },
	{ RHEL, "ifcfg-", "" },
	{ RHEL, "route-", "" },
	{ RHEL, "route6-", "" },
	{ RHEL, "rule-", "" },
	{ RHEL, "rule6-", "" },
	{ SUSE, "ifcfg-", "" },
	{ SUSE, "ifroute-", "" },
	{ SUSE, "ifrule-", "" },
	{ SUSE, "ifsysctl-", "" },
	{ SUSE, "routes", "" },
};
/* Stacks of one file. /etc/dhcpcd.conf is a DHCP client's as well, and goes only when it is the source's stack. */
static const char *const single_files[] = { "/etc/conf.d/net" };

/* Files of which the network is only a part: the clone's services want them, so they stay, without the source's words. */
static bool is_shared(const char *path)
{
	return strcmp(path, SUSE) == 0 || strcmp(path, SUSE "/config") == 0 ||
	       strcmp(path, SUSE "/dhcp") == 0 || strcmp(path, SUSE "/ifsysctl") == 0;
}

/* lo's own are no part of any card's network. */
static bool is_in_place(const char *name, size_t place)
{
	size_t len = strlen(places[place].prefix);

	return strncmp(name, places[place].prefix, len) == 0 &&
	       str_ends(name, places[place].suffix) && !(len && strcmp(name + len, "lo") == 0);
}

/* Profiles may hold passwords. */
static bool is_secret(const char *path)
{
	return str_starts(path, NM_PROFILES "/") || str_starts(path, PROFILES "/");
}

/* netplan complains of files that others may read, NetworkManager passes them over. */
static int mode_of(const char *path)
{
	return is_secret(path) || str_starts(path, "/etc/netplan/") ? 0600 : -1;
}

int plan_net_keep_target(struct planner *p, const char *path, const struct strbuf *text)
{
	char kept[PATH_MAX];

	if (snprintf(kept, sizeof(kept), "%s%s", TARGET_ORIGINAL, path) >= (int)sizeof(kept))
		return 0;
	return (is_secret(path) ? plan_write_secret
				: plan_write)(p, kept, strbuf_str(text), text->len, 0600,
					      "this machine's own, kept for people");
}

/* ---- aside ---------------------------------------------------------------------------------------------------- */

/* A regular file, or a link that is more than a mask of a default. */
static bool has_effect(const struct planner *p, const char *path)
{
	char link[PATH_MAX];
	struct stat st;

	if (root_lstat(p->clone, path, &st) < 0 || S_ISDIR(st.st_mode))
		return false;
	return !S_ISLNK(st.st_mode) || root_readlink(p->clone, path, link, sizeof(link)) < 0 ||
	       strcmp(link, "/dev/null") != 0;
}

static int move_one(struct planner *p, const char *path, const struct strlist *keep)
{
	if (strlist_has(keep, path) || is_shared(path) || !has_effect(p, path))
		return 0;
	if (!is_secret(path))
		return plan_move_aside(p, path, WHY_ASIDE);
	if (plan_keep_source_secret(p, path) < 0)
		return -1;
	return plan_remove_secret(p, path, WHY_ASIDE);
}

/* The drop-ins of a file, "x.network.d/10.conf": they also count for a file of that name in /usr. */
static int move_dropins(struct planner *p, const char *dir, const struct strlist *keep)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX];
	size_t i;

	if (root_list(p->clone, dir, &names, p->e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", dir, names.items[i]) >= (int)sizeof(path))
			continue;
		if (str_ends(path, ".conf") && move_one(p, path, keep) < 0)
			return -1;
	}
	return 0;
}

static int move_place(struct planner *p, size_t place, const struct strlist *keep)
{
	const char *dir = places[place].dir, *suffix = places[place].suffix;
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX], dropin[32];
	size_t i;

	if (!root_is_dir(p->clone, dir))
		return 0;
	if (root_list(p->clone, dir, &names, p->e) < 0)
		return -1;
	snprintf(dropin, sizeof(dropin), "%s.d", suffix);
	for (i = 0; i < names.count; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", dir, names.items[i]) >= (int)sizeof(path))
			continue;
		if (*suffix && str_ends(path, dropin) && root_is_dir(p->clone, path)) {
			if (move_dropins(p, path, keep) < 0)
				return -1;
		} else if (is_in_place(names.items[i], place) && move_one(p, path, keep) < 0) {
			return -1;
		}
	}
	return 0;
}

/* One that says nothing but lo stays: ifupdown complains of a missing one. */
static bool main_file_has_links(const struct planner *p)
{
	struct net_model m = { 0 };
	bool has;

	if (!root_exists(p->clone, MAIN_FILE))
		return false;
	has = net_read_as(&m, "ifupdown", p->clone, NULL) < 0 || m.link_count > 0;
	net_done(&m);
	return has;
}

/* Everything but what is in keep: also what the source itself did not read. */
static int move_aside_source_files(struct planner *p, const struct strlist *keep)
{
	const struct strlist *files = &p->source_net.files;
	size_t i;

	for (i = 0; i < files->count; i++)
		if (str_starts(files->items[i], "/etc/") && !str_ends(files->items[i], ".link") &&
		    move_one(p, files->items[i], keep) < 0)
			return -1;
	if (main_file_has_links(p) && move_one(p, MAIN_FILE, keep) < 0)
		return -1;
	for (i = 0; i < ARRAY_SIZE(single_files); i++)
		if (move_one(p, single_files[i], keep) < 0)
			return -1;
	for (i = 0; i < ARRAY_SIZE(places); i++)
		if (move_place(p, i, keep) < 0)
			return -1;
	return 0;
}

/* ---- this machine's --------------------------------------------------------------------------------------------- */

/* NetworkManager beside another stack would ask every card without a profile for an address by DHCP. */
static int calm_network_manager(struct planner *p)
{
	static const char *const enabled[] = { UNITS
					       "/multi-user.target.wants/NetworkManager.service",
					       NULL };
	static const char text[] = "# made by rehost: the network is configured elsewhere\n"
				   "[main]\nno-auto-default=*\n";

	if (strcmp(p->source_net.stack, "ifupdown") == 0 ||
	    strcmp(p->source_net.stack, "NetworkManager") == 0 ||
	    strcmp(p->source_net.stack, "ifcfg") == 0 || !net_any_exists(p->clone, enabled))
		return 0;
	return plan_write(p, "/etc/NetworkManager/conf.d/10-rehost.conf", text, strlen(text), 0644,
			  "NetworkManager is enabled too and must not configure these cards");
}

static int keep_target_files(struct planner *p)
{
	size_t i;

	for (i = 0; i < p->target_net.files.count; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;
		const char *path = p->target_net.files.items[i];
		int rc = plan_read_target(p, path, &text);

		if (rc < 0)
			return -1;
		if (rc > 0 && str_starts(path, "/etc/") && plan_net_keep_target(p, path, &text) < 0)
			return -1;
	}
	for (i = 0; i < p->target_net.notes.count; i++)
		if (plan_note(p, "this machine's network: %s", p->target_net.notes.items[i]) < 0)
			return -1;
	return 0;
}

static int place(struct planner *p, const char *path, const struct strbuf *text, int mode,
		 const char *why)
{
	if (mode < 0)
		return plan_rewrite(p, path, text, why);
	if (text->failed)
		return plan_nomem(p);
	if (!plan_is_present(p, path, text) &&
	    (is_secret(path) ? plan_keep_source_secret : plan_keep_source)(p, path) < 0)
		return -1;
	return plan_write(p, path, strbuf_str(text), text->len, mode, why);
}

/* This machine has no such file: the source's stays, without what it says of the source. */
static int place_shared(struct planner *p)
{
	const struct net_model none = { 0 };
	struct net_output o;
	unsigned i;
	int rc = 0;

	if (!net_can_write(p->source_net.stack))
		return 0;
	if (net_write(&o, p->source_net.stack, &none, p->clone, p->e) < 0)
		return -1;
	for (i = 0; rc == 0 && i < o.file_count; i++) {
		const struct net_file *f = &o.files[i];

		if (is_shared(f->path) && root_exists(p->clone, f->path) &&
		    !strlist_has(&p->target_net.files, f->path))
			rc = place(p, f->path, &f->text, (int)f->mode,
				   "without the source's addresses");
	}
	net_output_done(&o);
	return rc;
}

int plan_net_place_files(struct planner *p)
{
	size_t i;

	if (move_aside_source_files(p, &p->target_net.files) < 0)
		return -1;
	for (i = 0; i < p->target_net.files.count; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;
		const char *path = p->target_net.files.items[i];
		int rc = plan_read_target(p, path, &text);

		if (rc < 0)
			return -1;
		/* .link files name cards: plan_net_names does */
		if (rc == 0 || !str_starts(path, "/etc/") || str_ends(path, ".link"))
			continue;
		if (place(p, path, &text, mode_of(path),
			  "this machine's own network configuration") < 0)
			return -1;
	}
	if (place_shared(p) < 0 || plan_net_start_units(p, &p->target_net.units) < 0)
		return -1;
	return keep_target_files(p) < 0 ? -1 : calm_network_manager(p);
}

/* ---- a writer's -------------------------------------------------------------------------------------------------- */

int plan_net_place_output(struct planner *p, const struct net_output *o)
{
	struct strlist keep cleanup_strlist = STRLIST_INIT;
	unsigned i;

	for (i = 0; i < o->file_count; i++)
		if (strlist_add(&keep, o->files[i].path) < 0)
			return plan_nomem(p);
	if (move_aside_source_files(p, &keep) < 0)
		return -1;
	for (i = 0; i < o->file_count; i++) {
		const struct net_file *f = &o->files[i];

		if (place(p, f->path, &f->text, (int)f->mode,
			  "this machine's network in the words of the clone's stack") < 0)
			return -1;
	}
	if (plan_net_start_units(p, &o->units) < 0)
		return -1;
	return keep_target_files(p) < 0 ? -1 : calm_network_manager(p);
}
