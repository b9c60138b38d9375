/* SPDX-License-Identifier: MIT */
#include "transfer/entry_priv.h"

#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "transfer/acl_priv.h"
#include "transfer/attrs_priv.h"

int name_normalise(const char *name, char *ret, struct err *e)
{
	size_t n = 0;

	for (;;) {
		size_t len;

		name += strspn(name, "/");
		len = strcspn(name, "/");
		if (!len)
			break;
		if (len == 1 && name[0] == '.') {
			name++;
			continue;
		}
		if (len == 2 && name[0] == '.' && name[1] == '.')
			return err_set(e, ERR_TAR_NAME, 0, "\"..\" in %s", show(name).text);
		if (len > NAME_LEN_MAX)
			return err_set(e, ERR_TAR_NAME, ENAMETOOLONG, "a name of %zu bytes: %s",
				       len, show(name).text);
		if (n + (n > 0) + len > PATH_LEN_MAX)
			return err_set(e, ERR_TAR_NAME, ENAMETOOLONG,
				       "a path of more than %u bytes", PATH_LEN_MAX);
		if (n)
			ret[n++] = '/';
		memcpy(ret + n, name, len);
		n += len;
		name += len;
	}
	ret[n] = '\0';
	return 0;
}

bool name_is_skipped(const struct tar_options *options, const char *path)
{
	const char *const *skip;

	for (skip = options->skip; skip && *skip; skip++) {
		size_t len = strlen(*skip);

		if (len && (*skip)[len - 1] == '/') {
			if (strncmp(path, *skip, len) == 0 && path[len])
				return true;
		} else if (len && strncmp(path, *skip, len) == 0 &&
			   (!path[len] || path[len] == '/')) {
			return true;
		}
	}
	return false;
}

char entry_kind(struct archive_entry *entry)
{
	if (archive_entry_hardlink(entry))
		return 'h';
	switch (archive_entry_filetype(entry)) {
	case AE_IFREG:
		return 'f';
	case AE_IFDIR:
		return 'd';
	case AE_IFLNK:
		return 'l';
	case AE_IFCHR:
		return 'c';
	case AE_IFBLK:
		return 'b';
	case AE_IFIFO:
		return 'p';
	default:
		return 0;
	}
}

/* ---- attributes ---- */

static int add_late(struct receiver *r, const char *path, enum late_kind kind, struct late **ret,
		    struct err *e)
{
	struct late *late = calloc(1, sizeof(*late) + strlen(path) + 1);

	if (!late)
		return err_set(e, ERR_NOMEM, 0, "%s", show(path).text);
	late->kind = kind;
	strcpy(late->path, path);
	*r->late_end = late;
	r->late_end = &late->next;
	*ret = late;
	return 0;
}

static int charge_late(struct receiver *r, const struct late *late, struct err *e)
{
	r->late_memory += sizeof(*late) + strlen(late->path) + late->acl.cap;
	if (late->acl.failed)
		return err_set(e, ERR_NOMEM, 0, "%s", show(late->path).text);
	if (r->late_memory > LATE_MEMORY_MAX)
		return err_set(e, ERR_TAR_LIMIT, 0,
			       "ACLs and flags that must wait for the end take more than %zu MB",
			       LATE_MEMORY_MAX >> 20);
	return 0;
}

/*
 * An ACL whose entries all have ids goes with the other attributes. One with names waits, because the passwd and
 * group it is to be looked up in may come later in the stream; a default ACL waits, because it would act on the
 * files that are still to be made in its directory.
 */
static int take_acl(struct receiver *r, struct archive_entry *entry, const char *path, int type,
		    struct attrs *ret, struct err *e)
{
	struct strbuf items cleanup_strbuf = STRBUF_INIT;
	struct strbuf value cleanup_strbuf = STRBUF_INIT;
	bool is_default = type == ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, named = false;
	const char *unknown;
	struct late *late;

	acl_from_entry(entry, type, &items, &named, &ret->mode);
	if (items.failed)
		return err_set(e, ERR_NOMEM, 0, "%s", show(path).text);
	if (!items.len)
		return 0;
	r->saw_xattrs = true;
	if (named || is_default) {
		if (add_late(r, path, is_default ? LATE_ACL_DEFAULT : LATE_ACL_ACCESS, &late, e) <
		    0)
			return -1;
		late->acl = items;
		items = STRBUF_INIT;
		return charge_late(r, late, e);
	}
	acl_encode(&items, NULL, &value, &unknown);
	if (value.failed)
		return err_set(e, ERR_NOMEM, 0, "%s", show(path).text);
	xattrs_add(&ret->xattrs, ACL_XATTR_ACCESS, value.data, value.len);
	return 0;
}

