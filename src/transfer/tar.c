/* SPDX-License-Identifier: MIT */
/* The reading thread: members in order, directories made at once, everything else handed to the workers. */
#include "transfer/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "transfer/attrs_priv.h"
#include "transfer/dirs_priv.h"
#include "transfer/entry_priv.h"
#include "transfer/memory_priv.h"
#include "transfer/receive_priv.h"
#include "transfer/remove_priv.h"
#include "transfer/stream_priv.h"

#define ASK_BYTES ((uint64_t)16 << 20)
#define ASK_ENTRIES 5000u

/* One receive, the reader's side. */
struct reader {
	struct receiver r;
	struct stream stream;
	struct tar_progress own_progress;
	uint64_t asked_bytes, asked_entries; /* when may_continue was called last */
};

/* ---- small parts ---- */

static int check_stop(struct reader *t, struct err *e)
{
	struct receiver *r = &t->r;
	uint64_t bytes = atomic_load(&r->progress->stream_bytes);

	if (pool_stopped(&r->pool)) {
		*e = r->pool.err;
		return -1;
	}
	if (bytes - t->asked_bytes < ASK_BYTES && r->entries - t->asked_entries < ASK_ENTRIES)
		return 0;
	t->asked_bytes = bytes;
	t->asked_entries = r->entries;
	return r->options->may_continue && r->options->may_continue(r->options->arg, e) ? -1 : 0;
}

static int list_entry(struct receiver *r, char kind, const char *path, const struct attrs *attrs,
		      uint64_t size, struct err *e)
{
	struct manifest_entry entry = {
		.kind = kind,
		.mode = attrs->mode,
		.uid = attrs->uid,
		.gid = attrs->gid,
		.size = kind == 'f' ? size : 0,
		.mtime_sec = attrs->mtime.tv_sec,
		.mtime_nsec = (uint32_t)attrs->mtime.tv_nsec,
		.path = *path ? path : ".",
	};

	return manifest_add(r->manifest, &entry, e);
}

/* ---- directories ---- */

