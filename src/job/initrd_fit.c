/* SPDX-License-Identifier: MIT */
#include "job/initrd_fit.h"

#include <fcntl.h>
#include <string.h>

#include "rewrite/inspect.h"
#include "transfer/initrd.h"

#define LIST_MAX (8 * 1024 * 1024)
#define ENTRIES_MAX 200000
#define CONTENT_MAX (32u << 20) /* of all files looked into */

struct reading {
	struct initrd_content c;
	size_t content_bytes;
	bool is_too_large;
};

static bool is_conf(const char *path)
{
	static const char *const heads[] = { "conf/",	   "etc/fstab",	 "etc/crypttab",
					     "cryptroot/", "etc/mdadm/", "etc/cmdline.d/",
					     "etc/lvm/" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(heads); i++)
		if (str_starts(path, heads[i]))
			return true;
	return false;
}

static int want(void *arg, const char *path)
{
	(void)arg;
	return is_conf(path) || initramfs_wants(path);
}

static int take_file(void *arg, const struct initrd_file *f)
{
	struct reading *r = arg;
	struct initrd_content *c = &r->c;
	struct initramfs_file *entry;
	char *data = NULL;

	r->content_bytes += f->data ? f->len : 0;
	r->is_too_large = c->count == ENTRIES_MAX || r->content_bytes > CONTENT_MAX;
	if (r->is_too_large)
		return 1;
	if (c->count == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 512;
		struct initramfs_file *grown = realloc(c->files, cap * sizeof(*grown));

		if (!grown)
			return 1;
		c->files = grown;
		c->cap = cap;
	}
	entry = &c->files[c->count];
	*entry = (struct initramfs_file){ .path = strdup(f->path), .len = f->data ? f->len : 0 };
	if (!entry->path)
		return 1;
	c->count++;
	if (f->data) {
		data = malloc(f->len + 1);
		if (!data)
			return 1;
		memcpy(data, f->data, f->len);
		data[f->len] = '\0';
		entry->data = data;
	}
	c->has_init |= strcmp(f->path, "init") == 0;
	return 0;
}

int initrd_content_read(struct initrd_content *ret, const struct root *view, const char *path,
			struct err *e)
{
	struct reading r = { 0 };
	int fd cleanup_fd = root_openat(view, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, e);
	int rc;

	if (fd < 0)
		return -1;
	rc = initrd_walk(fd, want, take_file, &r, e);
	if (rc == 0) {
		*ret = r.c;
		return 0;
	}
	initrd_content_done(&r.c);
	if (rc > 0)
		err_set(e, r.is_too_large ? ERR_LIMIT : ERR_NOMEM, 0, "an initramfs");
	return err_ctx(e, "looking into %s", path);
}

void initrd_content_done(struct initrd_content *c)
{
	size_t i;

	for (i = 0; i < c->count; i++) {
		free((char *)c->files[i].path);
		free((char *)c->files[i].data);
	}
	free(c->files);
	*c = (struct initrd_content){ 0 };
}

/* The name of a module's file as the kernel knows it; false when the path is none. */
static bool module_name(const char *path, char *buf, size_t size)
{
	const char *base = strrchr(path, '/');
	const char *dot;
	char *p;

	base = base ? base + 1 : path;
	dot = strstr(base, ".ko");
	if (!dot || (dot[3] && dot[3] != '.') || (size_t)(dot - base) >= size)
		return false;
	memcpy(buf, base, (size_t)(dot - base));
	buf[dot - base] = '\0';
	for (p = buf; *p; p++)
		if (*p == '-')
			*p = '_';
	return true;
}

