/* SPDX-License-Identifier: MIT */
#include "transfer/attrs_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include "transfer/acl_priv.h"
#include "transfer/receive_priv.h"

#define XATTR_LIST_MAX 65536

/* ---- sets ---- */

struct record {
	uint32_t name_len; /* with its NUL */
	uint32_t value_len;
};

void xattrs_add(struct strbuf *set, const char *name, const void *value, size_t len)
{
	struct record rec = { (uint32_t)strlen(name) + 1, (uint32_t)len };

	strbuf_add(set, &rec, sizeof(rec));
	strbuf_add(set, name, rec.name_len);
	strbuf_add(set, value, len);
}

bool xattrs_next(const struct strbuf *set, size_t *at, const char **name, const void **value,
		 size_t *len)
{
	struct record rec;

	if (*at >= set->len)
		return false;
	memcpy(&rec, set->data + *at, sizeof(rec));
	*name = set->data + *at + sizeof(rec);
	*value = *name + rec.name_len;
	*len = rec.value_len;
	*at += sizeof(rec) + rec.name_len + rec.value_len;
	return true;
}

static bool set_has(const struct strbuf *set, const char *wanted)
{
	const char *name;
	const void *value;
	size_t at = 0, len;

	while (xattrs_next(set, &at, &name, &value, &len))
		if (strcmp(name, wanted) == 0)
			return true;
	return false;
}

/* ---- extended attributes ---- */

/* A path for the *xattr calls: they know no directory descriptors. /proc leads to the very inode. */
struct proc_path {
	char text[40];
	int fd; /* opened here, or -1 */
};

