/* SPDX-License-Identifier: MIT */
#include "job/exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/log.h"

#define FLAGS_HELD (FS_IMMUTABLE_FL | FS_APPEND_FL)

/* Both top folders, open for reading (flags, names) and as the base of renames. */
struct sides {
	const struct exchange *x;
	int live, tree;
};

#define SIDES_INIT(from) ((struct sides){ .x = (from), .live = -1, .tree = -1 })
#define cleanup_sides __attribute__((cleanup(sides_close)))

static void sides_close(struct sides *s)
{
	cleanup_close_fd(&s->live);
	cleanup_close_fd(&s->tree);
}

static int sides_open(struct sides *s, struct err *e)
{
	struct stat a, b;

	s->live = root_openat(s->x->live, "/", O_RDONLY | O_DIRECTORY, 0, e);
	if (s->live < 0)
		return -1;
	s->tree = root_openat(s->x->live, s->x->tree, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, e);
	if (s->tree < 0)
		return -1;
	if (fstat(s->live, &a) < 0 || fstat(s->tree, &b) < 0 || a.st_dev != b.st_dev)
		return err_set(e, ERR_EXCHANGE, EXDEV, "/%s", s->x->tree);
	return 0;
}

static int stop_here(const struct sides *s, struct err *e)
{
	if (s->x->step && s->x->step(s->x->arg) != 0)
		return err_set(e, ERR_EXCHANGE, EINTR, "stopped on request");
	return 0;
}

bool exchange_keeps(const struct exchange *x, const char *name)
{
	/* the files of ext and VFS quotas: they count this file system's blocks, whoever lives on it */
	static const char *const quota[] = { "quota.user", "quota.group", "quota.project" };
	size_t i;

	if (strcmp(name, ".rehost") == 0 || strcmp(name, "lost+found") == 0)
		return true;
	for (i = 0; i < ARRAY_SIZE(quota); i++)
		if (strcmp(name + (*name == 'a'), quota[i]) == 0)
			return true;
	return x->mount_points && strlist_has(x->mount_points, name);
}

/* ---- looking ---- */

/* Inode number of a name, 0 when it is absent. */
static int find_inode(int dir, const char *name, uint64_t *ret, mode_t *ret_mode, struct err *e)
{
	struct stat st;

	*ret = 0;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(e, ERR_EXCHANGE, errno, "/%s", name);
	*ret = st.st_ino;
	if (ret_mode)
		*ret_mode = st.st_mode;
	return 0;
}

/* Only files and folders have flags that can be read; a device must not even be opened. */
static int open_flagged(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		return -1;
	return openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
}

static uint32_t get_flags(int fd)
{
	int flags = 0;

	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return 0; /* a file system without flags */
	return (uint32_t)flags & FLAGS_HELD;
}

static uint32_t get_flags_of(int dir, const char *name)
{
	int fd cleanup_fd = open_flagged(dir, name);

	return get_flags(fd);
}

/* ---- flags ---- */

/* Sets the held flags of an open file to want, when they are not that already. */
static int put_flags(const struct sides *s, int fd, uint32_t want, const char *name, struct err *e)
{
	int flags;

	if (get_flags(fd) == want)
		return 0;
	if (stop_here(s, e) < 0)
		return -1;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return err_set(e, ERR_EXCHANGE, errno, "reading the flags of /%s", name);
	flags = (int)(((uint32_t)flags & ~(uint32_t)FLAGS_HELD) | want);
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0)
		return err_set(e, ERR_EXCHANGE, errno, "changing the flags of /%s", name);
	return 0;
}

static int put_flags_of(const struct sides *s, int dir, const char *name, uint32_t want,
			struct err *e)
{
	int fd cleanup_fd = open_flagged(dir, name);

	return fd < 0 ? 0 : put_flags(s, fd, want, name, e);
}

/* ---- planning ---- */

static int read_dir(int fd, struct switch_dir *ret, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, ERR_EXCHANGE, errno, "reading a top folder");
	*ret = (struct switch_dir){ st.st_mode & 07777, st.st_uid, st.st_gid, get_flags(fd) };
	return 0;
}