/* 0: made or there (*ret_existed). 1: left out. -1. */
static int make_directory(struct receiver *r, struct dir *parent, const char *name,
			  const char *path, bool *ret_existed, struct err *e)
{
	struct stat st;
	int rc;

	*ret_existed = false;
	if (mkdirat(parent->fd, name, 0700) == 0)
		return 0;
	if (errno != EEXIST)
		return write_error(e, errno, "making the directory", path);
	if (fstatat(parent->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return write_error(e, errno, "looking at", path);
	if (S_ISDIR(st.st_mode)) {
		*ret_existed = true;
		return 0;
	}
	rc = remove_any(parent->fd, name);
	if (rc < 0)
		return write_error(e, errno, "making room for", path);
	if (rc > 0) {
		pool_note(&r->pool, path, "a file is mounted here, the directory was left out");
		return 1;
	}
	if (mkdirat(parent->fd, name, 0700) < 0)
		return write_error(e, errno, "making the directory", path);
	return 0;
}

static int open_directory(struct receiver *r, const char *path, bool *ret_existed, struct err *e)
{
	const char *name;
	struct dir *parent;
	int fd = -1, rc;

	*ret_existed = true;
	if (!*path) {
		fd = open_strict(r->dest->fd, "", O_RDONLY | O_DIRECTORY);
		return fd < 0 ? write_error(e, errno, "opening", "/") : fd;
	}
	parent = dir_get_parent(r, path, true, &name, e);
	if (!parent)
		return -1;
	pool_wait_path(&r->pool, path_hash(path));
	rc = make_directory(r, parent, name, path, ret_existed, e);
	if (rc == 0) {
		fd = openat(parent->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			write_error(e, errno, "opening the directory", path);
	}
	dir_put(parent);
	return rc > 0 ? -2 : fd;
}

/*
 * Owner, mode and attributes at once: nobody but root comes here while it is filled. Its times (and a default
 * ACL) wait for the end.
 */
static int receive_directory(struct receiver *r, const char *path, const struct attrs *attrs,
			     struct err *e)
{
	struct object o = { .path = path, .type = S_IFDIR };
	struct dir *d;

	o.fd = open_directory(r, path, &o.existed, e);
	if (o.fd < 0)
		return o.fd == -2 ? 0 : -1;
	if (o.existed)
		flags_unlock(o.fd);
	if (attrs_apply(r, &o, attrs, false, e) < 0 || list_entry(r, 'd', path, attrs, 0, e) < 0) {
		close(o.fd);
		return -1;
	}
	d = dir_keep(r, path, path_hash(path), o.fd);
	if (!d)
		return err_set(e, ERR_NOMEM, 0, "%s", show(path).text);
	dir_put(d);
	return 0;
}

/* ---- everything else ---- */

/* A directory this stream made is in the way: only an empty one may go. 1: leave the entry out. */
static int replace_directory(struct receiver *r, struct job *job, struct err *e)
{
	struct manifest_entry before;

	if (!manifest_get(r->manifest, job->path, &before) || before.kind != 'd')
		return 0;
	pool_wait_all(&r->pool);
	dirs_forget(r, job->path);
	if (unlink_hard(job->dir->fd, job->name, AT_REMOVEDIR) == 0)
		return 0;
	if (errno == EBUSY) {
		pool_note(&r->pool, job->path,
			  "a file system is mounted here, the entry was left out");
		return 1;
	}
	if (errno == ENOTEMPTY || errno == EEXIST)
		return err_set(e, ERR_TAR_NAME, 0,
			       "%s replaces a directory that the archive filled",
			       show(job->path).text);
	return write_error(e, errno, "making room for", job->path);
}

/*
 * The target must be an entry of this very stream, so a hard link reaches nothing else. 0 it is, 1 leave the
 * entry out, 2 it is not but the entry has the data itself.
 */
static int find_link_target(struct receiver *r, struct job *job, const char *text, struct err *e)
{
	char target[PATH_LEN_MAX + 1];
	struct manifest_entry entry;

	if (name_normalise(text, target, e) < 0)
		return err_ctx(e, "reading the target of %s", show(job->path).text);
	if (strcmp(target, job->path) == 0)
		return 1;
	if (name_is_skipped(r->options, target)) {
		pool_note(&r->pool, job->path,
			  "it is a hard link to %s, which is not copied; left out",
			  show(target).text);
		return 1;
	}
	if (!*target || !manifest_get(r->manifest, target, &entry) || entry.kind == 'd')
		return job->size ? 2
				 : err_set(e, ERR_TAR_LINK, 0,
					   "%s is a hard link to %s, which did not come before it",
					   show(job->path).text, show(target).text);
	job->link = strdup(target);
	if (!job->link)
		return err_set(e, ERR_NOMEM, 0, "%s", show(job->path).text);
	job->link_dir = dir_get_parent(r, job->link, false, &job->link_name, e);
	if (!job->link_dir)
		return -1;
	job->link_hash = path_hash(target);
	pool_wait_made(&r->pool, job->link_hash);
	return 0;
}

static int take_symlink(struct job *job, const char *text, struct err *e)
{
	if (str_is_empty(text) || strlen(text) > PATH_LEN_MAX)
		return err_set(e, ERR_TAR_NAME, 0, "the symbolic link %s has a target of %zu bytes",
			       show(job->path).text, text ? strlen(text) : 0);
	job->link = strdup(text);
	return job->link ? 0 : err_set(e, ERR_NOMEM, 0, "%s", show(job->path).text);
}

/* Fills what the kind needs. 0, 1 leave the entry out, -1. */
static int prepare_job(struct receiver *r, struct job *job, struct archive_entry *entry,
		       struct err *e)
{
	int rc;

	job->hash = path_hash(job->path);
	job->dir = dir_get_parent(r, job->path, true, &job->name, e);
	if (!job->dir)
		return -1;
	if (job->kind == 'f' || job->kind == 'h') {
		job->size = (uint64_t)archive_entry_size(entry);
		job->sparse = archive_entry_sparse_count(entry) > 0;
	}
	rc = replace_directory(r, job, e);
	if (rc)
		return rc;
	switch (job->kind) {
	case 'h':
		rc = find_link_target(r, job, archive_entry_hardlink(entry), e);
		if (rc == 2)
			job->kind = 'f';
		return rc == 2 ? 0 : rc;
	case 'l':
		return take_symlink(job, archive_entry_symlink(entry), e);
	case 'c':
	case 'b':
		job->rdev = makedev((unsigned)archive_entry_rdevmajor(entry),
				    (unsigned)archive_entry_rdevminor(entry));
		return 0;
	default:
		return 0;
	}
}

/* Reads the file's data into the job. */
static int feed_data(struct reader *t, struct job *job, struct err *e)
{
	uint64_t end = 0, offset;
	struct block *block;
	const void *data;
	size_t len;
	int rc;

	while ((rc = stream_data(&t->stream, &block, &data, &len, &offset, e)) > 0) {
		if (!len)
			continue;
		if (offset < end || offset > job->size || len > job->size - offset)
			return err_set(e, ERR_TAR_DAMAGED, 0, "the map of the sparse file %s",
				       show(job->path).text);
		end = offset + len;
		if (pool_feed(&t->r.pool, job, block, data, len, offset) < 0 ||
		    check_stop(t, e) < 0)
			return check_stop(t, e);
		atomic_fetch_add_explicit(&t->r.progress->file_bytes, len, memory_order_relaxed);
		t->r.file_bytes += len;
	}
	if (rc < 0)
		return err_ctx(e, "receiving %s", show(job->path).text);
	return 0;
}

/* Takes job. */
static int hand_over(struct reader *t, struct job *job, struct err *e)
{
	struct pool *pool = &t->r.pool;
	int rc = 0;

	pool_wait_path(pool, job->hash);
	job->fed = job->kind != 'f' || job->size <= SMALL_FILE;
	if (job->kind != 'f') {
		pool_submit(pool, job);
	} else if (job->fed) {
		rc = feed_data(t, job, e);
		if (rc < 0)
			job_free(pool, job);
		else
			pool_submit(pool, job);
	} else {
		pool_submit(pool, job);
		rc = feed_data(t, job, e);
		if (rc < 0)
			pool_fail(pool, e); /* its worker must not finish the file */
		pool_feed_end(pool, job);
	}
	return rc;
}

static int receive_other(struct reader *t, char kind, const char *path, struct archive_entry *entry,
			 struct attrs *attrs, struct err *e)
{
	struct receiver *r = &t->r;
	struct job *job = job_new();
	int rc;

	if (job)
		job->path = strdup(path);
	if (!job || !job->path) {
		job_free(&r->pool, job);
		return err_set(e, ERR_NOMEM, 0, "%s", show(path).text);
	}
	job->kind = kind;
	job->attrs = *attrs;
	attrs->xattrs = STRBUF_INIT;
	rc = prepare_job(r, job, entry, e);
	if (!rc)
		rc = list_entry(r, job->kind, path, &job->attrs, job->size, e);
	if (rc) {
		job_free(&r->pool, job);
		return rc < 0 ? -1 : 0;
	}
	return hand_over(t, job, e);
}

/* ---- members ---- */

static int receive_entry(struct reader *t, struct archive_entry *entry, const char *warning,
			 struct err *e)
{
	const char *name = archive_entry_pathname(entry);
	char path[PATH_LEN_MAX + 1], kind = entry_kind(entry), flag = stream_type_flag(&t->stream);
	struct attrs attrs = { 0 };
	struct receiver *r = &t->r;
	int rc;

	if (flag == 'M' || flag == 'N')
		return err_set(e, ERR_TAR_VOLUME, 0, "%s", show(name ? name : "").text);
	if (!name || !*name)
		return err_set(e, ERR_TAR_NAME, 0, "an entry without a name");
	if (name_normalise(name, path, e) < 0)
		return -1;
	if (name_is_skipped(r->options, path))
		return 0;
	if (!*path && kind != 'd')
		return err_set(e, ERR_TAR_NAME, 0, "\"%s\" is not a directory", show(name).text);
	if (++r->entries > MANIFEST_ENTRIES_MAX)
		return err_set(e, ERR_TAR_LIMIT, 0, "more than %u entries", MANIFEST_ENTRIES_MAX);
	atomic_fetch_add_explicit(&r->progress->entries, 1, memory_order_relaxed);
	if (warning)
		pool_note(&r->pool, path, "%.150s", show(warning).text);
	if (!kind) {
		pool_note(&r->pool, path, "of a kind that cannot be copied, left out");
		return 0;
	}
	rc = entry_attrs(r, entry, path, &attrs, e);
	if (!rc)
		rc = kind == 'd' ? receive_directory(r, path, &attrs, e)
				 : receive_other(t, kind, path, entry, &attrs, e);
	strbuf_done(&attrs.xattrs);
	return rc;
}

static int receive_members(struct reader *t, struct err *e)
{
	struct archive_entry *entry = archive_entry_new();
	const char *warning;
	uint64_t extra;
	int rc;

	if (!entry)
		return err_set(e, ERR_NOMEM, 0, "opening the stream");
	while ((rc = stream_next(&t->stream, entry, &warning, e)) > 0) {
		rc = receive_entry(t, entry, warning, e);
		if (!rc)
			rc = check_stop(t, e);
		if (rc)
			break;
	}
	archive_entry_free(entry);
	if (rc)
		return -1;
	if (stream_drain(&t->stream, &extra, e) < 0)
		return -1;
	if (!t->r.entries)
		return err_set(e, ERR_TAR_CUT, 0, "the archive has no entries");
	if (extra)
		pool_note(&t->r.pool, "(stream)",
			  "%" PRIu64 " bytes behind the end of the archive were thrown away",
			  extra);
	return 0;
}

static int finish(struct receiver *r, struct err *e)
{
	pool_wait_all(&r->pool);
	if (pool_stopped(&r->pool)) {
		*e = r->pool.err;
		return -1;
	}
	dirs_forget(r, NULL);
	if (finish_removals(r, e) < 0 || finish_acls(r, e) < 0 || finish_directories(r, e) < 0)
		return -1;
	return finish_flags(r, e);
}

/* The number that was exceeded is known here alone. Returns -1. */
static int fail_memory(const struct memory_cap *cap, struct err *e)
{
	if (e && e->code == ERR_TAR_MEMORY)
		err_ctx(e, "%" PRIu64 " MB may be taken for it on this machine", cap->unpack >> 20);
	return -1;
}

static int receive(struct reader *t, int fd, struct tar_result *ret, struct err *e)
{
	struct receiver *r = &t->r;
	struct memory_cap cap;
	int rc;

	memory_cap_begin(&cap, r->options->unpack_memory);
	if (stream_open(&t->stream, fd, &r->pool, r->progress, e) < 0) {
		memory_cap_end(&cap);
		return fail_memory(&cap, e);
	}
	memory_cap_widen(&cap, manifest_memory_max(r->manifest) + LATE_MEMORY_MAX +
				       POOL_BLOCKS * POOL_BLOCK_SIZE);
	rc = receive_members(t, e);
	memory_cap_end(&cap);
	if (rc < 0)
		fail_memory(&cap, e);
	if (!rc)
		rc = finish(r, e);
	if (rc < 0 && !pool_stopped(&r->pool))
		pool_fail(&r->pool, e);
	ret->compression = stream_compression(&t->stream);
	stream_close(&t->stream);
	return rc;
}

int tar_receive(int fd, const struct root *dest, const struct tar_options *options,
		struct tar_result *ret, struct err *e)
{
	struct reader *t cleanup_free = calloc(1, sizeof(*t));
	struct receiver *r = t ? &t->r : NULL;
	int rc;

	memset(ret, 0, sizeof(*ret));
	if (!t)
		return err_set(e, ERR_NOMEM, 0, "receiving");
	r->dest = dest;
	r->options = options;
	r->progress = options->progress ? options->progress : &t->own_progress;
	r->late_end = &r->late;
	pthread_mutex_init(&r->inodes_lock, NULL);
	r->manifest = manifest_new();
	rc = r->manifest ? pool_init(&r->pool, options->writers, write_job, r, e)
			 : err_set(e, ERR_NOMEM, 0, "receiving");
	if (!rc) {
		rc = receive(t, fd, ret, e);
		dirs_forget(r, NULL);
		pool_stop(&r->pool); /* from here on nobody else touches it */
		ret->notes = r->pool.notes;
		ret->note_count = r->pool.note_count;
		r->pool.notes = STRLIST_INIT;
		pool_done(&r->pool);
	}
	if (!rc) {
		ret->manifest = ptr_take(r->manifest);
		ret->entries = r->entries;
		ret->file_bytes = r->file_bytes;
		ret->removed = r->removed;
		ret->saw_xattrs = r->saw_xattrs;
	}
	manifest_free(r->manifest);
	late_free(r);
	free(r->inodes.items);
	pthread_mutex_destroy(&r->inodes_lock);
	if (rc < 0)
		tar_result_done(ret);
	return rc;
}

void tar_result_done(struct tar_result *r)
{
	manifest_free(r->manifest);
	strlist_done(&r->notes);
	memset(r, 0, sizeof(*r));
}
