/* SPDX-License-Identifier: MIT */
/* A worker writes one entry: content first, then owner, mode, extended attributes, times. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/io.h"
#include "transfer/attrs_priv.h"
#include "transfer/dirs_priv.h"
#include "transfer/receive_priv.h"
#include "transfer/remove_priv.h"

#define FALLOCATE_FROM ((uint64_t)8 << 20) /* smaller ones are quicker with delayed allocation */
#define SYNC_EVERY ((uint64_t)16 << 20)	   /* start write-back, so that little is dirty at a time */

struct shown show(const char *path)
{
	struct shown s = { "" };

	str_escape(s.text, sizeof(s.text), path);
	return s;
}

int write_error(struct err *e, int sys, const char *doing, const char *path)
{
	enum err_code code = ERR_TAR_WRITE;

	if (sys == ENOSPC || sys == EDQUOT)
		code = ERR_TAR_SPACE;
	else if (sys == ENAMETOOLONG)
		code = ERR_TAR_NAME;
	else if (sys == ENOMEM)
		code = ERR_NOMEM;
	return err_set(e, code, sys, "%s %s", doing, show(path).text);
}

static int job_error(const struct job *job, const char *doing, struct err *e)
{
	return write_error(e, errno, doing, job->path);
}

/* ---- making room ---- */

/* 0: the name is free. 1: a mount point stays there, noted. */
static int clear_name(struct receiver *r, struct job *job, struct err *e)
{
	int rc = remove_any(job->dir->fd, job->name);

	if (rc < 0)
		return job_error(job, "making room for", e);
	if (rc > 0)
		pool_note(&r->pool, job->path,
			  "a file system is mounted here, the entry was left out");
	return rc;
}

/* ---- regular files ---- */

struct file {
	struct receiver *r;
	struct job *job;
	int fd;
	bool existed; /* it holds something to compare with */
	bool differs; /* from here on the old content is no use */
	bool changed;
	uint64_t old_size;
	uint64_t end; /* of what was written so far */
	uint64_t synced;
	char *scratch; /* POOL_BLOCK_SIZE bytes to compare with */
};

static struct inode *inode_slot(const struct inode_set *s, const struct stat *st)
{
	size_t i = (size_t)(st->st_ino * 0x9e3779b97f4a7c15u >> 20) & (s->cap - 1);

	while (s->items[i].ino && (s->items[i].ino != st->st_ino || s->items[i].dev != st->st_dev))
		i = (i + 1) & (s->cap - 1);
	return &s->items[i];
}

static int inode_set_grow(struct inode_set *s)
{
	struct inode_set bigger = { .cap = s->cap ? 2 * s->cap : 256, .count = s->count };
	size_t i;

	bigger.items = calloc(bigger.cap, sizeof(*bigger.items));
	if (!bigger.items)
		return -1;
	for (i = 0; i < s->cap; i++) {
		struct stat st = { .st_dev = s->items[i].dev, .st_ino = s->items[i].ino };

		if (st.st_ino)
			*inode_slot(&bigger, &st) = s->items[i];
	}
	free(s->items);
	*s = bigger;
	return 0;
}

/* 1 for the first file of this stream that uses the inode, 0 for later ones. */
static int claim_inode(struct receiver *r, const struct stat *st, struct err *e)
{
	struct inode_set *s = &r->inodes;
	int rc = 0;

	pthread_mutex_lock(&r->inodes_lock);
	if (2 * s->count >= s->cap && inode_set_grow(s) < 0) {
		rc = err_set(e, ERR_NOMEM, 0, "hard links");
	} else {
		struct inode *slot = inode_slot(s, st);

		if (!slot->ino) {
			*slot = (struct inode){ st->st_dev, st->st_ino };
			s->count++;
			rc = 1;
		}
	}
	pthread_mutex_unlock(&r->inodes_lock);
	return rc;
}

