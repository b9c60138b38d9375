/* SPDX-License-Identifier: MIT */
/* The only code of this module that writes. */
#include <limits.h>
#include <string.h>

#include "base/io.h"
#include "rewrite/plan.h"

#define BINARY_MAX (64u * 1024 * 1024)

/* A folder made for a private file (/root/.ssh) is closed; root_replace would make it 0755. */
static int make_private_parent(const struct root *clone, const char *path, struct err *e)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path || (size_t)(slash - path) >= sizeof(parent))
		return 0;
	memcpy(parent, path, (size_t)(slash - path));
	parent[slash - path] = '\0';
	return root_is_dir(clone, parent) ? 0 : root_mkdirs(clone, parent, 0700, e);
}

static int write_file(const struct edit *edit, const struct root *clone, const void *data,
		      size_t len, struct err *e)
{
	struct root_meta meta = { .mode = (mode_t)edit->mode };
	struct stat st;

	if (edit->mode < 0)
		return root_replace(clone, edit->path, data, len, NULL, e);
	if (!(edit->mode & 077) && make_private_parent(clone, edit->path, e) < 0)
		return -1;
	if (geteuid() != 0) { /* a fixture folder */
		meta.uid = geteuid();
		meta.gid = getegid();
	}
	if (!edit->is_secret && root_lstat(clone, edit->path, &st) == 0 && S_ISREG(st.st_mode)) {
		meta.uid = st.st_uid;
		meta.gid = st.st_gid;
	}
	return root_replace(clone, edit->path, data, len, &meta, e);
}

static int apply_edit(const struct edit *edit, const struct root *clone, struct err *e)
{
	struct strbuf data cleanup_strbuf = STRBUF_INIT;

	switch (edit->kind) {
	case EDIT_WRITE:
		return write_file(edit, clone, edit->content, edit->len, e);
	case EDIT_REMOVE:
		return root_remove(clone, edit->path, e);
	case EDIT_SYMLINK:
		return root_symlink(clone, edit->path, edit->content, e);
	case EDIT_COPY_FD:
		if (file_slurp(edit->content, &data, BINARY_MAX, e) < 0)
			return -1;
		return write_file(edit, clone, strbuf_str(&data), data.len, e);
	}
	return err_set(e, ERR_INTERNAL, 0, "unknown kind of edit for %s", edit->path);
}

int rewrite_plan_apply(const struct rewrite_plan *p, const struct root *clone, struct err *e)
{
	size_t i;

	for (i = 0; i < p->edit_count; i++)
		if (apply_edit(&p->edits[i], clone, e) < 0)
			return err_ctx(e, "rewriting %s", p->edits[i].path);
	return 0;
}
