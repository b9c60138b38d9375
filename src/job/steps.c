/* SPDX-License-Identifier: MIT */
#include "job/steps.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "job/progress.h"

#define CONTENT_MAX (64 * 1024) /* larger inputs (kernels, modules) count by size and time */
#define STEPS_JSON_MAX (4 * 1024 * 1024)
#define DEPTH_MAX 256
#define LAST_LINES 12

/* ---- fingerprints ---- */

static void add_text(struct sha256 *s, const char *text)
{
	sha256_add(s, text, strlen(text) + 1);
}

static int add_content(struct sha256 *s, int dir, const char *name, const struct stat *st,
		       struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	int fd cleanup_fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char line[80];

	if (fd < 0)
		return err_set(e, ERR_FILE, errno, "%s", name);
	if (st->st_size > CONTENT_MAX) {
		snprintf(line, sizeof(line), "%lld %lld.%09ld", (long long)st->st_size,
			 (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
		add_text(s, line);
		return 0;
	}
	if (fd_slurp(fd, &text, CONTENT_MAX, e) < 0)
		return err_ctx(e, "reading %s", name);
	sha256_add(s, strbuf_str(&text), text.len);
	return 0;
}

static int add_entry(struct sha256 *s, int dir, const char *name, unsigned depth, struct err *e)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char line[64], text[4096];
	int fd cleanup_fd = -1;
	struct root r;
	struct stat st;
	size_t i;
	ssize_t n;

	if (depth > DEPTH_MAX)
		return err_set(e, ERR_LIMIT, ELOOP, "more than %d folders deep", DEPTH_MAX);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, ERR_FILE, errno, "%s", name);
	add_text(s, name);
	snprintf(line, sizeof(line), "%o %u %u", st.st_mode, st.st_uid, st.st_gid);
	add_text(s, line);
	if (S_ISREG(st.st_mode))
		return add_content(s, dir, name, &st, e);
	if (S_ISLNK(st.st_mode)) {
		n = readlinkat(dir, name, text, sizeof(text) - 1);
		sha256_add(s, text, n > 0 ? (size_t)n : 0);
		return 0;
	}
	if (!S_ISDIR(st.st_mode))
		return 0;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, ERR_FILE, errno, "%s", name);
	r.fd = fd;
	if (root_list(&r, "/", &names, e) < 0)
		return -1;
	for (i = 0; i < names.count; i++)
		if (add_entry(s, fd, names.items[i], depth + 1, e) < 0)
			return -1;
	add_text(s, "end"); /* a/b and a, b must differ */
	return 0;
}

static int add_input(struct sha256 *s, const struct root *view, const char *path, struct err *e)
{
	const char *name;
	int dir cleanup_fd = -1;
	int here cleanup_fd = -1;
	struct stat st;

	add_text(s, path);
	if (root_lstat(view, path, &st) < 0) {
		add_text(s, "absent");
		return 0;
	}
	dir = root_parent(view, path, false, &name, e);
	if (dir < 0)
		return -1;
	if (S_ISLNK(st.st_mode)) { /* an input that is a link: the link and what it leads to */
		add_text(s, "link");
		here = root_openat(view, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, NULL);
		if (here >= 0 && fstat(here, &st) == 0 && S_ISDIR(st.st_mode))
			return add_entry(s, here, ".", 0, e);
	}
	return add_entry(s, dir, name, 0, e);
}

int step_fingerprint(const struct tool_step *step, const struct chroot *c, const struct root *view,
		     char *ret, struct err *e)
{
	struct strbuf shown cleanup_strbuf = STRBUF_INIT;
	struct sha256 *s = sha256_new();
	uint8_t digest[SHA256_LEN];
	size_t i;
	int rc = 0;

	if (!s)
		return err_set(e, ERR_NOMEM, 0, "fingerprint of %s", step->name);
	chroot_mountinfo(c->t, &shown);
	chroot_swaps(c->t, &shown);
	chroot_cmdline(c->t, &shown);
	add_text(s, strbuf_str(&shown));
	add_text(s, c->by_id ? c->by_id : "");
	for (i = 0; i < step->argv.count; i++)
		add_text(s, step->argv.items[i]);
	for (i = 0; i < step->inputs.count && rc == 0; i++)
		rc = add_input(s, view, step->inputs.items[i], e);
	sha256_finish(s, digest);
	hex_of(digest, sizeof(digest), ret);
	return rc < 0 ? err_ctx(e, "fingerprint of %s", step->name) : 0;
}

