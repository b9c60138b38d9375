/* SPDX-License-Identifier: MIT */
#include "rewrite/services.h"

#include <ctype.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>

#define NAMES_MAX 4096

static const char *const unit_dirs[] = { UNIT_DIR, "/usr/local/lib/systemd/system",
					 "/usr/lib/systemd/system", "/lib/systemd/system" };
/* Debian's, then that of Red Hat, where the first are links to it or not there. */
static const char *const script_dirs[] = { "/etc/rc2.d",      "/etc/rc3.d",	 "/etc/rc4.d",
					   "/etc/rc5.d",      "/etc/rc.d/rc2.d", "/etc/rc.d/rc3.d",
					   "/etc/rc.d/rc4.d", "/etc/rc.d/rc5.d" };

static int add_name(struct strlist *ret, const char *name, struct err *e)
{
	if (strlist_has(ret, name))
		return 0;
	if (ret->count >= NAMES_MAX)
		return err_set(e, ERR_LIMIT, 0, "more than %d services", NAMES_MAX);
	return strlist_add(ret, name) < 0 ? err_set(e, ERR_NOMEM, 0, "listing services") : 0;
}

/* The names in a folder that may be absent. */
static int list_dir(const struct root *root, const char *dir, struct strlist *ret, struct err *e)
{
	return root_is_dir(root, dir) ? root_list(root, dir, ret, e) : 0;
}

/* ---- systemd ---- */

static bool is_masked(const struct root *root, const char *unit)
{
	char path[PATH_MAX], text[32];

	snprintf(path, sizeof(path), "%s/%s", UNIT_DIR, unit);
	return root_readlink(root, path, text, sizeof(text)) == 0 && strcmp(text, "/dev/null") == 0;
}

/* A unit's own file, or its template's: "a@b.service" is made of "a@.service". */
static bool has_unit(const struct root *root, const char *unit)
{
	const char *at = strchr(unit, '@'), *dot = strrchr(unit, '.');
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(unit_dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", unit_dirs[i], unit);
		if (root_exists(root, path))
			return true;
		if (!at || !dot || dot < at)
			continue;
		snprintf(path, sizeof(path), "%s/%.*s@%s", unit_dirs[i], (int)(at - unit), unit,
			 dot);
		if (root_exists(root, path))
			return true;
	}
	return false;
}

static int list_wanted(struct strlist *ret, const struct root *root, const char *dir, struct err *e)
{
	struct strlist folders cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX];
	size_t i, n;

	if (list_dir(root, dir, &folders, e) < 0)
		return -1;
	for (i = 0; i < folders.count; i++) {
		struct strlist units cleanup_strlist = STRLIST_INIT;

		if (!str_ends(folders.items[i], ".wants") &&
		    !str_ends(folders.items[i], ".requires"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, folders.items[i]);
		if (list_dir(root, path, &units, e) < 0)
			return -1;
		for (n = 0; n < units.count; n++)
			if (!is_masked(root, units.items[n]) && has_unit(root, units.items[n]) &&
			    add_name(ret, units.items[n], e) < 0)
				return -1;
	}
	return 0;
}

/* ---- scripts ---- */

/* "S20cron" gives "cron"; NULL: no link that starts something. */
static const char *started_by(const char *link)
{
	if (link[0] != 'S' || !isdigit((unsigned char)link[1]) ||
	    !isdigit((unsigned char)link[2]) || !link[3])
		return NULL;
	return link + 3;
}

/* unit: as the service that systemd makes of a script without a unit of its own. */
static int list_scripts(struct strlist *ret, const struct root *root, bool unit, struct err *e)
{
	char name[NAME_MAX + 16], path[PATH_MAX];
	size_t d, i;

	for (d = 0; d < ARRAY_SIZE(script_dirs); d++) {
		struct strlist links cleanup_strlist = STRLIST_INIT;

		if (list_dir(root, script_dirs[d], &links, e) < 0)
			return -1;
		for (i = 0; i < links.count; i++) {
			const char *script = started_by(links.items[i]);

			if (!script)
				continue;
			snprintf(path, sizeof(path), "/etc/init.d/%s", script);
			snprintf(name, sizeof(name), "%s%s", script, unit ? ".service" : "");
			if (unit && (has_unit(root, name) || is_masked(root, name)))
				continue;
			if (root_exists(root, path) && add_name(ret, name, e) < 0)
				return -1;
		}
	}
	return 0;
}

