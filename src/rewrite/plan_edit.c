/* SPDX-License-Identifier: MIT */
/* Adding edits, notes and steps to a plan. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/io.h"
#include "rewrite/plan_priv.h"

int plan_nomem(struct planner *p)
{
	return err_set(p->e, ERR_NOMEM, 0, "planning the rewriting");
}

static int printf_like(3, 0)
	add_text(struct planner *p, struct strlist *to, const char *fmt, va_list ap)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;

	strbuf_vaddf(&b, fmt, ap);
	if (b.failed)
		return plan_nomem(p);
	if (strlist_has(to, strbuf_str(&b)))
		return 0;
	return strlist_add(to, strbuf_str(&b)) < 0 ? plan_nomem(p) : 0;
}

int plan_note(struct planner *p, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = add_text(p, &p->plan->notes, fmt, ap);
	va_end(ap);
	return rc;
}

int plan_block(struct planner *p, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = add_text(p, &p->plan->blockers, fmt, ap);
	va_end(ap);
	return rc;
}

int plan_read(struct planner *p, const char *path, struct strbuf *ret)
{
	struct err local = ERR_INIT;

	if (root_read(p->clone, path, ret, CONFIG_MAX, &local) == 0)
		return 1;
	strbuf_done(ret);
	if (local.code == ERR_NOMEM)
		return plan_nomem(p);
	if (local.code == ERR_FILE && (local.sys == ENOENT || local.sys == ENOTDIR))
		return 0;
	return plan_block(p, "%s cannot be read (%s): repair it on the source and send it again",
			  path,
			  local.code == ERR_LIMIT ? "it is too large"
			  : local.sys		  ? strerror(local.sys)
						  : "it is no regular file inside the tree");
}

int plan_each_file(struct planner *p, const char *file, const char *dir, const char *suffix,
		   int (*fn)(struct planner *p, const char *path))
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char path[PATH_MAX];
	size_t i;

	if (file && fn(p, file) < 0)
		return -1;
	if (!root_is_dir(p->clone, dir))
		return 0;
	if (root_list(p->clone, dir, &names, p->e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names.items[i]);
		if (str_ends(path, suffix) && root_is_file(p->clone, path) && fn(p, path) < 0)
			return -1;
	}
	return 0;
}

int plan_read_target(struct planner *p, const char *path, struct strbuf *ret)
{
	struct err local = ERR_INIT;

	if (!p->facts->target_files)
		return 0;
	if (root_read(p->facts->target_files, path, ret, CONFIG_MAX, &local) == 0)
		return 1;
	strbuf_done(ret);
	return local.code == ERR_NOMEM ? plan_nomem(p) : 0;
}

static struct edit *find_edit(struct rewrite_plan *plan, const char *path)
{
	size_t i;

	for (i = 0; i < plan->edit_count; i++)
		if (strcmp(plan->edits[i].path, path) == 0)
			return &plan->edits[i];
	return NULL;
}

static void edit_done(struct edit *edit)
{
	free(edit->path);
	free(edit->content);
	free(edit->why);
}

/* The clone already is as a later planner wants it. */
static void cancel_edit(struct rewrite_plan *plan, const char *path)
{
	struct edit *edit = find_edit(plan, path);

	if (!edit)
		return;
	edit_done(edit);
	plan->edit_count--;
	memmove(edit, edit + 1, (size_t)(plan->edits + plan->edit_count - edit) * sizeof(*edit));
}

static enum edit_subject subject_of(const struct planner *p, const char *path)
{
	if (str_starts(path, SOURCE_ORIGINAL "/") || str_starts(path, TARGET_ORIGINAL "/"))
		return SUBJECT_KEPT;
	return str_starts(path, RW_DIR "/") && p->subject != SUBJECT_HOLDS ? SUBJECT_OWN
									   : p->subject;
}

static int add_edit(struct planner *p, enum edit_kind kind, const char *path, const char *content,
		    size_t len, int mode, bool is_secret, const char *why)
{
	struct edit *edit = find_edit(p->plan, path), *grown;
	struct edit made = { .kind = kind,
			     .subject = subject_of(p, path),
			     .path = strdup(path),
			     .content = content ? malloc(len + 1) : NULL,
			     .len = len,
			     .mode = mode,
			     .is_secret = is_secret,
			     .why = strdup(why) };

	if (!made.path || !made.why || (content && !made.content)) {
		edit_done(&made);
		return plan_nomem(p);
	}
	if (content) {
		memcpy(made.content, content, len);
		made.content[len] = '\0';
	}
	if (edit) {
		edit_done(edit);
		*edit = made;
		return 0;
	}
	grown = reallocarray(p->plan->edits, p->plan->edit_count + 1, sizeof(*grown));
	if (!grown) {
		edit_done(&made);
		return plan_nomem(p);
	}
	p->plan->edits = grown;
	grown[p->plan->edit_count++] = made;
	return 0;
}

