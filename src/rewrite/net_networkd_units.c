/* SPDX-License-Identifier: MIT */
/* systemd-networkd's folders: which files count, in which order (systemd.network(5)). */
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "rewrite/net_networkd_priv.h"

/* First wins for files of one name. */
static const char *const dirs[] = { "/etc/systemd/network", "/usr/local/lib/systemd/network",
				    "/usr/lib/systemd/network", "/lib/systemd/network" };

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names ending in suffix of all folders (below may name one within each), sorted, once each. */
static int list_names(struct strlist *ret, const struct root *root, const char *below,
		      const char *suffix)
{
	struct strlist all cleanup_strlist = STRLIST_INIT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		struct strlist names cleanup_strlist = STRLIST_INIT;
		char dir[PATH_MAX];
		size_t n;

		if (snprintf(dir, sizeof(dir), "%s/%s", dirs[i], below) >= (int)sizeof(dir) ||
		    !root_is_dir(root, dir) || root_list(root, dir, &names, NULL) < 0)
			continue;
		for (n = 0; n < names.count; n++)
			if (str_ends(names.items[n], suffix) && names.items[n][0] != '.' &&
			    strlist_add(&all, names.items[n]) < 0)
				return -1;
	}
	if (all.count)
		qsort(all.items, all.count, sizeof(*all.items), by_name);
	for (i = 0; i < all.count; i++)
		if ((i == 0 || strcmp(all.items[i - 1], all.items[i]) != 0) &&
		    strlist_add(ret, all.items[i]) < 0)
			return -1;
	return 0;
}

/* Where the name counts; false: nowhere, or it is masked. */
static bool find_file(const struct root *root, const char *below, const char *name, char *path,
		      size_t size)
{
	char text[PATH_MAX];
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		if (snprintf(path, size, "%s/%s%s%s", dirs[i], below, *below ? "/" : "", name) >=
			    (int)size ||
		    root_lstat(root, path, &st) < 0)
			continue;
		if (S_ISLNK(st.st_mode) && root_readlink(root, path, text, sizeof(text)) == 0 &&
		    strcmp(text, "/dev/null") == 0)
			return false;
		return !S_ISREG(st.st_mode) || st.st_size > 0;
	}
	return false;
}

/* A file that cannot be read or parsed is a note: the rest counts all the same. */
static int add_part(struct networkd_unit *u, const char *path, struct net_model *m,
		    const struct root *root)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct networkd_part *grown;
	struct err why = ERR_INIT;
	struct ini_file ini;

	if (root_read(root, path, &text, INI_MAX_BYTES, &why) < 0 ||
	    ini_parse(&ini, INI_SYSTEMD, strbuf_str(&text), text.len, &why) < 0) {
		if (why.code == ERR_NOMEM)
			return -1;
		return strlist_addf(&m->notes, "%s cannot be read: %s", path,
				    err_info(why.code)->title);
	}
	if (ini.bad_line != SIZE_MAX &&
	    strlist_addf(&m->notes, "%s line %zu: not an assignment, systemd-networkd ignores it",
			 path, ini.bad_line + 1) < 0) {
		ini_done(&ini);
		return -1;
	}
	grown = reallocarray(u->parts, u->part_count + 1, sizeof(*grown));
	if (!grown) {
		ini_done(&ini);
		return -1;
	}
	u->parts = grown;
	u->parts[u->part_count] = (struct networkd_part){ .path = strdup(path), .ini = ini };
	return u->parts[u->part_count++].path ? 0 : -1;
}

static int read_unit(struct networkd_unit *u, const char *base, const char *path,
		     struct net_model *m, const struct root *root)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char below[NAME_MAX + 8], part[PATH_MAX];
	size_t i;

	u->base = strdup(base);
	if (!u->base || add_part(u, path, m, root) < 0)
		return -1;
	if (!u->part_count)
		return 0;
	if (snprintf(below, sizeof(below), "%s.d", base) >= (int)sizeof(below) ||
	    list_names(&names, root, below, ".conf") < 0)
		return -1;
	for (i = 0; i < names.count && u->part_count < NET_FILES_MAX; i++)
		if (find_file(root, below, names.items[i], part, sizeof(part)) &&
		    add_part(u, part, m, root) < 0)
			return -1;
	return 0;
}