static int take_acls(struct receiver *r, struct archive_entry *entry, const char *path, char kind,
		     struct attrs *ret, struct err *e)
{
	int types = archive_entry_acl_types(entry);

	if (types & ARCHIVE_ENTRY_ACL_TYPE_NFS4)
		pool_note(&r->pool, path, "an NFSv4 ACL cannot be kept, lost");
	if (!(types & ARCHIVE_ENTRY_ACL_TYPE_POSIX1E) || kind == 'l' || kind == 'h')
		return 0;
	if (take_acl(r, entry, path, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, ret, e) < 0)
		return -1;
	return kind == 'd' ? take_acl(r, entry, path, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, ret, e) : 0;
}

static int take_xattrs(struct receiver *r, struct archive_entry *entry, const char *path,
		       struct attrs *ret, struct err *e)
{
	const char *name;
	const void *value;
	size_t len;

	if (archive_entry_xattr_reset(entry) == 0)
		return 0;
	r->saw_xattrs = true;
	while (archive_entry_xattr_next(entry, &name, &value, &len) == ARCHIVE_OK) {
		if (!name || !*name || strlen(name) > NAME_LEN_MAX || len > XATTR_VALUE_MAX) {
			pool_note(&r->pool, path, "an attribute is larger than Linux allows, lost");
			continue;
		}
		xattrs_add(&ret->xattrs, name, value, len);
	}
	if (ret->xattrs.failed)
		return err_set(e, ERR_NOMEM, 0, "%s", show(path).text);
	return 0;
}

static int take_flags(struct receiver *r, struct archive_entry *entry, const char *path,
		      struct err *e)
{
	unsigned long set, clear;
	struct late *late;

	archive_entry_fflags(entry, &set, &clear);
	if (!set)
		return 0;
	if (add_late(r, path, LATE_FLAGS, &late, e) < 0)
		return -1;
	late->flags_set = (int)set;
	late->flags_clear = (int)clear;
	return charge_late(r, late, e);
}

static int take_owner(struct archive_entry *entry, const char *path, struct attrs *ret,
		      struct err *e)
{
	la_int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);

	/* 2^32 - 1 means "no change" to chown(2). */
	if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
		return err_set(e, ERR_TAR_DAMAGED, 0, "owner %" PRId64 ":%" PRId64 " of %s",
			       (int64_t)uid, (int64_t)gid, show(path).text);
	ret->uid = (uint32_t)uid;
	ret->gid = (uint32_t)gid;
	ret->mode = archive_entry_perm(entry) & 07777;
	return 0;
}

/*
 * Times before 1970 with a fraction: POSIX and GNU tar write them as one negative decimal number, of which libarchive
 * negates the whole seconds only. (bsdtar writes what its own reader expects; such a time of its comes out up to
 * two seconds wrong, which is the smaller evil.)
 */
static struct timespec make_time(time_t sec, long nsec)
{
	if (nsec < 0 || nsec > 999999999)
		nsec = 0;
	if (sec < 0 && nsec > 0)
		return (struct timespec){ sec - 1, 1000000000 - nsec };
	return (struct timespec){ sec, nsec };
}

static void take_times(struct archive_entry *entry, struct attrs *ret)
{
	ret->mtime = make_time(archive_entry_mtime(entry), archive_entry_mtime_nsec(entry));
	ret->atime.tv_nsec = UTIME_OMIT;
	if (archive_entry_atime_is_set(entry))
		ret->atime = make_time(archive_entry_atime(entry), archive_entry_atime_nsec(entry));
}

int entry_attrs(struct receiver *r, struct archive_entry *entry, const char *path,
		struct attrs *ret, struct err *e)
{
	char kind = entry_kind(entry);

	if (take_owner(entry, path, ret, e) < 0)
		return -1;
	take_times(entry, ret);
	if (kind == 'l')
		ret->mode = 0777;
	if (take_xattrs(r, entry, path, ret, e) < 0 || take_acls(r, entry, path, kind, ret, e) < 0)
		return -1;
	return kind == 'h' ? 0 : take_flags(r, entry, path, e);
}