static int list_runlevels(struct strlist *ret, const struct root *root, struct err *e)
{
	struct strlist levels cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX];
	size_t i, n;

	if (list_dir(root, "/etc/runlevels", &levels, e) < 0)
		return -1;
	for (i = 0; i < levels.count; i++) {
		struct strlist names cleanup_strlist = STRLIST_INIT;

		if (strcmp(levels.items[i], "shutdown") == 0)
			continue;
		snprintf(path, sizeof(path), "/etc/runlevels/%s", levels.items[i]);
		if (list_dir(root, path, &names, e) < 0)
			return -1;
		for (n = 0; n < names.count; n++)
			if (add_name(ret, names.items[n], e) < 0)
				return -1;
	}
	return 0;
}

int services_list(struct strlist *ret, const struct root *root, const char *init, struct err *e)
{
	size_t i;

	if (!init)
		return 0;
	if (strcmp(init, "openrc") == 0)
		return list_runlevels(ret, root, e);
	if (strcmp(init, "systemd") != 0)
		return list_scripts(ret, root, false, e) < 0 || list_runlevels(ret, root, e) < 0
			       ? -1
			       : 0;
	for (i = 0; i < ARRAY_SIZE(unit_dirs); i++)
		if (list_wanted(ret, root, unit_dirs[i], e) < 0)
			return -1;
	return list_scripts(ret, root, true, e);
}

/* ---- names ---- */

size_t services_base_len(const char *name)
{
	static const char suffix[] = ".service";
	size_t len = strlen(name);

	return str_ends(name, suffix) && len > strlen(suffix) ? len - strlen(suffix) : len;
}

bool services_match(const char *patterns, const char *name)
{
	char base[NAME_MAX + 1], pattern[128];

	snprintf(base, sizeof(base), "%.*s", (int)services_base_len(name), name);
	while (*patterns) {
		size_t len = strcspn(patterns, " ");

		if (len && len < sizeof(pattern)) {
			snprintf(pattern, sizeof(pattern), "%.*s", (int)len, patterns);
			if (fnmatch(pattern, base, 0) == 0)
				return true;
		}
		patterns += len;
		patterns += *patterns == ' ';
	}
	return false;
}

/* ---- links ---- */

static int add_link(struct strlist *ret, const struct root *root, const char *dir, const char *name,
		    struct err *e)
{
	char path[PATH_MAX], text[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return root_readlink(root, path, text, sizeof(text)) == 0 ? add_name(ret, path, e) : 0;
}

int services_links(struct strlist *ret, const struct root *root, const char *name, struct err *e)
{
	struct strlist levels cleanup_strlist = STRLIST_INIT;
	char dir[PATH_MAX];
	size_t d, i;

	for (d = 0; d < ARRAY_SIZE(script_dirs); d++) {
		struct strlist links cleanup_strlist = STRLIST_INIT;
		struct stat st;

		/* Red Hat: the short way to the folder is a link, and its files would come twice */
		snprintf(dir, sizeof(dir), "/etc/rc.d/%s", strrchr(script_dirs[d], '/') + 1);
		if (strcmp(dir, script_dirs[d]) != 0 &&
		    root_lstat(root, script_dirs[d], &st) == 0 && S_ISLNK(st.st_mode))
			continue;
		if (list_dir(root, script_dirs[d], &links, e) < 0)
			return -1;
		for (i = 0; i < links.count; i++) {
			const char *script = started_by(links.items[i]);

			if (script && strcmp(script, name) == 0 &&
			    add_link(ret, root, script_dirs[d], links.items[i], e) < 0)
				return -1;
		}
	}
	if (list_dir(root, "/etc/runlevels", &levels, e) < 0)
		return -1;
	for (i = 0; i < levels.count; i++) {
		snprintf(dir, sizeof(dir), "/etc/runlevels/%s", levels.items[i]);
		if (add_link(ret, root, dir, name, e) < 0)
			return -1;
	}
	return 0;
}
