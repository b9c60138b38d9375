/* SPDX-License-Identifier: MIT */
#include "job/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "job/common.h"
#include "job/record.h"
#include "job/view.h"

#define JSON_MAX (1024 * 1024)
#define DEPTH_MAX 16
#define DISK_COPY REHOST_DIR "/identity"

/* ---- copying the folder ------------------------------------------------------------------------------ */

static int copy_file(const struct root *from, const struct root *to, const char *path,
		     const struct stat *st, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	int fd cleanup_fd = -1;

	if (root_read(from, path, &text, 2 * JSON_MAX, e) < 0)
		return -1;
	fd = root_openat(to, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, e);
	if (fd < 0)
		return -1;
	if (write_all(fd, strbuf_str(&text), text.len) < 0 || fchmod(fd, st->st_mode & 0777) < 0)
		return err_set(e, ERR_FILE, errno, "%s", path);
	return 0;
}

/* Regular files and folders below dir ("" for all); nothing else is in an identity. */
static int copy_tree(const struct root *from, const struct root *to, const char *dir, int depth,
		     struct err *e)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (depth > DEPTH_MAX)
		return err_set(e, ERR_LIMIT, 0, "%s is nested too deep", dir);
	if (root_list(from, *dir ? dir : "/", &names, e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		struct strbuf path cleanup_strbuf = STRBUF_INIT;
		struct stat st;

		strbuf_addf(&path, "%s%s%s", dir, *dir ? "/" : "", names.items[i]);
		if (root_lstat(from, strbuf_str(&path), &st) < 0)
			return err_set(e, ERR_FILE, errno, "%s", strbuf_str(&path));
		if (S_ISDIR(st.st_mode)) {
			if (root_mkdirs(to, strbuf_str(&path), 0700, e) < 0 ||
			    copy_tree(from, to, strbuf_str(&path), depth + 1, e) < 0)
				return -1;
		} else if (S_ISREG(st.st_mode)) {
			if (copy_file(from, to, strbuf_str(&path), &st, e) < 0)
				return -1;
		}
	}
	return 0;
}

/* Replaces the folder name below parent by what fill puts into an empty one. Durable when that can be. */
static int replace_folder(const struct root *parent, const char *name,
			  int (*fill)(void *arg, const struct root *into, struct err *e), void *arg,
			  struct err *e)
{
	struct strbuf fresh cleanup_strbuf = STRBUF_INIT;
	struct root into cleanup_root = ROOT_INIT;
	int fd cleanup_fd = -1;

	strbuf_addf(&fresh, "%s.new", name);
	if (root_remove_tree(parent, strbuf_str(&fresh), e) < 0 ||
	    root_mkdirs(parent, strbuf_str(&fresh), 0700, e) < 0 ||
	    root_open_below(&into, parent, strbuf_str(&fresh), e) < 0 || fill(arg, &into, e) < 0)
		return -1;
	fd = root_openat(parent, strbuf_str(&fresh), O_RDONLY | O_DIRECTORY, 0, e);
	if (fd < 0)
		return -1;
	if (syncfs(fd) < 0)
		return err_set(e, ERR_IDENTITY, errno, "%s", name);
	if (root_remove_tree(parent, name, e) < 0)
		return -1;
	if (renameat(parent->fd, strbuf_str(&fresh), parent->fd, name) < 0 || syncfs(fd) < 0)
		return err_set(e, ERR_IDENTITY, errno, "%s", name);
	return 0;
}

static int fill_from(void *arg, const struct root *into, struct err *e)
{
	return copy_tree(arg, into, "", 0, e);
}

/* ---- what is there --------------------------------------------------------------------------------- */

/* NULL when there is none or it is not to be understood. New reference. */
static json_t *read_identity(const struct root *dir)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	json_t *v;

	if (!root_exists(dir, "identity.json") ||
	    root_read(dir, "identity.json", &text, JSON_MAX, NULL) < 0)
		return NULL;
	v = json_loadb(strbuf_str(&text), text.len, 0, NULL);
	if (json_is_object(v) && json_integer_value(json_object_get(v, "version")) == 1)
		return v;
	json_decref(v);
	return NULL;
}

static bool is_provisional(const json_t *identity)
{
	return json_is_true(json_object_get(identity, "provisional"));
}

