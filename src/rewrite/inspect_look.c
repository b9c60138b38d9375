/* SPDX-License-Identifier: MIT */
/* What all sections of the report share: bounded reading, lines, what init starts. */
#include <ctype.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>

#include "rewrite/inspect_priv.h"

int inspect_note(struct inspect_look *l, const char *fmt, ...)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	va_list ap;

	if (json_array_size(l->notes) >= INSPECT_NOTES_MAX)
		return 0;
	va_start(ap, fmt);
	strbuf_vaddf(&text, fmt, ap);
	va_end(ap);
	return json_array_append_new(l->notes, json_text(strbuf_str(&text)));
}

bool inspect_read(struct inspect_look *l, const char *path, struct strbuf *ret)
{
	struct err e = ERR_INIT;

	strbuf_done(ret);
	if (!root_is_file(l->root, path))
		return false;
	if (root_read(l->root, path, ret, INSPECT_FILE_MAX, &e) < 0) {
		inspect_note(l, "%s was not read: %s", path,
			     e.code == ERR_LIMIT ? "it is larger than a configuration file is"
						 : strerror(e.sys));
		return false;
	}
	if (ret->len && memchr(ret->data, '\0', ret->len)) {
		inspect_note(l, "%s was not read: it is no text", path);
		return false;
	}
	return true;
}

void inspect_glob(const struct root *root, const char *dir, const char *pattern,
		  struct strlist *ret)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i, before = ret->count;

	if (!root_is_dir(root, dir) || root_list(root, dir, &names, NULL) < 0)
		return;
	for (i = 0; i < names.count && ret->count - before < INSPECT_ITEMS_MAX; i++)
		if (fnmatch(pattern, names.items[i], 0) == 0 &&
		    strlist_addf(ret, "%s/%s", dir, names.items[i]) < 0)
			return;
}

const char *inspect_first(const struct root *root, const char *const *paths)
{
	for (; *paths; paths++)
		if (root_exists(root, *paths))
			return *paths;
	return NULL;
}

/* ---- lines ---- */

void inspect_lines_begin(struct inspect_lines *s, const struct strbuf *text)
{
	s->at = strbuf_str(text);
	s->end = s->at + text->len;
	s->number = 0;
}

bool inspect_lines_next(struct inspect_lines *s)
{
	const char *nl, *end;

	if (s->at >= s->end)
		return false;
	nl = memchr(s->at, '\n', (size_t)(s->end - s->at));
	end = nl ? nl : s->end;
	while (s->at < end && isspace((unsigned char)*s->at))
		s->at++;
	while (end > s->at && isspace((unsigned char)end[-1]))
		end--;
	snprintf(s->line, sizeof(s->line), "%.*s", (int)(end - s->at), s->at);
	s->at = nl ? nl + 1 : s->end;
	s->number++;
	return true;
}

bool inspect_lines_entry(struct inspect_lines *s)
{
	while (inspect_lines_next(s))
		if (s->line[0] && s->line[0] != '#')
			return true;
	return false;
}

/* ---- what init starts ---- */

static int add_started(struct inspect_look *l, const char *name, const char *link)
{
	size_t len = strlen(name);

	if (l->started.count >= 4096)
		return 0;
	if (str_ends(name, ".service"))
		len -= strlen(".service");
	if (strlist_addn(&l->started, name, len) < 0)
		return -1;
	return strlist_add(&l->links, link);
}

static bool is_masked(const struct root *root, const char *path)
{
	char link[PATH_MAX];

	return root_readlink(root, path, link, sizeof(link)) == 0 && strcmp(link, "/dev/null") == 0;
}