/* The names of both trees that are to change places, ascending, each once. */
static int list_both(const struct sides *s, struct strlist *ret, struct err *e)
{
	struct strlist a cleanup_strlist = STRLIST_INIT;
	struct strlist b cleanup_strlist = STRLIST_INIT;
	size_t i = 0, k = 0;

	if (root_list(s->x->live, "/", &a, e) < 0 || root_list(s->x->live, s->x->tree, &b, e) < 0)
		return -1;
	while (i < a.count || k < b.count) {
		int order = i == a.count ? 1 : k == b.count ? -1 : strcmp(a.items[i], b.items[k]);
		const char *name = order <= 0 ? a.items[i] : b.items[k];

		i += order <= 0;
		k += order >= 0;
		if (!exchange_keeps(s->x, name) && strlist_add(ret, name) < 0)
			return err_set(e, ERR_NOMEM, 0, "planning the switch");
	}
	return 0;
}

int exchange_plan(const struct exchange *x, struct switch_fs *fs, struct err *e)
{
	struct sides s cleanup_sides = SIDES_INIT(x);
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (sides_open(&s, e) < 0 || read_dir(s.live, &fs->old_dir, e) < 0 ||
	    read_dir(s.tree, &fs->new_dir, e) < 0 || list_both(&s, &names, e) < 0)
		return -1;
	/* A root that only root may enter is a stage whose own top entry never came, not a system's wish. */
	if (!(fs->new_dir.mode & S_IXOTH)) {
		fs->new_dir.mode = fs->old_dir.mode;
		fs->new_dir.uid = fs->old_dir.uid;
		fs->new_dir.gid = fs->old_dir.gid;
	}
	for (i = 0; i < names.count; i++) {
		struct switch_entry *entry = switch_fs_add(fs, names.items[i]);

		if (!entry)
			return err_set(e, ERR_NOMEM, 0, "planning the switch");
		if (find_inode(s.live, entry->name, &entry->old_ino, NULL, e) < 0 ||
		    find_inode(s.tree, entry->name, &entry->new_ino, NULL, e) < 0)
			return -1;
		entry->old_flags = get_flags_of(s.live, entry->name);
		entry->new_flags = get_flags_of(s.tree, entry->name);
	}
	return 0;
}

/* ---- where an entry is ---- */

enum place { PLACE_OLD_LIVE, PLACE_CLONE_LIVE, PLACE_NEITHER };

static enum place place_of(const struct switch_entry *entry, uint64_t live, uint64_t tree)
{
	if (live == entry->old_ino && tree == entry->new_ino)
		return PLACE_OLD_LIVE;
	if (live == entry->new_ino && tree == entry->old_ino)
		return PLACE_CLONE_LIVE;
	return PLACE_NEITHER;
}

static int look_at(const struct sides *s, const struct switch_entry *entry, uint64_t *live,
		   uint64_t *tree, struct err *e)
{
	if (find_inode(s->live, entry->name, live, NULL, e) < 0 ||
	    find_inode(s->tree, entry->name, tree, NULL, e) < 0)
		return -1;
	return 0;
}

static int refuse(const struct switch_entry *entry, uint64_t live, uint64_t tree, struct err *e)
{
	return err_set(
		e, ERR_EXCHANGE, 0,
		"/%s: inode %llu live and %llu kept, the plan says %llu (old) and %llu (clone)",
		entry->name, (unsigned long long)live, (unsigned long long)tree,
		(unsigned long long)entry->old_ino, (unsigned long long)entry->new_ino);
}

void exchange_look_at(struct exchange_look *ret, const struct switch_entry *entry, uint64_t live,
		      uint64_t tree)
{
	ret->entries++;
	if (entry->old_ino == entry->new_ino)
		return;
	ret->old_live += live && live == entry->old_ino;
	ret->clone_live += live && live == entry->new_ino;
	ret->clone_kept += tree && tree == entry->new_ino;
}

void exchange_look(const struct exchange *x, const struct switch_fs *fs, struct exchange_look *ret)
{
	int live cleanup_fd = root_openat(x->live, "/", O_RDONLY | O_DIRECTORY, 0, NULL);
	int tree cleanup_fd = root_openat(x->live, x->tree, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
					  NULL);
	unsigned i;

	for (i = 0; i < fs->entry_count; i++) {
		const char *name = fs->entries[i].name;
		uint64_t in_live = 0, in_tree = 0;

		if ((live >= 0 && find_inode(live, name, &in_live, NULL, NULL) < 0) ||
		    (tree >= 0 && find_inode(tree, name, &in_tree, NULL, NULL) < 0))
			log_debug("exchange: /%s cannot be looked at", name);
		exchange_look_at(ret, &fs->entries[i], in_live, in_tree);
	}
}