int networkd_units_read(struct networkd_units *ret, const char *suffix, struct net_model *m,
			const struct root *root, struct err *e)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX];
	size_t i;

	*ret = (struct networkd_units){ 0 };
	if (list_names(&names, root, "", suffix) < 0)
		return err_set(e, ERR_NOMEM, 0, "%s", dirs[0]);
	if (names.count > NET_FILES_MAX)
		return err_set(e, ERR_LIMIT, 0, "%s holds %zu files", dirs[0], names.count);
	ret->items = calloc(names.count ? names.count : 1, sizeof(*ret->items));
	if (!ret->items)
		return err_set(e, ERR_NOMEM, 0, "%s", dirs[0]);
	for (i = 0; i < names.count; i++) {
		if (!find_file(root, "", names.items[i], path, sizeof(path)))
			continue;
		ret->count++;
		if (read_unit(&ret->items[ret->count - 1], names.items[i], path, m, root) < 0) {
			networkd_units_done(ret);
			return err_set(e, ERR_NOMEM, 0, "%s", path);
		}
	}
	return 0;
}

void networkd_units_done(struct networkd_units *u)
{
	unsigned i, n;

	for (i = 0; i < u->count; i++) {
		struct networkd_unit *unit = &u->items[i];

		for (n = 0; n < unit->part_count; n++) {
			free(unit->parts[n].path);
			ini_done(&unit->parts[n].ini);
		}
		free(unit->parts);
		free(unit->base);
		strlist_done(&unit->links);
	}
	free(u->items);
	*u = (struct networkd_units){ 0 };
}

const char *networkd_get(const struct networkd_unit *u, const char *section, const char *key)
{
	const char *found = NULL;
	unsigned i;

	for (i = 0; i < u->part_count; i++) {
		const char *here = ini_get(&u->parts[i].ini, section, key);

		found = here ? here : found;
	}
	return found;
}

bool networkd_is_vendor(const struct networkd_unit *u)
{
	return u->part_count && !str_starts(u->parts[0].path, "/etc/");
}

/* Libraries are named by the version: "libsystemd-shared-252.so", "libsystemd-shared-252.4-1.fc37.so". */
static unsigned version_in(const struct root *root, const char *dir)
{
	static const char prefix[] = "libsystemd-shared-";
	struct strlist names cleanup_strlist = STRLIST_INIT;
	unsigned long found;
	size_t i;

	if (!root_is_dir(root, dir) || root_list(root, dir, &names, NULL) < 0)
		return 0;
	for (i = 0; i < names.count; i++)
		if (str_starts(names.items[i], prefix)) {
			found = strtoul(names.items[i] + sizeof(prefix) - 1, NULL, 10);
			if (found > 0 && found < 10000)
				return (unsigned)found;
		}
	return 0;
}

unsigned networkd_version(const struct root *root)
{
	static const char *const places[] = {
		"/usr/lib/systemd",
		"/usr/lib64/systemd",
		"/lib/systemd",
		"/usr/lib/x86_64-linux-gnu/systemd",
		"/usr/lib/aarch64-linux-gnu/systemd",
	};
	unsigned found = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places) && !found; i++)
		found = version_in(root, places[i]);
	return found;
}

bool networkd_span(const char *text, uint64_t *ret_ms)
{
	static const struct {
		const char *unit;
		uint64_t us;
	} units[] = { { "us", 1 },
		      { "usec", 1 },
		      { "ms", 1000 },
		      { "msec", 1000 },
		      { "s", 1000000 },
		      { "sec", 1000000 },
		      { "second", 1000000 },
		      { "seconds", 1000000 },
		      { "", 1000000 },
		      { "m", 60000000 },
		      { "min", 60000000 },
		      { "minute", 60000000 },
		      { "minutes", 60000000 },
		      { "h", 3600000000 },
		      { "hr", 3600000000 } };
	uint64_t total = 0;

	while (isspace((unsigned char)*text))
		text++;
	do {
		char number[24], unit[12];
		unsigned digits, letters;
		size_t i;
		double value;

		digits = (unsigned)strspn(text, "0123456789.");
		if (!digits || digits >= 12 || *text == '.')
			return false;
		snprintf(number, sizeof(number), "%.*s", (int)digits, text);
		text += digits + strspn(text + digits, " \t");
		for (letters = 0; isalpha((unsigned char)text[letters]);)
			letters++;
		if (letters >= sizeof(unit))
			return false;
		snprintf(unit, sizeof(unit), "%.*s", (int)letters, text);
		text += letters + strspn(text + letters, " \t");
		for (i = 0; i < ARRAY_SIZE(units) && strcmp(units[i].unit, unit) != 0;)
			i++;
		if (i == ARRAY_SIZE(units))
			return false;
		value = strtod(number, NULL) * (double)units[i].us;
		if (value > 1e15)
			return false;
		total += (uint64_t)(value + 0.5);
	} while (*text);
	*ret_ms = total / 1000;
	return total % 1000 == 0;
}