/* Whether the clone already holds the regular file as it is wanted. */
static bool is_present(struct planner *p, const char *path, const char *content, size_t len,
		       int mode)
{
	struct strbuf now cleanup_strbuf = STRBUF_INIT;
	struct stat st;

	if (root_lstat(p->clone, path, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (size_t)st.st_size != len || (mode >= 0 && (int)(st.st_mode & 07777) != mode))
		return false;
	return root_read(p->clone, path, &now, len, NULL) == 0 && now.len == len &&
	       memcmp(strbuf_str(&now), content, len) == 0;
}

static int write_edit(struct planner *p, const char *path, const char *content, size_t len,
		      int mode, bool is_secret, const char *why)
{
	if (is_present(p, path, content, len, mode)) {
		cancel_edit(p->plan, path);
		return 0;
	}
	return add_edit(p, EDIT_WRITE, path, content, len, mode, is_secret, why);
}

int plan_write(struct planner *p, const char *path, const char *content, size_t len, int mode,
	       const char *why)
{
	return write_edit(p, path, content, len, mode, false, why);
}

int plan_write_secret(struct planner *p, const char *path, const char *content, size_t len,
		      int mode, const char *why)
{
	return write_edit(p, path, content, len, mode, true, why);
}

static int remove_edit(struct planner *p, const char *path, bool is_secret, const char *why)
{
	struct stat st;

	if (root_lstat(p->clone, path, &st) < 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return plan_note(p, "%s is a folder and was left in place", path);
	return add_edit(p, EDIT_REMOVE, path, NULL, 0, -1, is_secret, why);
}

int plan_remove(struct planner *p, const char *path, const char *why)
{
	return remove_edit(p, path, false, why);
}

int plan_remove_secret(struct planner *p, const char *path, const char *why)
{
	return remove_edit(p, path, true, why);
}

int plan_symlink(struct planner *p, const char *path, const char *text, const char *why)
{
	char now[PATH_MAX];

	if (root_readlink(p->clone, path, now, sizeof(now)) == 0 && strcmp(now, text) == 0) {
		cancel_edit(p->plan, path);
		return 0;
	}
	return add_edit(p, EDIT_SYMLINK, path, text, strlen(text), -1, false, why);
}

/* Whether two open files have the same bytes; compared in pieces, they may be large. */
static bool same_content(int a, int b)
{
	char one[16384], two[16384];
	ssize_t n, m;

	do {
		n = read_full(a, one, sizeof(one));
		m = read_full(b, two, sizeof(two));
		if (n < 0 || n != m || memcmp(one, two, (size_t)n) != 0)
			return false;
	} while (n > 0);
	return true;
}

int plan_copy_file(struct planner *p, const char *path, const char *from, int mode, const char *why)
{
	int source cleanup_fd = open(from, O_RDONLY | O_CLOEXEC);
	int present cleanup_fd = root_openat(p->clone, path, O_RDONLY | O_NONBLOCK, 0, NULL);
	struct stat st;

	if (source < 0)
		return err_set(p->e, ERR_FILE, errno, "%s", from);
	if (present >= 0 && root_lstat(p->clone, path, &st) == 0 && S_ISREG(st.st_mode) &&
	    (int)(st.st_mode & 07777) == mode && same_content(source, present))
		return 0;
	return add_edit(p, EDIT_COPY_FD, path, from, strlen(from), mode, false, why);
}

static int keep_source(struct planner *p, const char *path, bool is_secret)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char kept[PATH_MAX], link[PATH_MAX];
	struct stat st;

	if (snprintf(kept, sizeof(kept), "%s%s", SOURCE_ORIGINAL, path) >= (int)sizeof(kept) ||
	    root_lstat(p->clone, path, &st) < 0)
		return 0;
	/* The first original is the one to keep; one left by an earlier move to another machine is stale. */
	if (find_edit(p->plan, kept) || (p->is_ours && root_lstat(p->clone, kept, &st) == 0))
		return 0;
	if (S_ISLNK(st.st_mode)) {
		if (root_readlink(p->clone, path, link, sizeof(link)) < 0)
			return 0;
		return plan_symlink(p, kept, link, "the source's own, kept for people");
	}
	if (!S_ISREG(st.st_mode) || root_read(p->clone, path, &text, CONFIG_MAX, NULL) < 0)
		return 0;
	return write_edit(p, kept, strbuf_str(&text), text.len, (int)(st.st_mode & 0777), is_secret,
			  "the source's own, kept for people");
}

int plan_keep_source(struct planner *p, const char *path)
{
	return keep_source(p, path, false);
}

int plan_keep_source_secret(struct planner *p, const char *path)
{
	return keep_source(p, path, true);
}

bool plan_is_present(struct planner *p, const char *path, const struct strbuf *content)
{
	return is_present(p, path, strbuf_str(content), content->len, -1);
}

int plan_rewrite(struct planner *p, const char *path, const struct strbuf *content, const char *why)
{
	if (content->failed)
		return plan_nomem(p);
	if (!is_present(p, path, strbuf_str(content), content->len, -1) &&
	    plan_keep_source(p, path) < 0)
		return -1;
	return plan_write(p, path, strbuf_str(content), content->len, -1, why);
}

int plan_move_aside(struct planner *p, const char *path, const char *why)
{
	if (plan_keep_source(p, path) < 0)
		return -1;
	return plan_remove(p, path, why);
}

int plan_read_planned(struct planner *p, const char *path, struct strbuf *ret)
{
	const struct edit *edit = find_edit(p->plan, path);

	if (!edit)
		return plan_read(p, path, ret);
	if (edit->kind != EDIT_WRITE)
		return 0;
	strbuf_add(ret, edit->content, edit->len);
	return ret->failed ? plan_nomem(p) : 1;
}

struct tool_step *plan_step(struct planner *p, const char *name, unsigned timeout_s,
			    const char *why)
{
	struct tool_step *grown = reallocarray(p->plan->steps, p->plan->step_count + 1,
					       sizeof(*grown));

	if (!grown) {
		plan_nomem(p);
		return NULL;
	}
	p->plan->steps = grown;
	grown = &grown[p->plan->step_count++];
	*grown = (struct tool_step){ .name = strdup(name),
				     .timeout_s = timeout_s,
				     .why = strdup(why) };
	if (grown->name && grown->why)
		return grown;
	plan_nomem(p);
	return NULL;
}

int plan_words(struct planner *p, struct strlist *to, const char *const *words)
{
	for (; *words; words++)
		if (strlist_add(to, *words) < 0)
			return plan_nomem(p);
	return 0;
}