unsigned exchange_count_done(const struct exchange *x, const struct switch_fs *fs)
{
	struct sides s cleanup_sides = SIDES_INIT(x);
	unsigned i, done = 0;
	uint64_t live, tree;

	if (sides_open(&s, NULL) < 0)
		return 0;
	for (i = 0; i < fs->entry_count; i++)
		if (look_at(&s, &fs->entries[i], &live, &tree, NULL) == 0 &&
		    place_of(&fs->entries[i], live, tree) == PLACE_CLONE_LIVE)
			done++;
	return done;
}

static uint64_t inode_at(const struct root *fs, const char *path)
{
	struct stat st;

	return root_lstat(fs, path, &st) == 0 ? st.st_ino : 0;
}

void exchange_count_lost(const struct exchange *x, const struct switch_fs *fs, bool is_mixed,
			 unsigned *old, unsigned *clone)
{
	char path[NAME_MAX + 64];
	unsigned i;

	*old = *clone = 0;
	for (i = 0; i < fs->entry_count; i++) {
		const struct switch_entry *entry = &fs->entries[i];
		uint64_t live = inode_at(x->live, entry->name), tree;

		snprintf(path, sizeof(path), "%s/%s", x->tree, entry->name);
		tree = inode_at(x->live, path);
		*old += entry->old_ino && tree != entry->old_ino &&
			!(is_mixed && live == entry->old_ino);
		*clone += entry->new_ino && live != entry->new_ino &&
			  !(is_mixed && tree == entry->new_ino);
	}
}

/* ---- bringing a plan up to date ---- */

enum refreshed { KEEP, DROP, CHANGED };

/* What became of one entry since the plan was made. Only the clone's side may have changed. */
static int refresh_entry(const struct sides *s, struct switch_entry *entry, bool for_undo,
			 struct err *e)
{
	uint64_t live, tree;

	if (look_at(s, entry, &live, &tree, e) < 0)
		return -1;
	if (place_of(entry, live, tree) != PLACE_NEITHER)
		return KEEP;
	if (for_undo &&
	    live == entry->old_ino) { /* as it shall be; the stage's part is no obstacle */
		if (entry->old_ino == 0 && tree == 0)
			return DROP;
		entry->new_ino = tree;
		entry->new_flags = get_flags_of(s->tree, entry->name);
		return CHANGED;
	}
	if (entry->old_ino ? tree != entry->old_ino : tree != 0)
		return refuse(entry, live, tree, e);
	if (entry->old_ino == 0 && live == 0)
		return DROP; /* made by the clone, deleted by the clone */
	entry->new_ino = live;
	entry->new_flags = get_flags_of(s->live, entry->name);
	return CHANGED;
}

static bool is_planned(const struct switch_fs *fs, const char *name)
{
	unsigned i;

	for (i = 0; i < fs->entry_count; i++)
		if (strcmp(fs->entries[i].name, name) == 0)
			return true;
	return false;
}

