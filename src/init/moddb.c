/* SPDX-License-Identifier: MIT */
#include "init/moddb.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"

#define DEPTH_MAX 32
#define TABLE_LIMIT (4U << 20)

static char normal(char c)
{
	return c == '-' ? '_' : c;
}

static void normalise(char *ret, size_t size, const char *name, size_t len)
{
	size_t n = len < size - 1 ? len : size - 1;

	for (size_t i = 0; i < n; i++)
		ret[i] = normal(name[i]);
	ret[n] = 0;
}

void module_name_of(char *ret, const char *path)
{
	const char *base = strrchr(path, '/');
	const char *ko;

	base = base ? base + 1 : path;
	ko = strstr(base, ".ko");
	normalise(ret, MODULE_NAME_MAX, base, ko ? (size_t)(ko - base) : strlen(base));
}

static int table_add(struct moddb_table *t, const char *text, const char *rest, const char *name)
{
	if (t->count == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 64;
		struct moddb_row *rows = reallocarray(t->rows, cap, sizeof(*rows));

		if (!rows)
			return -1;
		t->rows = rows;
		t->cap = cap;
	}
	char *copy = strdup(name);

	if (!copy)
		return -1;
	t->rows[t->count++] = (struct moddb_row){ .text = text, .rest = rest, .name = copy };
	return 0;
}