/* ---- what was done last time ---- */

/* {"steps": [{"name", "inputs", "outputs": [path]}]}; anything odd counts as no memory. */
static json_t *load_done(const struct target *t)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct err e = ERR_INIT;
	json_t *v = NULL;

	if (root_read(&t->fs[0].root, STEPS_PATH, &text, STEPS_JSON_MAX, &e) == 0)
		v = json_loadb(strbuf_str(&text), text.len, 0, NULL);
	return v ? v : json_object();
}

static json_t *find_done(json_t *done, const char *name)
{
	json_t *steps = json_object_get(done, "steps");
	size_t i;

	for (i = 0; i < json_array_size(steps); i++) {
		json_t *s = json_array_get(steps, i);
		const char *n = json_string_value(json_object_get(s, "name"));

		if (n && strcmp(n, name) == 0)
			return s;
	}
	return NULL;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

json_t *steps_written(void *t, const char *name)
{
	json_t *done = load_done(t), *step = find_done(done, name), *list = NULL;
	const json_t *outputs = json_object_get(step, "outputs");
	size_t i, n = 0, count = json_array_size(outputs);
	const char **paths cleanup_free = calloc(count + 1, sizeof(*paths));

	for (i = 0; paths && i < count; i++)
		if (json_is_string(json_array_get(outputs, i)))
			paths[n++] = json_string_value(json_array_get(outputs, i));
	if (paths && outputs) {
		qsort(paths, n, sizeof(*paths), compare_paths);
		list = json_array();
		for (i = 0; i < n; i++)
			json_array_append_new(list, json_string(paths[i]));
	}
	json_decref(done);
	return list;
}

static int store_done(const struct target *t, json_t *done, struct err *e)
{
	const struct root_meta meta = { 0, 0, 0600 };
	char *text = json_dumps(done, JSON_INDENT(1));
	int rc;

	if (!text)
		return err_set(e, ERR_NOMEM, 0, "storing the steps");
	rc = root_replace(&t->fs[0].root, STEPS_PATH, text, strlen(text), &meta, e);
	free(text);
	return rc;
}

/* Takes a step's files over from the layer before. Returns 1 when all were there, 0 when it must run. */
static int take_over(const struct tool_step *step, json_t *last, const char *inputs,
		     const struct chroot *c, const struct root *view, struct err *e)
{
	const char *old_inputs = json_string_value(json_object_get(last, "inputs"));
	json_t *outputs = json_object_get(last, "outputs");
	size_t i;

	if (!old_inputs || strcmp(old_inputs, inputs) != 0)
		return 0;
	for (i = 0; i < json_array_size(outputs); i++) {
		const char *path = json_string_value(json_array_get(outputs, i));
		bool found = false;

		if (!path || path[0] != '/' || layer_take_old(c->t, view, path, &found, e) < 0)
			return -1;
		if (!found)
			return 0;
	}
	for (i = 0; i < step->outputs.count; i++)
		if (!root_exists(view, step->outputs.items[i]))
			return 0;
	return 1;
}

/* ---- running ---- */

static void print_last_lines(FILE *out, const char *text)
{
	const char *p = text + strlen(text);
	unsigned lines = 0;

	while (p > text && lines <= LAST_LINES)
		if (*--p == '\n' && p[1])
			lines++;
	if (*p == '\n')
		p++;
	while (*p) {
		size_t len = strcspn(p, "\n");
		char line[512], safe[600];

		snprintf(line, sizeof(line), "%.*s", (int)(len < 500 ? len : 500), p);
		str_escape(safe, sizeof(safe), line);
		fprintf(out, "    | %s\n", safe);
		p += len + (p[len] == '\n');
	}
}

static int run_program(const struct tool_step *step, const struct chroot *c, FILE *out,
		       struct err *e)
{
	const char **argv cleanup_free = calloc(step->argv.count + 1, sizeof(*argv));
	struct strbuf said cleanup_strbuf = STRBUF_INIT;
	size_t i;
	int rc;

	if (!argv)
		return err_set(e, ERR_NOMEM, 0, "%s", step->name);
	for (i = 0; i < step->argv.count; i++)
		argv[i] = step->argv.items[i];
	rc = chroot_run(c, argv, step->timeout_s, &said, e);
	if (rc != 0)
		print_last_lines(out, strbuf_str(&said));
	if (rc < 0)
		return err_ctx(e, "%s", step->name);
	if (rc > 0)
		return err_set(e, ERR_TOOL, 0, "%s: %s ended with exit code %d", step->name,
			       argv[0], rc);
	return 0;
}

static int check_outputs(const struct tool_step *step, const struct root *view, struct err *e)
{
	size_t i;

	for (i = 0; i < step->outputs.count; i++)
		if (!root_exists(view, step->outputs.items[i]))
			return err_set(e, ERR_TOOL, ENOENT, "%s: %s was not made by %s", step->name,
				       step->outputs.items[i], step->argv.items[0]);
	return 0;
}

/* Everything in the layer that is new or changed since before. */
static json_t *written_since(const struct layer *before, const struct layer *after)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < after->count; i++) {
		const struct layer_entry *now = &after->entries[i];
		const struct layer_entry *was = layer_find(before, now->path);

		/* Names that are not UTF-8 cannot be stored; such a step simply runs again. */
		if (!was || strcmp(was->stamp, now->stamp) != 0)
			json_array_append_new(list, json_text(now->path));
	}
	return list;
}