/* The units that a target wants, and names that stand for a unit (network.service -> wicked.service). */
static int list_systemd(struct inspect_look *l)
{
	static const char dir[] = "/etc/systemd/system";
	struct strlist entries cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX], link[PATH_MAX];
	size_t i, n;

	inspect_glob(l->root, dir, "*", &entries);
	for (i = 0; i < entries.count; i++) {
		struct strlist units cleanup_strlist = STRLIST_INIT;

		if (root_readlink(l->root, entries.items[i], link, sizeof(link)) == 0) {
			const char *unit = strrchr(link, '/');
			const char *alias = strrchr(entries.items[i], '/') + 1;

			/* Of the same name: a unit file that lies elsewhere, not a unit that is enabled. */
			if (unit && strcmp(link, "/dev/null") != 0 &&
			    strcmp(unit + 1, alias) != 0 &&
			    (add_started(l, unit + 1, entries.items[i]) < 0 ||
			     add_started(l, alias, entries.items[i]) < 0))
				return -1;
			continue;
		}
		if (!str_ends(entries.items[i], ".wants") &&
		    !str_ends(entries.items[i], ".requires"))
			continue;
		inspect_glob(l->root, entries.items[i], "*", &units);
		for (n = 0; n < units.count; n++) {
			const char *unit = strrchr(units.items[n], '/') + 1;

			snprintf(path, sizeof(path), "%s/%s", dir, unit);
			if (!is_masked(l->root, path) && add_started(l, unit, units.items[n]) < 0)
				return -1;
		}
	}
	return 0;
}

/* S10network of System V's runlevels; of SUSE's folders as well. */
static int list_runlevels(struct inspect_look *l)
{
	static const char *const dirs[] = { "/etc/rcS.d",
					    "/etc/rc2.d",
					    "/etc/rc3.d",
					    "/etc/rc5.d",
					    "/etc/rc.d/rc2.d",
					    "/etc/rc.d/rc3.d",
					    "/etc/rc.d/rc5.d",
					    "/etc/init.d/rc3.d",
					    "/etc/init.d/boot.d",
					    "/etc/runlevels/sysinit",
					    "/etc/runlevels/boot",
					    "/etc/runlevels/default",
					    "/etc/runit/runsvdir/default" };
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		struct strlist links cleanup_strlist = STRLIST_INIT;
		bool numbered = strstr(dirs[i], "/run") == NULL;

		inspect_glob(l->root, dirs[i], numbered ? "S[0-9][0-9]*" : "*", &links);
		for (n = 0; n < links.count; n++)
			if (add_started(l, strrchr(links.items[n], '/') + (numbered ? 4 : 1),
					links.items[n]) < 0)
				return -1;
	}
	return 0;
}

static int list_upstart(struct inspect_look *l)
{
	struct strlist jobs cleanup_strlist = STRLIST_INIT;
	char name[256], override[PATH_MAX];
	size_t i;

	inspect_glob(l->root, "/etc/init", "*.conf", &jobs);
	for (i = 0; i < jobs.count; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;
		const char *job = strrchr(jobs.items[i], '/') + 1;

		snprintf(name, sizeof(name), "%.*s", (int)(strlen(job) - strlen(".conf")), job);
		snprintf(override, sizeof(override), "/etc/init/%s.override", name);
		if (root_read(l->root, override, &text, 4096, NULL) == 0 &&
		    strstr(strbuf_str(&text), "manual"))
			continue;
		if (add_started(l, name, jobs.items[i]) < 0)
			return -1;
	}
	return 0;
}

int inspect_list_started(struct inspect_look *l)
{
	const char *init = l->tree.init ? l->tree.init : "";

	if (strcmp(init, "systemd") == 0 && list_systemd(l) < 0)
		return -1;
	if (strcmp(init, "upstart") == 0 && list_upstart(l) < 0)
		return -1;
	return list_runlevels(l); /* systemd and upstart start these as well */
}

const char *inspect_started(const struct inspect_look *l, const char *name)
{
	size_t i;

	for (i = 0; i < l->started.count; i++)
		if (fnmatch(name, l->started.items[i], 0) == 0)
			return l->links.items[i];
	return NULL;
}
