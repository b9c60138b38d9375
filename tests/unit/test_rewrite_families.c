/* SPDX-License-Identifier: MIT */
/*
 * Trees of families that no machine of ours was booted with: tests/fixtures/families/NAME, one file each, of sections
 *   === facts                 the facts file
 *   === in PATH               a file of the source; "=== in PATH -> TEXT": a link
 *   === kernel PATH VERSION   a kernel's image that says its version
 *   === target PATH           a file of the target
 *   === want PATH             what the file becomes, byte for byte ("-> TEXT" as above)
 *   === gone PATH
 *   === run WORDS             the tools, in order
 * The last newline of a grubenv, which has none, is not of the file.
 * Every file below is either one of the source that stays as it was, wanted, or of /var/lib/rehost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <elf.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/io.h"
#include "rewrite/facts_json.h"
#include "rewrite/plan.h"

#define FAMILIES "tests/fixtures/families/"
#define SECTIONS_MAX 120
#define MARK "=== "

struct section {
	char *kind, *name, *text; /* of a link text is NULL and link is set */
	char *link;
};

struct fixture {
	struct section s[SECTIONS_MAX];
	size_t count;
};

static char dir[64];

/* ---- the file ---- */

static void take_head(struct section *s, char *line)
{
	char *arrow = strstr(line, " -> "), *space;

	if (arrow) {
		s->link = arrow + 4;
		*arrow = '\0';
	}
	s->kind = line;
	space = strchr(line, ' ');
	s->name = space ? space + 1 : line + strlen(line);
	if (space)
		*space = '\0';
}

/* Cuts the text up in place. */
static void load(struct fixture *f, char *text)
{
	while (text && *text) {
		char *next = strstr(text, "\n" MARK), *end = text + strcspn(text, "\n");
		struct section *s = &f->s[f->count++];

		assert_true(f->count <= SECTIONS_MAX);
		assert_true(str_starts(text, MARK));
		if (next)
			next[0] = '\0';
		s->text = *end || next ? end + 1 : end;
		if (next && next < end + 1)
			s->text = end;
		*end = '\0';
		take_head(s, text + strlen(MARK));
		if (next &&
		    s->text != end) { /* the newline before the next head belongs to the content */
			size_t n = strlen(s->text);
			char *copy = malloc(n + 2);

			assert_non_null(copy);
			memcpy(copy, s->text, n);
			memcpy(copy + n, "\n", 2);
			s->text = copy;
		} else {
			s->text = strdup(s->text);
		}
		if (str_ends(s->name, "grubenv"))
			s->text[strlen(s->text) - 1] = '\0';
		text = next ? next + 1 : NULL;
	}
}

static const struct section *find(const struct fixture *f, const char *kind, const char *name)
{
	size_t i;

	for (i = 0; i < f->count; i++)
		if (strcmp(f->s[i].kind, kind) == 0 && (!name || strcmp(f->s[i].name, name) == 0))
			return &f->s[i];
	return NULL;
}

static void put(const struct root *r, const char *path, const void *data, size_t len, mode_t mode)
{
	const struct root_meta meta = { .uid = geteuid(), .gid = getegid(), .mode = mode };

	assert_int_equal(root_replace(r, path, data, len, &meta, NULL), 0);
}

/* Documentation/arch/x86/boot.rst: kernel_version. */
static void put_kernel(const struct root *r, char *path)
{
	unsigned char head[0x400] = { 0 };
	char *version = strchr(path, ' ');

	assert_non_null(version);
	*version++ = '\0';
	memcpy(head + 0x202, "HdrS", 4);
	head[0x20f] = 0x01; /* + 0x200 */
	snprintf((char *)head + 0x300, 0x80, "%s (x@y)", version);
	put(r, path, head, sizeof(head), 0644);
	version[-1] = ' ';
}