static int proc_path_open(struct proc_path *p, const struct object *o)
{
	p->fd = -1;
	if (o->fd < 0) {
		p->fd = openat(o->dirfd, o->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (p->fd < 0)
			return -1;
	}
	snprintf(p->text, sizeof(p->text), "/proc/self/fd/%d", o->fd < 0 ? p->fd : o->fd);
	return 0;
}

static int set_one(const struct object *o, const char *proc, const char *name, const void *value,
		   size_t len)
{
	return o->fd >= 0 ? fsetxattr(o->fd, name, value, len, 0)
			  : setxattr(proc, name, value, len, 0);
}

/*
 * ENOSPC for an attribute usually means that it does not fit into the inode's one block (ext4 without
 * ea_inode), not that the disk is full.
 */
static bool disk_is_full(const struct object *o)
{
	struct statvfs v;

	return fstatvfs(o->fd >= 0 ? o->fd : o->dirfd, &v) < 0 || v.f_bavail < 16;
}

static int xattr_failed(struct receiver *r, const struct object *o, const char *name, struct err *e)
{
	char shown[64];
	int sys = errno;

	if (sys == EIO || sys == EROFS || sys == ENOMEM ||
	    ((sys == ENOSPC || sys == EDQUOT) && disk_is_full(o)))
		return write_error(e, sys, "setting an attribute of", o->path);
	str_escape(shown, sizeof(shown), name);
	if (sys == ENOSPC || sys == E2BIG || sys == ERANGE)
		pool_note(&r->pool, o->path, "attribute %s is too large for this file system, lost",
			  shown);
	else
		pool_note(&r->pool, o->path, "attribute %s was not accepted (%s), lost", shown,
			  strerror(sys));
	return 0;
}

int xattr_apply(struct receiver *r, const struct object *o, const char *name, const void *value,
		size_t len, struct err *e)
{
	struct proc_path p;
	int rc;

	if (proc_path_open(&p, o) < 0)
		return write_error(e, errno, "setting an attribute of", o->path);
	rc = set_one(o, p.text, name, value, len);
	if (rc < 0)
		rc = xattr_failed(r, o, name, e);
	if (p.fd >= 0)
		close(p.fd);
	return rc;
}

static bool is_ours_to_remove(const char *name)
{
	return str_starts(name, "user.") || str_starts(name, "trusted.") ||
	       str_starts(name, "security.") || strcmp(name, ACL_XATTR_ACCESS) == 0 ||
	       strcmp(name, ACL_XATTR_DEFAULT) == 0;
}

/* Attributes that are there and not in the stream go. Failures show up when somebody compares, not here. */
static void remove_others(const struct object *o, const char *proc, const struct strbuf *set)
{
	char small[1024], *names = small, *heap cleanup_free = NULL, *name;
	ssize_t len = o->fd >= 0 ? flistxattr(o->fd, small, sizeof(small))
				 : listxattr(proc, small, sizeof(small));

	if (len < 0 && errno == ERANGE) {
		names = heap = malloc(XATTR_LIST_MAX);
		if (heap)
			len = o->fd >= 0 ? flistxattr(o->fd, heap, XATTR_LIST_MAX)
					 : listxattr(proc, heap, XATTR_LIST_MAX);
	}
	for (name = names; len > 0 && name < names + len; name += strlen(name) + 1) {
		if (!is_ours_to_remove(name) || set_has(set, name))
			continue;
		if (o->fd >= 0)
			fremovexattr(o->fd, name);
		else
			removexattr(proc, name);
	}
}

static bool xattr_is(const struct object *o, const char *proc, const char *name, const void *value,
		     size_t len)
{
	char *have cleanup_free = malloc(len + 1);
	ssize_t n;

	if (!have)
		return false;
	n = o->fd >= 0 ? fgetxattr(o->fd, name, have, len + 1)
		       : getxattr(proc, name, have, len + 1);
	return n == (ssize_t)len && memcmp(have, value, len) == 0;
}

static int apply_xattrs(struct receiver *r, const struct object *o, const struct strbuf *set,
			const char *proc, struct err *e)
{
	const char *name;
	const void *value;
	size_t at = 0, len;

	while (xattrs_next(set, &at, &name, &value, &len)) {
		if (o->existed && xattr_is(o, proc, name, value, len))
			continue;
		if (set_one(o, proc, name, value, len) < 0 && xattr_failed(r, o, name, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- owner, mode, times ---- */

static int get_stat(const struct object *o, struct stat *ret)
{
	return o->fd >= 0 ? fstat(o->fd, ret)
			  : fstatat(o->dirfd, o->name, ret, AT_SYMLINK_NOFOLLOW);
}

static int apply_owner_mode(const struct object *o, const struct attrs *attrs)
{
	const mode_t sids = S_ISUID | S_ISGID;
	bool chowned = false;
	struct stat st;

	if (get_stat(o, &st) < 0)
		return -1;
	if (st.st_uid != attrs->uid || st.st_gid != attrs->gid) {
		int rc = o->fd >= 0 ? fchown(o->fd, attrs->uid, attrs->gid)
				    : fchownat(o->dirfd, o->name, attrs->uid, attrs->gid,
					       AT_SYMLINK_NOFOLLOW);

		if (rc < 0)
			return -1;
		chowned = true;
	}
	if (o->type == S_IFLNK)
		return 0;
	/* A change of owner takes setuid and setgid away, so those are always put (back). */
	if ((st.st_mode & 07777) == attrs->mode && !(chowned && attrs->mode & sids))
		return 0;
	return o->fd >= 0 ? fchmod(o->fd, attrs->mode)
			  : fchmodat(o->dirfd, o->name, attrs->mode, 0);
}

static int apply_times(const struct object *o, const struct attrs *attrs)
{
	struct timespec times[2] = { attrs->atime, attrs->mtime };

	return o->fd >= 0 ? futimens(o->fd, times)
			  : utimensat(o->dirfd, o->name, times, AT_SYMLINK_NOFOLLOW);
}

int attrs_apply(struct receiver *r, const struct object *o, const struct attrs *attrs,
		bool set_times, struct err *e)
{
	struct proc_path p = { .fd = -1 };
	bool xattrs = o->existed || attrs->xattrs.len;
	int rc = 0;

	if (xattrs && proc_path_open(&p, o) < 0)
		return write_error(e, errno, "setting attributes of", o->path);
	if (o->existed) /* before the mode: an ACL would take the group bits for its mask */
		remove_others(o, p.text, &attrs->xattrs);
	if (apply_owner_mode(o, attrs) < 0)
		rc = write_error(e, errno, "setting owner and mode of", o->path);
	if (!rc && attrs->xattrs.len)
		rc = apply_xattrs(r, o, &attrs->xattrs, p.text, e);
	if (!rc && set_times && apply_times(o, attrs) < 0)
		rc = write_error(e, errno, "setting the times of", o->path);
	if (p.fd >= 0)
		close(p.fd);
	return rc;
}