static int compare_entries(const void *a, const void *b)
{
	const struct switch_entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int add_new_names(const struct sides *s, struct switch_fs *fs, bool *ret_changed,
			 struct err *e)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (root_list(s->x->live, "/", &names, e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		struct switch_entry *entry;

		if (exchange_keeps(s->x, names.items[i]) || is_planned(fs, names.items[i]))
			continue;
		entry = switch_fs_add(fs, names.items[i]);
		if (!entry)
			return err_set(e, ERR_NOMEM, 0, "planning the undo");
		if (find_inode(s->live, entry->name, &entry->new_ino, NULL, e) < 0)
			return -1;
		entry->new_flags = get_flags_of(s->live, entry->name);
		*ret_changed = true;
	}
	if (fs->entry_count)
		qsort(fs->entries, fs->entry_count, sizeof(*fs->entries), compare_entries);
	return 0;
}

int exchange_refresh(const struct exchange *x, struct switch_fs *fs, bool for_undo,
		     bool *ret_changed, struct err *e)
{
	struct sides s cleanup_sides = SIDES_INIT(x);
	unsigned i, kept = 0;
	int rc = KEEP;

	if (sides_open(&s, e) < 0)
		return -1;
	for (i = 0; i < fs->entry_count; i++) {
		rc = refresh_entry(&s, &fs->entries[i], for_undo, e);
		if (rc < 0)
			break;
		*ret_changed |= rc != KEEP;
		if (rc == DROP)
			free(fs->entries[i].name);
		else
			fs->entries[kept++] = fs->entries[i];
	}
	if (rc < 0) /* the rest stays as it was, so that the plan can still be freed */
		while (i < fs->entry_count)
			fs->entries[kept++] = fs->entries[i++];
	fs->entry_count = kept;
	if (rc < 0)
		return -1;
	return for_undo ? add_new_names(&s, fs, ret_changed, e) : 0;
}

/* ---- running ---- */

static int rename_entry(const struct sides *s, const struct switch_entry *entry, uint64_t live,
			uint64_t tree, struct err *e)
{
	int from = live ? s->live : s->tree;
	int to = live ? s->tree : s->live;
	unsigned how = live && tree ? RENAME_EXCHANGE : RENAME_NOREPLACE;

	if (stop_here(s, e) < 0)
		return -1;
	if (renameat2(from, entry->name, to, entry->name, how) < 0)
		return err_set(e, ERR_EXCHANGE, errno, "renaming /%s", entry->name);
	return 0;
}

static int run_entry(const struct sides *s, const struct switch_entry *entry,
		     enum exchange_direction direction, struct err *e)
{
	enum place want = direction == EXCHANGE_SWITCH ? PLACE_CLONE_LIVE : PLACE_OLD_LIVE;
	uint64_t live, tree;
	enum place at;

	if (look_at(s, entry, &live, &tree, e) < 0)
		return -1;
	at = place_of(entry, live, tree);
	if (at == PLACE_NEITHER)
		return refuse(entry, live, tree, e);
	if (at == want)
		return 0;
	if (put_flags_of(s, s->live, entry->name, 0, e) < 0 ||
	    put_flags_of(s, s->tree, entry->name, 0, e) < 0)
		return -1;
	return rename_entry(s, entry, live, tree, e);
}

/* Every entry is in its place: the flags go back to the inodes they were on. */
static int restore_flags(const struct sides *s, const struct switch_fs *fs,
			 enum exchange_direction direction, struct err *e)
{
	bool clone_live = direction == EXCHANGE_SWITCH;
	unsigned i;

	for (i = 0; i < fs->entry_count; i++) {
		const struct switch_entry *entry = &fs->entries[i];

		if (entry->old_flags && put_flags_of(s, clone_live ? s->tree : s->live, entry->name,
						     entry->old_flags, e) < 0)
			return -1;
		if (entry->new_flags && put_flags_of(s, clone_live ? s->live : s->tree, entry->name,
						     entry->new_flags, e) < 0)
			return -1;
	}
	return 0;
}

static int put_dir(const struct sides *s, int fd, const struct switch_dir *want, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, ERR_EXCHANGE, errno, "a top folder");
	if (st.st_uid != want->uid || st.st_gid != want->gid ||
	    (st.st_mode & 07777) != want->mode) {
		if (stop_here(s, e) < 0)
			return -1;
		/* chown may clear set-id bits, so the mode comes second */
		if (fchown(fd, want->uid, want->gid) < 0 || fchmod(fd, want->mode) < 0)
			return err_set(e, ERR_EXCHANGE, errno, "owner and mode of a top folder");
	}
	return put_flags(s, fd, want->flags, "", e);
}

int exchange_run(const struct exchange *x, const struct switch_fs *fs,
		 enum exchange_direction direction, struct err *e)
{
	struct sides s cleanup_sides = SIDES_INIT(x);
	const struct switch_dir *live_dir = &fs->old_dir, *tree_dir = &fs->new_dir;
	unsigned i;

	if (direction == EXCHANGE_SWITCH) {
		live_dir = &fs->new_dir;
		tree_dir = &fs->old_dir;
	}
	if (sides_open(&s, e) < 0 || put_flags(&s, s.live, 0, "", e) < 0 ||
	    put_flags(&s, s.tree, 0, "", e) < 0)
		return -1;
	for (i = 0; i < fs->entry_count; i++)
		if (run_entry(&s, &fs->entries[i], direction, e) < 0)
			return -1;
	if (restore_flags(&s, fs, direction, e) < 0 || put_dir(&s, s.live, live_dir, e) < 0 ||
	    put_dir(&s, s.tree, tree_dir, e) < 0)
		return -1;
	return 0;
}