static int run_step(const struct tool_step *step, json_t *last, json_t *now, const struct chroot *c,
		    const struct root *view, FILE *out, struct err *e)
{
	struct layer before = { 0 }, after = { 0 };
	char inputs[SHA256_HEX_LEN + 1], took[32];
	uint64_t start = now_ms();
	int rc;

	if (step_fingerprint(step, c, view, inputs, e) < 0)
		return -1;
	progress_note("rewrite", step->name);
	if (layer_read(&before, c->t, e) < 0)
		return -1;
	rc = take_over(step, last, inputs, c, view, e);
	if (rc == 1) {
		fprintf(out, "kept: %s (nothing it depends on has changed)\n", step->name);
	} else if (rc == 0) {
		fprintf(out, "running: %s ...\n", step->name);
		fflush(out);
		rc = run_program(step, c, out, e);
		if (rc == 0) {
			rc = check_outputs(step, view, e);
			fprintf(out, "done: %s, %s\n", step->name,
				format_seconds(took, sizeof(took), (now_ms() - start) / 1000));
		}
	}
	fflush(out);
	if (rc >= 0)
		rc = layer_read(&after, c->t, e);
	if (rc >= 0) {
		json_object_set_new(now, "name", json_text(step->name));
		json_object_set_new(now, "inputs", json_text(inputs));
		json_object_set_new(now, "outputs", written_since(&before, &after));
	}
	layer_done(&before);
	layer_done(&after);
	return rc;
}

int steps_run(const struct rewrite_plan *plan, const struct chroot *c, const struct root *view,
	      FILE *out, struct err *e)
{
	json_t *last = load_done(c->t), *now = json_object(), *list = json_array();
	size_t i;
	int rc = 0;

	json_object_set_new(now, "steps", list);
	for (i = 0; i < plan->step_count && rc == 0; i++) {
		const struct tool_step *step = &plan->steps[i];
		json_t *entry = json_object();

		json_array_append_new(list, entry);
		rc = run_step(step, find_done(last, step->name), entry, c, view, out, e);
		/* After each one: a cut later keeps what is done. */
		if (rc == 0)
			rc = store_done(c->t, now, e);
	}
	json_decref(last);
	json_decref(now);
	return rc < 0 ? -1 : 0;
}