static int open_unlocked(int dirfd, const char *name)
{
	const int flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = openat(dirfd, name, O_RDWR | flags), ro;

	if (fd >= 0 || errno != EPERM)
		return fd;
	ro = openat(dirfd, name, O_RDONLY | flags);
	if (ro >= 0) {
		flags_unlock(ro);
		close(ro);
	}
	return openat(dirfd, name, O_RDWR | flags);
}

/* Opens what is there when it can be used: 1 opened, 0 not, -1. */
static int open_existing(struct file *f, struct err *e)
{
	struct job *job = f->job;
	struct stat st;

	if (!f->r->options->update)
		return 0;
	/* Looked at before it is opened: opening a device node could do something. */
	if (fstatat(job->dir->fd, job->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : job_error(job, "looking at", e);
	if (!S_ISREG(st.st_mode))
		return 0;
	if (st.st_nlink > 1) {
		int rc = claim_inode(f->r, &st, e);

		if (rc <= 0)
			return rc;
	}
	f->fd = open_unlocked(job->dir->fd, job->name);
	if (f->fd < 0)
		return job_error(job, "opening", e);
	f->existed = true;
	f->old_size = (uint64_t)st.st_size;
	f->scratch = malloc(POOL_BLOCK_SIZE);
	return f->scratch ? 1 : err_set(e, ERR_NOMEM, 0, "%s", show(job->path).text);
}

/* 0 opened, 1 left out, -1. */
static int open_file(struct file *f, struct err *e)
{
	struct job *job = f->job;
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int rc = open_existing(f, e);

	if (rc)
		return rc < 0 ? -1 : 0;
	f->changed = true;
	f->fd = openat(job->dir->fd, job->name, flags, job->attrs.mode & 0777);
	if (f->fd < 0 && errno == EEXIST) {
		rc = clear_name(f->r, job, e);
		if (rc)
			return rc;
		f->fd = openat(job->dir->fd, job->name, flags, job->attrs.mode & 0777);
	}
	if (f->fd < 0)
		return job_error(job, "making", e);
	/* Asking for all the space at once tells early when it is not there. */
	if (job->size >= FALLOCATE_FROM && !job->sparse && f->r->options->has_room &&
	    f->r->options->has_room(f->r->options->arg, f->fd, job->size, e))
		return -1;
	if (job->size >= FALLOCATE_FROM && !job->sparse &&
	    fallocate(f->fd, 0, 0, (off_t)job->size) < 0 && errno != EOPNOTSUPP && errno != EINTR)
		return job_error(job, "writing", e);
	return 0;
}

/* How much of the piece is on disk already, from its beginning. */
static size_t same_bytes(struct file *f, const struct piece *piece)
{
	const char *data = piece->data;
	size_t i;
	ssize_t n;

	if (!f->existed || f->differs || piece->offset >= f->old_size)
		return 0;
	n = pread_full(f->fd, f->scratch, piece->len, (off_t)piece->offset);
	if (n <= 0)
		return 0; /* what cannot be read is written */
	if ((size_t)n == piece->len && memcmp(f->scratch, data, piece->len) == 0)
		return piece->len;
	for (i = 0; i < (size_t)n && f->scratch[i] == data[i]; i++)
		;
	return i;
}

#define HOLE_UNIT 4096u /* smaller parts of a block may be there as zeros */

/* Does nothing but zeros, in less than whole blocks, lie between? */
static bool is_hole(struct file *f, uint64_t from, uint64_t to)
{
	while (from < to) {
		off_t data = lseek(f->fd, (off_t)from, SEEK_DATA);
		size_t n, i;

		if (data < 0 || (uint64_t)data >= to)
			return true;
		n = HOLE_UNIT - (size_t)data % HOLE_UNIT;
		if (n > to - (uint64_t)data)
			n = (size_t)(to - (uint64_t)data);
		if (n == HOLE_UNIT)
			return false;
		if (pread_full(f->fd, f->scratch, n, data) < 0)
			return false;
		for (i = 0; i < n; i++)
			if (f->scratch[i])
				return false;
		from = (uint64_t)data + n;
	}
	return true;
}

/* Old data where the new file has a hole. */
static int make_hole(struct file *f, uint64_t from, uint64_t to, struct err *e)
{
	if (!f->existed || from >= f->old_size || is_hole(f, from, to))
		return 0;
	f->changed = true;
	if (fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from,
		      (off_t)(to - from)) == 0)
		return 0;
	if (errno != EOPNOTSUPP)
		return job_error(f->job, "writing", e);
	memset(f->scratch, 0, POOL_BLOCK_SIZE);
	if (to > f->old_size)
		to = f->old_size;
	while (from < to) {
		size_t n = to - from < POOL_BLOCK_SIZE ? (size_t)(to - from) : POOL_BLOCK_SIZE;

		if (pwrite_all(f->fd, f->scratch, n, (off_t)from) < 0)
			return job_error(f->job, "writing", e);
		from += n;
	}
	return 0;
}

static int write_piece(struct file *f, const struct piece *piece, struct err *e)
{
	size_t same;

	if (piece->offset > f->end && make_hole(f, f->end, piece->offset, e) < 0)
		return -1;
	same = same_bytes(f, piece);
	f->end = piece->offset + piece->len;
	if (same == piece->len)
		return 0;
	f->differs = f->changed = true;
	if (pwrite_all(f->fd, (const char *)piece->data + same, piece->len - same,
		       (off_t)(piece->offset + same)) < 0)
		return job_error(f->job, "writing", e);
	if (f->end - f->synced >= SYNC_EVERY) {
		sync_file_range(f->fd, (off_t)f->synced, (off_t)(f->end - f->synced),
				SYNC_FILE_RANGE_WRITE);
		f->synced = f->end;
	}
	return 0;
}

static int write_content(struct file *f, struct err *e)
{
	struct piece *piece;
	struct job *job = f->job;
	int rc = 0;

	while (!rc && (piece = pool_next_piece(&f->r->pool, job))) {
		rc = write_piece(f, piece, e);
		pool_piece_free(&f->r->pool, piece);
	}
	if (rc || pool_stopped(&f->r->pool))
		return rc;
	if (job->size > f->end && make_hole(f, f->end, job->size, e) < 0)
		return -1;
	if (f->existed ? f->old_size != job->size : f->end != job->size) {
		f->changed = true;
		if (ftruncate(f->fd, (off_t)job->size) < 0)
			return job_error(job, "writing", e);
	}
	return 0;
}

static int write_file(struct receiver *r, struct job *job, struct err *e)
{
	struct file f = { .r = r, .job = job, .fd = -1 };
	int rc = open_file(&f, e);

	if (!rc)
		rc = write_content(&f, e);
	if (!rc && !pool_stopped(&r->pool)) {
		struct object o = { f.fd,      job->dir->fd,	   job->name,
				    job->path, r->options->update, S_IFREG };

		rc = attrs_apply(r, &o, &job->attrs, true, e);
		if (!f.changed)
			atomic_fetch_add(&r->progress->entries_unchanged, 1);
	}
	if (f.fd >= 0 && close(f.fd) < 0 && rc == 0)
		rc = job_error(job, "writing", e);
	free(f.scratch);
	return rc < 0 ? -1 : 0;
}

/* ---- everything else ---- */

static bool symlink_is(struct job *job)
{
	char text[PATH_LEN_MAX + 2];
	ssize_t n = readlinkat(job->dir->fd, job->name, text, sizeof(text));
	struct stat st;

	if (n < 0 || fstatat(job->dir->fd, job->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    st.st_nlink != 1)
		return false;
	return (size_t)n == strlen(job->link) && memcmp(text, job->link, (size_t)n) == 0;
}

static bool node_is(struct job *job, mode_t type)
{
	struct stat st;

	return fstatat(job->dir->fd, job->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (st.st_mode & S_IFMT) == type && st.st_nlink == 1 &&
	       (type == S_IFIFO || st.st_rdev == job->rdev);
}

static int make_special(struct job *job, mode_t type)
{
	if (type == S_IFLNK)
		return symlinkat(job->link, job->dir->fd, job->name);
	return mknodat(job->dir->fd, job->name, type | 0600, job->rdev);
}

static mode_t special_type(char kind)
{
	switch (kind) {
	case 'l':
		return S_IFLNK;
	case 'c':
		return S_IFCHR;
	case 'b':
		return S_IFBLK;
	default:
		return S_IFIFO;
	}
}

static int write_special(struct receiver *r, struct job *job, struct err *e)
{
	mode_t type = special_type(job->kind);
	struct object o = { -1, job->dir->fd, job->name, job->path, r->options->update, type };

	if (r->options->update && (type == S_IFLNK ? symlink_is(job) : node_is(job, type))) {
		atomic_fetch_add(&r->progress->entries_unchanged, 1);
	} else if (make_special(job, type) < 0) {
		int rc;

		if (errno != EEXIST)
			return job_error(job, "making", e);
		rc = clear_name(r, job, e);
		if (rc)
			return rc < 0 ? -1 : 0;
		if (make_special(job, type) < 0)
			return job_error(job, "making", e);
	}
	return attrs_apply(r, &o, &job->attrs, true, e);
}

/* The link would go to another file system (or the inode has too many names): a copy holds the same bytes. */
static int copy_instead(struct receiver *r, struct job *job, int why, struct err *e)
{
	int from cleanup_fd = openat(job->link_dir->fd, job->link_name,
				     O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int to cleanup_fd = -1;
	struct object o = { -1, job->dir->fd, job->name, job->path, false, S_IFREG };
	char buf[65536];
	ssize_t n;

	if (from < 0)
		return job_error(job, "copying instead of linking", e);
	to = openat(job->dir->fd, job->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (to < 0)
		return job_error(job, "copying instead of linking", e);
	while ((n = read_full(from, buf, sizeof(buf))) > 0)
		if (write_all(to, buf, (size_t)n) < 0)
			return job_error(job, "copying instead of linking", e);
	if (n < 0)
		return job_error(job, "copying instead of linking", e);
	o.fd = to;
	pool_note(&r->pool, job->path, "copied: it cannot be a hard link to %s (%s)",
		  show(job->link).text, strerror(why));
	return attrs_apply(r, &o, &job->attrs, true, e);
}

static int write_link(struct receiver *r, struct job *job, struct err *e)
{
	struct stat target, here;
	int rc;

	if (fstatat(job->link_dir->fd, job->link_name, &target, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, ERR_TAR_LINK, errno, "%s is a hard link to a missing %s",
			       show(job->path).text, show(job->link).text);
	if (fstatat(job->dir->fd, job->name, &here, AT_SYMLINK_NOFOLLOW) == 0) {
		if (here.st_ino == target.st_ino && here.st_dev == target.st_dev) {
			atomic_fetch_add(&r->progress->entries_unchanged, 1);
			return 0;
		}
		rc = clear_name(r, job, e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	if (linkat(job->link_dir->fd, job->link_name, job->dir->fd, job->name, 0) == 0)
		return 0;
	if ((errno == EXDEV || errno == EMLINK) && S_ISREG(target.st_mode))
		return copy_instead(r, job, errno, e);
	return job_error(job, "linking", e);
}

void write_job(void *receiver, struct job *job)
{
	struct receiver *r = receiver;
	struct err e = ERR_INIT;
	int rc;

	switch (job->kind) {
	case 'f':
		rc = write_file(r, job, &e);
		break;
	case 'h':
		rc = write_link(r, job, &e);
		break;
	default:
		rc = write_special(r, job, &e);
		break;
	}
	if (rc < 0)
		pool_fail(&r->pool, &e);
}