/* The first word of every line of a list of modules. */
static int read_names(struct strlist *ret, const struct root *view, const char *version,
		      const char *file, struct err *e)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char path[300], name[128];
	size_t i;

	snprintf(path, sizeof(path), "/lib/modules/%.200s/%s", version, file);
	if (!root_is_file(view, path))
		return 0;
	if (root_read(view, path, &text, LIST_MAX, e) < 0)
		return -1;
	if (strlist_split(&lines, strbuf_str(&text), "\n") < 0)
		return err_set(e, ERR_NOMEM, 0, "reading %s", path);
	for (i = 0; i < lines.count; i++) {
		lines.items[i][strcspn(lines.items[i], ": ")] = '\0';
		if (module_name(lines.items[i], name, sizeof(name)) && strlist_add(ret, name) < 0)
			return err_set(e, ERR_NOMEM, 0, "reading %s", path);
	}
	return 0;
}

int initrd_modules_of(struct strlist *ret, const struct root *view, const char *version,
		      struct err *e)
{
	return read_names(ret, view, version, "modules.builtin", e) < 0
		       ? -1
		       : read_names(ret, view, version, "modules.dep", e);
}

/* ---- steps that need not run ---- */

/* Why the image must be made anew, in reason; empty when it fits. image: NULL: there is none. */
static int judge(const char *version, const char *image, const struct root *view,
		 const struct rewrite_facts *facts, struct strbuf *reason, struct err *e)
{
	struct initrd_content content = { 0 };
	struct err local = ERR_INIT;
	int rc;

	if (!image || !root_is_file(view, image)) {
		strbuf_adds(reason, "there is none");
		return 0;
	}
	if (initrd_content_read(&content, view, image, &local) < 0) {
		strbuf_adds(reason, "the one received cannot be read");
		return 0;
	}
	rc = initramfs_fits(content.files, content.count, view, version, facts, reason);
	initrd_content_done(&content);
	if (rc < 0)
		return err_set(e, ERR_NOMEM, 0, "judging an initramfs");
	if (rc > 0)
		strbuf_done(reason);
	else if (!reason->len)
		strbuf_adds(reason, "the one received does not fit");
	return 0;
}

int initrd_list_unfit(struct strlist *ret, const struct root *view, const char *besides,
		      const struct rewrite_facts *facts, struct err *e)
{
	struct inspection tree = { 0 };
	size_t i;
	int rc = inspect_tree(&tree, view, e);

	for (i = 0; i < tree.kernel_count && rc == 0; i++) {
		struct strbuf reason cleanup_strbuf = STRBUF_INIT;
		const char *version = tree.kernels[i].version;

		if (besides && strcmp(version, besides) == 0)
			continue;
		rc = judge(version, tree.kernels[i].initramfs, view, facts, &reason, e);
		if (rc == 0 && reason.len &&
		    strlist_addf(ret, "%s: %s", version, strbuf_str(&reason)) < 0)
			rc = err_set(e, ERR_NOMEM, 0, "judging an initramfs");
	}
	inspect_done(&tree);
	return rc < 0 ? err_ctx(e, "looking at the other kernels' initramfs") : 0;
}

static void remove_step(struct rewrite_plan *plan, size_t i)
{
	struct tool_step *step = &plan->steps[i];

	free(step->name);
	free(step->why);
	strlist_done(&step->argv);
	strlist_done(&step->inputs);
	strlist_done(&step->outputs);
	memmove(step, step + 1, (plan->step_count - i - 1) * sizeof(*step));
	plan->step_count--;
}

int initrd_drop_steps(struct rewrite_plan *plan, const struct root *view,
		      const struct rewrite_facts *facts, FILE *out, struct err *e)
{
	size_t i = 0;

	while (i < plan->step_count) {
		struct strbuf reason cleanup_strbuf = STRBUF_INIT;
		const char *name = plan->steps[i].name;
		const struct strlist *made = &plan->steps[i].outputs;

		if (!str_starts(name, INITRAMFS_STEP)) {
			i++;
			continue;
		}
		if (judge(name + strlen(INITRAMFS_STEP), made->count ? made->items[0] : NULL, view,
			  facts, &reason, e) < 0)
			return -1;
		if (reason.len) {
			fprintf(out, "%s: must be made, %s\n", name, strbuf_str(&reason));
			i++;
		} else {
			fprintf(out, "%s: fits this machine, kept as received\n", name);
			remove_step(plan, i);
		}
	}
	return 0;
}
