/* SPDX-License-Identifier: MIT */
/*
 * What starts the clone's network: units that a writer or this machine's own files want are enabled by links, and those that
 * started a single link of the source go.
 */
#include <limits.h>
#include <string.h>

#include "rewrite/plan_net.h"

#define UNITS "/etc/systemd/system"
#define SERVICES "/etc/init.d"
#define RUNLEVELS "/etc/runlevels"
#define WHY "starts this machine's network"

/* Links for one card of the source each. */
static const struct {
	const char *dir, *prefix;
} places[] = {
	{ UNITS "/multi-user.target.wants", "netctl@" },
	{ UNITS "/multi-user.target.wants", "dhcpcd@" },
	{ RUNLEVELS "/default", "net." },
	{ RUNLEVELS "/boot", "net." },
};

static bool is_openrc(const struct planner *p)
{
	return p->tree.init && strcmp(p->tree.init, "openrc") == 0;
}

/* "netctl@lan.service" is an instance of "netctl@.service". */
static void template_of(const char *unit, char *buf, size_t size)
{
	const char *at = strchr(unit, '@'), *dot = strrchr(unit, '.');

	if (at && dot > at)
		snprintf(buf, size, "%.*s%s", (int)(at - unit + 1), unit, dot);
	else
		snprintf(buf, size, "%s", unit);
}

/* As systemctl enable does, for units that are wanted by multi-user.target or in another way already. */
static int enable_unit(struct planner *p, const char *unit)
{
	static const char *const dirs[] = { "/usr/lib/systemd/system", "/lib/systemd/system" };
	static const char *const wants[] = { "multi-user.target.wants",
					     "network-online.target.wants", "network.target.wants",
					     "sysinit.target.wants" };
	char path[PATH_MAX], link[PATH_MAX], file[NAME_MAX + 1];
	struct stat st;
	size_t i;

	template_of(unit, file, sizeof(file));
	snprintf(path, sizeof(path), UNITS "/%s", file);
	if (root_readlink(p->clone, path, link, sizeof(link)) == 0 &&
	    strcmp(link, "/dev/null") == 0 && plan_move_aside(p, path, "masked, but needed") < 0)
		return -1;
	for (i = 0; i < ARRAY_SIZE(wants); i++) {
		snprintf(path, sizeof(path), UNITS "/%s/%s", wants[i], unit);
		if (root_lstat(p->clone, path, &st) == 0)
			return 0;
	}
	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(link, sizeof(link), "%s/%s", dirs[i], file);
		if (!root_exists(p->clone, link))
			continue;
		snprintf(path, sizeof(path), UNITS "/multi-user.target.wants/%s", unit);
		return plan_symlink(p, path, link, WHY);
	}
	return 0;
}

/*
 * As rc-update(8) does. netifrc's services are links of their own to net.lo (net.example); "networking" is started at boot,
 * as Alpine's setup does it.
 */
static int enable_service(struct planner *p, const char *unit)
{
	static const char *const levels[] = { "boot", "default", "sysinit" };
	size_t len = strlen(unit) - (str_ends(unit, ".service") ? strlen(".service") : 0), i;
	char name[NAME_MAX + 1], path[PATH_MAX], script[PATH_MAX];
	struct stat st;
	bool early;

	snprintf(name, sizeof(name), "%.*s", (int)len, unit);
	early = strcmp(name, "networking") == 0;
	snprintf(script, sizeof(script), SERVICES "/%s", name);
	if (root_lstat(p->clone, script, &st) < 0) {
		if (!str_starts(name, "net.") || !root_is_file(p->clone, SERVICES "/net.lo"))
			return 0;
		if (plan_symlink(p, script, "net.lo", WHY) < 0)
			return -1;
	}
	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		snprintf(path, sizeof(path), RUNLEVELS "/%s/%s", levels[i], name);
		if (root_lstat(p->clone, path, &st) == 0)
			return 0;
	}
	snprintf(path, sizeof(path), RUNLEVELS "/%s/%s", early ? "boot" : "default", name);
	return plan_symlink(p, path, script, WHY);
}

static int drop_others(struct planner *p, const char *dir, const char *prefix,
		       const struct strlist *keep)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX];
	size_t i;

	if (!root_is_dir(p->clone, dir))
		return 0;
	if (root_list(p->clone, dir, &names, p->e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		const char *name = names.items[i];

		if (!str_starts(name, prefix) || strcmp(name, "net.lo") == 0 ||
		    strlist_has(keep, name) ||
		    snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
			continue;
		if (plan_remove(p, path, "started a link of the source") < 0)
			return -1;
	}
	return 0;
}

int plan_net_start_units(struct planner *p, const struct strlist *units)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places); i++)
		if (drop_others(p, places[i].dir, places[i].prefix, units) < 0)
			return -1;
	for (i = 0; i < units->count; i++) {
		const char *unit = units->items[i];

		if (strchr(unit, '/') || strlen(unit) > NAME_MAX)
			continue;
		if (is_openrc(p) ? enable_service(p, unit) < 0 : enable_unit(p, unit) < 0)
			return -1;
	}
	return 0;
}