/* It describes this target: the ids of disk and file systems have not changed. */
static bool is_of(const json_t *identity, const struct target *t)
{
	const char *token = json_string_value(json_object_get(identity, "token"));

	return token && strcmp(token, t->token) == 0;
}

/* -1: none; else 0, and *ret_keep whether it may stay as it is. */
static int judge_folder(const struct root *dir, const struct target *t, bool is_old_in_place,
			bool *ret_keep)
{
	json_t *v = read_identity(dir);

	if (!v)
		return -1;
	*ret_keep = !is_old_in_place || (is_of(v, t) && (!is_provisional(v) || t->is_provisional));
	json_decref(v);
	return 0;
}

struct collecting {
	const struct target *t;
	const struct root *into;
};

static int collect_in_view(void *arg, struct err *e)
{
	struct collecting *c = arg;
	struct root old cleanup_root = ROOT_INIT;

	if (root_open(&old, VIEW_DIR, e) < 0)
		return -1;
	return identity_collect(c->t, &old, c->into, e);
}

static int fill_by_collecting(void *arg, const struct root *into, struct err *e)
{
	struct collecting c = { .t = arg, .into = into };

	return view_run(c.t, VIEW_OLD, collect_in_view, &c, e);
}

/* The job record tells whether the tree at / is still the old system's. */
static int find_state(const struct target *t, bool *ret_old_in_place, struct err *e)
{
	struct record r;

	record_init(&r);
	if (job_load(t, &r, e) < 0)
		return -1;
	*ret_old_in_place = r.state < JOB_SWITCHING;
	record_done(&r);
	return 0;
}

int identity_ensure(const struct target *t, struct err *e)
{
	struct root run cleanup_root = ROOT_INIT;
	struct root dir cleanup_root = ROOT_INIT;
	struct root saved cleanup_root = ROOT_INIT;
	bool old_in_place, keep;

	if (find_state(t, &old_in_place, e) < 0 || mkdirs(run_dir(), 0700, e) < 0 ||
	    root_open(&run, run_dir(), e) < 0)
		return -1;
	if (root_open_below(&dir, &run, "identity", NULL) == 0 &&
	    judge_folder(&dir, t, old_in_place, &keep) == 0 && keep)
		return 0;
	if (root_open_below(&saved, &t->fs[0].root, DISK_COPY, NULL) == 0 &&
	    judge_folder(&saved, t, old_in_place, &keep) == 0 && keep) {
		log_info("identity: taken from the disk");
		if (replace_folder(&run, "identity", fill_from, &saved, e) < 0)
			return err_ctx(e, "reading the identity back from the disk");
		return 0;
	}
	if (!old_in_place)
		return err_set(e, ERR_IDENTITY, 0,
			       "the old system is no longer in place and " DISK_COPY " is gone");
	log_info("identity: collecting%s", t->is_provisional ? ", provisional" : "");
	if (replace_folder(&run, "identity", fill_by_collecting, (void *)t, e) < 0)
		return err_ctx(e, "taking down the target's identity");
	return 0;
}

int identity_save(const struct target *t, struct err *e)
{
	struct root dir cleanup_root = ROOT_INIT;
	struct root own cleanup_root = ROOT_INIT;
	struct root saved cleanup_root = ROOT_INIT;
	char path[256];
	bool old_in_place, keep;

	if (find_state(t, &old_in_place, e) < 0)
		return -1;
	if (root_open_below(&saved, &t->fs[0].root, DISK_COPY, NULL) == 0 &&
	    judge_folder(&saved, t, old_in_place, &keep) == 0 && keep)
		return 0;
	if (root_open(&dir, run_path(path, sizeof(path), "identity"), e) < 0 ||
	    root_open_below(&own, &t->fs[0].root, REHOST_DIR, e) < 0 ||
	    replace_folder(&own, "identity", fill_from, &dir, e) < 0)
		return err_ctx(e, "keeping the identity on the disk");
	return 0;
}

int identity_load(json_t **ret, struct err *e)
{
	struct root dir cleanup_root = ROOT_INIT;
	char path[256];

	*ret = NULL;
	if (root_open(&dir, run_path(path, sizeof(path), "identity"), e) < 0)
		return err_ctx(e, "reading the identity");
	*ret = read_identity(&dir);
	return *ret ? 0 : err_set(e, ERR_IDENTITY, 0, "%s/identity.json is damaged", path);
}
