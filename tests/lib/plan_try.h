/* SPDX-License-Identifier: MIT */
/* A source's tree and a target's files from the fixtures, in a folder of the test's, and plans made of them. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "base/io.h"
#include "rewrite/facts_json.h"
#include "rewrite/plan.h"

#define ROOTS "tests/fixtures/roots/"
#define CASE ROOTS "bookworm-move-static-to-dhcp/"

static char dir[64];
static struct root clone = { .fd = -1 }, target = { .fd = -1 };
static struct facts_file f;
static struct rewrite_plan plan;

static inline int set_up(void **state)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char cmd[1024];

	(void)state;
	strcpy(dir, "/tmp/rehost-plan-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(cmd, sizeof(cmd),
		 "mkdir %s/c && cp -a " ROOTS "base-bookworm/. " CASE "in/. %s/c && cp -a " CASE
		 "target %s/t",
		 dir, dir, dir);
	if (system(cmd) != 0)
		return -1;
	snprintf(cmd, sizeof(cmd), "%s/c", dir);
	if (root_open(&clone, cmd, NULL) < 0)
		return -1;
	snprintf(cmd, sizeof(cmd), "%s/t", dir);
	if (root_open(&target, cmd, NULL) < 0)
		return -1;
	if (file_slurp(CASE "facts.json", &text, 65536, NULL) < 0 ||
	    facts_file_load(&f, strbuf_str(&text), text.len, NULL) < 0)
		return -1;
	f.facts.target_files = &target;
	return 0;
}

static inline int tear_down(void **state)
{
	char cmd[128];

	(void)state;
	rewrite_plan_done(&plan);
	facts_file_done(&f);
	root_close(&clone);
	root_close(&target);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static inline void put(const struct root *r, const char *path, const char *text)
{
	assert_int_equal(root_replace(r, path, text, strlen(text), NULL, NULL), 0);
}

static inline void drop(const char *path)
{
	assert_int_equal(root_remove(&clone, path, NULL), 0);
}

static inline void make(void)
{
	rewrite_plan_done(&plan);
	assert_int_equal(rewrite_plan_make(&plan, &clone, &f.facts, &f.options, NULL), 0);
}

static inline void apply(void)
{
	make();
	assert_int_equal(plan.blockers.count, 0);
	assert_int_equal(rewrite_plan_apply(&plan, &clone, NULL), 0);
}

static inline bool has_text(const struct strlist *l, const char *text)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		if (strstr(l->items[i], text))
			return true;
	return false;
}

static inline const struct edit *find(const char *path)
{
	size_t i;

	for (i = 0; i < plan.edit_count; i++)
		if (strcmp(plan.edits[i].path, path) == 0)
			return &plan.edits[i];
	return NULL;
}

static inline void holds(const char *path, const char *want)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;

	assert_int_equal(root_read(&clone, path, &text, 65536, NULL), 0);
	assert_string_equal(strbuf_str(&text), want);
}

static inline void blocked_by(const char *text)
{
	size_t i;

	make();
	if (has_text(&plan.blockers, text))
		return;
	for (i = 0; i < plan.blockers.count; i++)
		print_error("%s\n", plan.blockers.items[i]);
	fail_msg("no blocker says: %s", text);
}