static int compare_rows(const void *a, const void *b)
{
	const struct moddb_row *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* First row of that name in a sorted table. */
static const struct moddb_row *table_find(const struct moddb_table *t, const char *name)
{
	size_t low = 0, high = t->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(t->rows[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < t->count && strcmp(t->rows[low].name, name) == 0 ? &t->rows[low] : NULL;
}

/* "path: dep dep" */
static int dep_line(struct moddb *db, char *line)
{
	char name[MODULE_NAME_MAX];
	char *colon = strchr(line, ':');

	if (!colon)
		return 0;
	*colon = 0;
	module_name_of(name, line);
	return table_add(&db->dep, line, colon + 1, name);
}

/* "alias PATTERN MODULE" */
static int alias_line(struct moddb *db, char *line)
{
	char name[MODULE_NAME_MAX];
	char *save = NULL, *word = strtok_r(line, " ", &save);
	char *pattern = strtok_r(NULL, " ", &save), *module = strtok_r(NULL, " ", &save);

	if (!word || strcmp(word, "alias") != 0 || !pattern || !module)
		return 0;
	normalise(name, sizeof(name), module, strlen(module));
	return table_add(&db->alias, pattern, module, name);
}

/* "softdep MODULE pre: a b post: c" */
static int soft_line(struct moddb *db, char *line)
{
	char name[MODULE_NAME_MAX];
	char *save = NULL, *word = strtok_r(line, " ", &save), *module = strtok_r(NULL, " ", &save);

	if (!word || strcmp(word, "softdep") != 0 || !module)
		return 0;
	normalise(name, sizeof(name), module, strlen(module));
	return table_add(&db->soft, module, save ? save : "", name);
}

static int builtin_line(struct moddb *db, char *line)
{
	char name[MODULE_NAME_MAX];

	module_name_of(name, line);
	return table_add(&db->builtin, line, "", name);
}

static int builtin_alias_line(struct moddb *db, char *line)
{
	return table_add(&db->builtin_alias, line, "", "");
}

static int each_line(struct moddb *db, char *text, int (*line)(struct moddb *db, char *line))
{
	char *save = NULL;

	for (char *l = text ? strtok_r(text, "\n", &save) : NULL; l;
	     l = strtok_r(NULL, "\n", &save))
		if (*l != '#' && line(db, l) < 0)
			return -1;
	return 0;
}

int moddb_init(struct moddb *db, char *dep, char *alias, char *soft, char *builtin,
	       char *builtin_alias)
{
	*db = (struct moddb){ .dep_text = dep,
			      .alias_text = alias,
			      .soft_text = soft,
			      .builtin_text = builtin,
			      .builtin_alias_text = builtin_alias };
	if (each_line(db, dep, dep_line) < 0 || each_line(db, alias, alias_line) < 0 ||
	    each_line(db, soft, soft_line) < 0 || each_line(db, builtin, builtin_line) < 0 ||
	    each_line(db, builtin_alias, builtin_alias_line) < 0) {
		moddb_done(db);
		return -1;
	}
	if (db->dep.count)
		qsort(db->dep.rows, db->dep.count, sizeof(*db->dep.rows), compare_rows);
	if (db->soft.count)
		qsort(db->soft.rows, db->soft.count, sizeof(*db->soft.rows), compare_rows);
	if (db->builtin.count)
		qsort(db->builtin.rows, db->builtin.count, sizeof(*db->builtin.rows), compare_rows);
	return 0;
}

static char *slurp_table(const char *folder, const char *name)
{
	cleanup_strbuf struct strbuf b = STRBUF_INIT;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (file_slurp(path, &b, TABLE_LIMIT, NULL) < 0)
		return NULL;
	return strbuf_take(&b);
}

int moddb_open(struct moddb *db, const char *folder, struct err *e)
{
	if (moddb_init(db, slurp_table(folder, "modules.dep"), slurp_table(folder, "modules.alias"),
		       slurp_table(folder, "modules.softdep"),
		       slurp_table(folder, "modules.builtin"),
		       slurp_table(folder, "modules.builtin.alias")) < 0)
		return err_set(e, ERR_NOMEM, 0, "module tables");
	if (!db->dep.count)
		return err_set(e, ERR_INIT_MODULES, 0, "%s/modules.dep is missing or empty",
			       folder);
	return 0;
}

static void table_done(struct moddb_table *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->rows[i].name);
	free(t->rows);
	*t = (struct moddb_table){ 0 };
}

void moddb_done(struct moddb *db)
{
	table_done(&db->dep);
	table_done(&db->alias);
	table_done(&db->soft);
	table_done(&db->builtin);
	table_done(&db->builtin_alias);
	free(db->dep_text);
	free(db->alias_text);
	free(db->soft_text);
	free(db->builtin_text);
	free(db->builtin_alias_text);
	strlist_done(&db->blacklist);
	*db = MODDB_INIT;
}

int moddb_blacklist(struct moddb *db, const char *names)
{
	cleanup_strlist struct strlist list = STRLIST_INIT;
	char name[MODULE_NAME_MAX];

	if (strlist_split(&list, names, ",") < 0)
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		normalise(name, sizeof(name), list.items[i], strlen(list.items[i]));
		if (strlist_add(&db->blacklist, name) < 0)
			return -1;
	}
	return 0;
}

static int plan_request(const struct moddb *db, const char *request, struct strlist *paths,
			int depth);

/* Walks "pre: a b post: c"; words before any label count as pre. */
static int plan_soft(const struct moddb *db, const char *module, bool post, struct strlist *paths,
		     int depth)
{
	const struct moddb_row *r = table_find(&db->soft, module);
	const struct moddb_row *end = db->soft.rows + db->soft.count;

	for (; r && r < end && strcmp(r->name, module) == 0; r++) {
		cleanup_strlist struct strlist words = STRLIST_INIT;
		bool in_post = false;

		if (strlist_split(&words, r->rest, " \t") < 0)
			return -1;
		for (size_t i = 0; i < words.count; i++) {
			if (strcmp(words.items[i], "pre:") == 0)
				in_post = false;
			else if (strcmp(words.items[i], "post:") == 0)
				in_post = true;
			else if (in_post == post &&
				 plan_request(db, words.items[i], paths, depth + 1) < 0)
				return -1;
		}
	}
	return 0;
}

static int plan_module(const struct moddb *db, const struct moddb_row *module,
		       struct strlist *paths, int depth)
{
	cleanup_strlist struct strlist deps = STRLIST_INIT;

	if (strlist_has(&db->blacklist, module->name) || strlist_has(paths, module->text))
		return 0;
	if (depth > DEPTH_MAX)
		return 0;
	if (plan_soft(db, module->name, false, paths, depth) < 0 ||
	    strlist_split(&deps, module->rest, " \t") < 0)
		return -1;
	/* modules.dep lists the whole closure, the one that everything needs last. */
	for (size_t i = deps.count; i > 0; i--) {
		char name[MODULE_NAME_MAX];

		module_name_of(name, deps.items[i - 1]);
		const struct moddb_row *dep = table_find(&db->dep, name);

		if (dep && plan_module(db, dep, paths, depth + 1) < 0)
			return -1;
	}
	if (!strlist_has(paths, module->text) && strlist_add(paths, module->text) < 0)
		return -1;
	return plan_soft(db, module->name, true, paths, depth);
}

/* fnmatch, after the cheap comparison of what stands before the first wildcard. */
static bool alias_matches(const char *pattern, const char *request)
{
	const char *p = pattern, *r = request;

	while (*p && *p != '*' && *p != '?' && *p != '[') {
		if (normal(*p) != normal(*r))
			return false;
		p++;
		r++;
	}
	return *p ? fnmatch(p, r, 0) == 0 : !*r;
}

static int plan_request(const struct moddb *db, const char *request, struct strlist *paths,
			int depth)
{
	char name[MODULE_NAME_MAX];
	int answer = MODDB_UNKNOWN;

	if (depth > DEPTH_MAX)
		return MODDB_UNKNOWN;
	normalise(name, sizeof(name), request, strlen(request));
	const struct moddb_row *exact = table_find(&db->dep, name);

	if (exact)
		return plan_module(db, exact, paths, depth) < 0 ? -1 : MODDB_FOUND;
	if (table_find(&db->builtin, name))
		return MODDB_BUILTIN;
	for (size_t i = 0; i < db->alias.count; i++) {
		if (!alias_matches(db->alias.rows[i].text, request))
			continue;
		const struct moddb_row *m = table_find(&db->dep, db->alias.rows[i].name);

		if (!m)
			continue;
		answer = MODDB_FOUND;
		if (plan_module(db, m, paths, depth) < 0)
			return -1;
	}
	for (size_t i = 0; answer == MODDB_UNKNOWN && i < db->builtin_alias.count; i++)
		if (alias_matches(db->builtin_alias.rows[i].text, request))
			answer = MODDB_BUILTIN;
	return answer;
}

int moddb_plan(const struct moddb *db, const char *request, struct strlist *paths)
{
	return plan_request(db, request, paths, 0);
}

void module_options(struct strbuf *ret, const struct strlist *words, const char *module)
{
	/* Else it makes a bond0 of its own, and ours could not be made. A word behind it wins. */
	if (strcmp(module, "bonding") == 0)
		strbuf_adds(ret, "max_bonds=0");
	for (size_t i = 0; i < words->count; i++) {
		const char *word = words->items[i];
		const char *dot = strchr(word, '.'), *equals = strchr(word, '=');
		char name[MODULE_NAME_MAX];

		if (!dot || (equals && equals < dot) || dot - word >= MODULE_NAME_MAX)
			continue;
		normalise(name, sizeof(name), word, (size_t)(dot - word));
		if (strcmp(name, module) != 0)
			continue;
		if (ret->len)
			strbuf_addc(ret, ' ');
		strbuf_adds(ret, dot + 1);
	}
}