static void build(struct fixture *f, const struct root *clone, const struct root *target)
{
	Elf64_Ehdr elf = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
			   .e_type = ET_EXEC,
			   .e_machine = EM_X86_64 };
	size_t i;

	put(clone, "bin/sh", &elf, sizeof(elf), 0755);
	for (i = 0; i < f->count; i++) {
		struct section *s = &f->s[i];
		bool is_in = strcmp(s->kind, "in") == 0;

		if (is_in && s->link)
			assert_int_equal(root_symlink(clone, s->name, s->link, NULL), 0);
		else if (is_in)
			put(clone, s->name, s->text, strlen(s->text),
			    strstr(s->name, "system-connections") ? 0600 : 0644);
		else if (strcmp(s->kind, "target") == 0)
			put(target, s->name, s->text, strlen(s->text), 0644);
		else if (strcmp(s->kind, "kernel") == 0)
			put_kernel(clone, s->name);
	}
}

/* ---- the result ---- */

static unsigned wrong;

static void check_link(const struct root *clone, const char *path, const char *want)
{
	char text[PATH_MAX] = "";

	if (root_readlink(clone, path, text, sizeof(text)) == 0 && want && strcmp(text, want) == 0)
		return;
	print_error("%s is a link to \"%s\", not to \"%s\"\n", path, text, want ? want : "");
	wrong++;
}

static void check_file(const struct root *clone, const struct fixture *f, const char *path)
{
	struct strbuf now cleanup_strbuf = STRBUF_INIT;
	const struct section *s = find(f, "want", path);
	struct stat st;

	if (!s)
		s = find(f, "in", path);
	if (find(f, "gone", path) || !s) {
		print_error("%s is there\n", path);
		wrong++;
		return;
	}
	assert_int_equal(root_lstat(clone, path, &st), 0);
	if (S_ISLNK(st.st_mode) || s->link) {
		check_link(clone, path, s->link);
		return;
	}
	assert_int_equal(root_read(clone, path, &now, 1 << 20, NULL), 0);
	if (strcmp(strbuf_str(&now), s->text) == 0)
		return;
	print_error("%s is\n%s<<<\nand not\n%s<<<\n", path, strbuf_str(&now), s->text);
	wrong++;
}

static bool is_aside(const char *path)
{
	return strcmp(path, "bin/sh") == 0 || str_starts(path, "var/lib/rehost");
}

static void walk(const struct root *clone, const struct fixture *f, const char *folder)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	assert_int_equal(root_list(clone, *folder ? folder : "/", &names, NULL), 0);
	for (i = 0; i < names.count; i++) {
		char path[PATH_MAX], kernel[PATH_MAX + 1];
		struct stat st;
		size_t k;

		snprintf(path, sizeof(path), "%s%s%s", folder, *folder ? "/" : "", names.items[i]);
		assert_int_equal(root_lstat(clone, path, &st), 0);
		if (is_aside(path))
			continue;
		if (S_ISDIR(st.st_mode)) {
			walk(clone, f, path);
			continue;
		}
		snprintf(kernel, sizeof(kernel), "%s ", path);
		for (k = 0; k < f->count; k++)
			if (strcmp(f->s[k].kind, "kernel") == 0 && str_starts(f->s[k].name, kernel))
				break;
		if (k == f->count)
			check_file(clone, f, path);
	}
}

static void check_tree(const struct root *clone, const struct fixture *f)
{
	struct stat st;
	size_t i;

	walk(clone, f, "");
	for (i = 0; i < f->count; i++) {
		bool stays = strcmp(f->s[i].kind, "want") == 0 ||
			     (strcmp(f->s[i].kind, "in") == 0 && !find(f, "gone", f->s[i].name));

		if (!stays || root_lstat(clone, f->s[i].name, &st) == 0)
			continue;
		print_error("%s is not there\n", f->s[i].name);
		wrong++;
	}
}

static void check_steps(const struct rewrite_plan *plan, const struct fixture *f)
{
	size_t i, n = 0;

	for (i = 0; i < f->count; i++) {
		struct strbuf words cleanup_strbuf = STRBUF_INIT;
		size_t k;

		if (strcmp(f->s[i].kind, "run") != 0)
			continue;
		assert_true(n < plan->step_count);
		for (k = 0; k < plan->steps[n].argv.count; k++)
			strbuf_addf(&words, "%s%s", k ? " " : "", plan->steps[n].argv.items[k]);
		n++;
		if (strcmp(strbuf_str(&words), f->s[i].name) == 0)
			continue;
		print_error("run: %s\n", strbuf_str(&words));
		wrong++;
	}
	assert_int_equal(n, plan->step_count);
}

