/* SPDX-License-Identifier: MIT */
/* What all sections of the report share: bounded reading, lines, what init starts. */
#include <ctype.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>

#include "rewrite/inspect_priv.h"
#include "rewrite/services.h"

#define STARTED_MAX 4096

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
	if (l->started.count >= STARTED_MAX)
		return 0;
	if (strlist_addn(&l->started, name, services_base_len(name)) < 0)
		return -1;
	return strlist_add(&l->links, link);
}

/* Names that stand for a unit: network.service -> wicked.service. */
static int list_aliases(struct inspect_look *l)
{
	struct strlist entries cleanup_strlist = STRLIST_INIT;
	char link[PATH_MAX];
	size_t i;

	inspect_glob(l->root, UNIT_DIR, "*", &entries);
	for (i = 0; i < entries.count; i++) {
		const char *alias = strrchr(entries.items[i], '/') + 1, *unit;

		if (root_readlink(l->root, entries.items[i], link, sizeof(link)) < 0)
			continue;
		unit = strrchr(link, '/');
		/* Of the same name: a unit file that lies elsewhere, not a unit that is enabled. */
		if (unit && strcmp(link, "/dev/null") != 0 && strcmp(unit + 1, alias) != 0 &&
		    (add_started(l, unit + 1, entries.items[i]) < 0 ||
		     add_started(l, alias, entries.items[i]) < 0))
			return -1;
	}
	return 0;
}

/* The folders of *.wants and *.requires. */
static void list_wants(const struct inspect_look *l, struct strlist *ret)
{
	static const char *const dirs[] = { UNIT_DIR, "/usr/lib/systemd/system",
					    "/lib/systemd/system" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		inspect_glob(l->root, dirs[i], "*.wants", ret);
		inspect_glob(l->root, dirs[i], "*.requires", ret);
	}
}

/* The services, each with the first link that starts it. */
static int list_services(struct inspect_look *l)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	struct strlist wants cleanup_strlist = STRLIST_INIT;
	struct err e = ERR_INIT;
	char path[PATH_MAX];
	struct stat st;
	size_t i, n;

	if (services_list(&names, l->root, l->tree.init, &e) < 0) {
		if (e.code == ERR_NOMEM)
			return -1;
		inspect_note(l, "not all services are known: %s", e.ctx[0]);
	}
	list_wants(l, &wants);
	for (i = 0; i < names.count; i++) {
		struct strlist links cleanup_strlist = STRLIST_INIT;
		const char *link = NULL;
		char script[256];

		for (n = 0; n < wants.count && !link; n++) {
			snprintf(path, sizeof(path), "%s/%s", wants.items[n], names.items[i]);
			link = root_lstat(l->root, path, &st) == 0 ? path : NULL;
		}
		snprintf(script, sizeof(script), "%.*s", (int)services_base_len(names.items[i]),
			 names.items[i]);
		if (!link && services_links(&links, l->root, script, NULL) == 0 && links.count)
			link = links.items[0];
		if (add_started(l, names.items[i], link ? link : names.items[i]) < 0)
			return -1;
	}
	return 0;
}

/* What runs before any runlevel: Debian's networking. */
static int list_early(struct inspect_look *l)
{
	struct strlist links cleanup_strlist = STRLIST_INIT;
	size_t i;

	inspect_glob(l->root, "/etc/rcS.d", "S[0-9][0-9]?*", &links);
	inspect_glob(l->root, "/etc/init.d/boot.d", "S[0-9][0-9]?*", &links);
	for (i = 0; i < links.count; i++)
		if (add_started(l, strrchr(links.items[i], '/') + 4, links.items[i]) < 0)
			return -1;
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

	if (strcmp(init, "systemd") == 0 && list_aliases(l) < 0)
		return -1;
	if (strcmp(init, "upstart") == 0 && list_upstart(l) < 0)
		return -1;
	return list_services(l) < 0 ? -1 : list_early(l);
}

const char *inspect_started(const struct inspect_look *l, const char *patterns)
{
	size_t i;

	for (i = 0; i < l->started.count; i++)
		if (services_match(patterns, l->started.items[i]))
			return l->links.items[i];
	return NULL;
}
