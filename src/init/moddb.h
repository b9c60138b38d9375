/* SPDX-License-Identifier: MIT */
/*
 * The module tables that image/build leaves in lib/modules/VERSION: modules.dep, .alias, .softdep,
 * .builtin, .builtin.alias. Pure: texts in, an order of files to load out.
 * In all names '-' and '_' are the same.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define MODULE_NAME_MAX 64

struct moddb_row {
	const char *text; /* alias pattern, or path below the tables' folder */
	const char *rest; /* module name of an alias; dependencies or softdeps of a module */
	char *name;	  /* normalised module name (alias rows: the module it stands for) */
};

struct moddb_table {
	struct moddb_row *rows;
	size_t count, cap;
};

struct moddb {
	char *dep_text, *alias_text, *soft_text, *builtin_text, *builtin_alias_text; /* owned */
	struct moddb_table dep, alias, soft, builtin, builtin_alias;
	struct strlist blacklist; /* normalised names, see moddb_blacklist */
};

#define MODDB_INIT ((struct moddb){ 0 })

/*
 * Takes the texts (heap, freed by moddb_done, also on failure); NULL means an empty table. Lines
 * that do not parse are skipped. -1 when out of memory.
 */
int moddb_init(struct moddb *db, char *dep, char *alias, char *soft, char *builtin,
	       char *builtin_alias) must_check;
/* The same from the files in a folder; a missing file is an empty table. */
int moddb_open(struct moddb *db, const char *folder, struct err *e) must_check;
void moddb_done(struct moddb *db);

/* Comma-separated names that are never loaded (module_blacklist= and the like). */
int moddb_blacklist(struct moddb *db, const char *names) must_check;

/* What a request led to. */
enum moddb_answer {
	MODDB_FOUND,   /* files to load were appended (none when all are listed already) */
	MODDB_BUILTIN, /* nothing to do */
	MODDB_UNKNOWN, /* no module and no alias of that name */
};

/*
 * Appends the paths (relative to the folder) that a module name or alias needs, dependencies and
 * "pre" softdeps before, "post" softdeps behind, each path once in the whole list. Softdeps are
 * wishes: unknown ones are skipped. Returns an enum moddb_answer, -1 when out of memory.
 */
int moddb_plan(const struct moddb *db, const char *request, struct strlist *paths);

/* "kernel/net/foo-bar.ko.xz" -> "foo_bar". ret holds MODULE_NAME_MAX bytes. */
void module_name_of(char *ret, const char *path);

/* Parameters for a module from the words MODULE.PARAM=VALUE, blank-separated, appended. */
void module_options(struct strbuf *ret, const struct strlist *words, const char *module);