static void plan_it(struct rewrite_plan *plan, const struct root *clone, const struct facts_file *f)
{
	struct err e = ERR_INIT;
	size_t i;

	if (rewrite_plan_make(plan, clone, &f->facts, &f->options, &e) < 0)
		fail_msg("%s: %s", err_info(e.code)->title, e.nctx ? e.ctx[0] : "");
	for (i = 0; i < plan->blockers.count; i++)
		print_error("blocker: %s\n", plan->blockers.items[i]);
	assert_int_equal(plan->blockers.count, 0);
}

static bool has_note(const struct rewrite_plan *plan, const char *text)
{
	size_t i;

	for (i = 0; i < plan->notes.count; i++)
		if (strstr(plan->notes.items[i], text))
			return true;
	return false;
}

static void try_fixture(struct fixture *fx, const struct root *clone, const struct root *target)
{
	const struct section *facts = find(fx, "facts", NULL);
	struct rewrite_plan plan;
	struct facts_file f;
	struct err e = ERR_INIT;

	build(fx, clone, target);
	assert_non_null(facts);
	assert_int_equal(facts_file_load(&f, facts->text, strlen(facts->text), &e), 0);
	f.facts.target_files = target;
	plan_it(&plan, clone, &f);
	assert_true(has_note(&plan, "but never booted it"));
	check_steps(&plan, fx);
	assert_int_equal(rewrite_plan_apply(&plan, clone, &e), 0);
	rewrite_plan_done(&plan);
	check_tree(clone, fx);

	/* the second time there is nothing to do */
	plan_it(&plan, clone, &f);
	if (plan.edit_count)
		print_error("again: %s\n", plan.edits[0].path);
	assert_int_equal(plan.edit_count, 0);
	rewrite_plan_done(&plan);
	facts_file_done(&f);
}

static void test_family(void **state)
{
	struct root clone cleanup_root = ROOT_INIT, target cleanup_root = ROOT_INIT;
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct fixture *fx = calloc(1, sizeof(*fx));
	char path[PATH_MAX];
	size_t i;

	assert_non_null(fx);
	snprintf(path, sizeof(path), FAMILIES "%s", (const char *)*state);
	assert_int_equal(file_slurp(path, &text, 1 << 20, NULL), 0);
	load(fx, text.data);
	strcpy(dir, "/tmp/rehost-family-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "mkdir %s/c %s/t", dir, dir);
	assert_int_equal(system(path), 0);
	snprintf(path, sizeof(path), "%s/c", dir);
	assert_int_equal(root_open(&clone, path, NULL), 0);
	snprintf(path, sizeof(path), "%s/t", dir);
	assert_int_equal(root_open(&target, path, NULL), 0);
	wrong = 0;
	try_fixture(fx, &clone, &target);
	snprintf(path, sizeof(path), "rm -rf %s", dir);
	assert_int_equal(system(path), 0);
	for (i = 0; i < fx->count; i++)
		free(fx->s[i].text);
	free(fx);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	struct root r cleanup_root = ROOT_INIT;
	struct strlist names cleanup_strlist = STRLIST_INIT;
	struct CMUnitTest *tests;
	size_t i;
	int rc;

	if (root_open(&r, FAMILIES, NULL) < 0 || root_list(&r, "/", &names, NULL) < 0 ||
	    !names.count)
		return 1;
	tests = calloc(names.count, sizeof(*tests));
	for (i = 0; tests && i < names.count; i++)
		tests[i] = (struct CMUnitTest){ .name = names.items[i],
						.test_func = test_family,
						.initial_state = names.items[i] };
	rc = tests ? _cmocka_run_group_tests("families", tests, names.count, NULL, NULL) : 1;
	free(tests);
	return rc;
}
