/* SPDX-License-Identifier: MIT */
#include "job/discard.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "job/activate_uefi.h"
#include "job/target.h"

static int sync_top(const struct root *r, struct err *e)
{
	int fd cleanup_fd = root_openat(r, "/", O_RDONLY | O_DIRECTORY, 0, e);

	if (fd < 0)
		return -1;
	return fsync(fd) < 0 ? err_set(e, ERR_FILE, errno, "the top folder") : 0;
}

/* Names in /.rehost that go before the record does. */
static int empty_folder(const struct root *fs, bool keep_record, struct err *e)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char path[512];
	size_t i;

	if (!root_is_dir(fs, REHOST_DIR))
		return 0;
	if (root_list(fs, REHOST_DIR, &names, e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		if (keep_record && strcmp(names.items[i], "job") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", REHOST_DIR, names.items[i]);
		if (root_remove_tree(fs, path, e) < 0)
			return -1;
	}
	return 0;
}

int discard_folders(const struct root *const *fs, unsigned count, struct err *e)
{
	unsigned i;

	/* the record is the last thing to go: a cut leaves it, and the command can be repeated */
	for (i = count; i-- > 1;)
		if (root_remove_tree(fs[i], REHOST_DIR, e) < 0 || sync_top(fs[i], e) < 0)
			return -1;
	if (empty_folder(fs[0], true, e) < 0 || sync_top(fs[0], e) < 0)
		return -1;
	if (root_remove_tree(fs[0], REHOST_DIR, e) < 0)
		return -1;
	return sync_top(fs[0], e);
}

/* The old tree of one file system, name by name, so that something can be said meanwhile. */
static int remove_old_tree(const struct root *fs, const char *mount, FILE *out, struct err *e)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	char path[512];
	size_t i;

	if (!root_is_dir(fs, TREE_DIR))
		return 0;
	if (root_list(fs, TREE_DIR, &names, e) < 0)
		return -1;
	for (i = 0; i < names.count; i++) {
		char shown[300];

		str_escape(shown, sizeof(shown), names.items[i]);
		fprintf(out, "deleting the old %s%s%s (%zu of %zu)\n", mount,
			strcmp(mount, "/") == 0 ? "" : "/", shown, i + 1, names.count);
		fflush(out);
		snprintf(path, sizeof(path), "%s/%s", TREE_DIR, names.items[i]);
		if (root_remove_tree(fs, path, e) < 0)
			return -1;
	}
	return 0;
}

/* J says "switched": what is about to be deleted must not be what is in use, on no file system. */
static int verify_part(const struct root *fs, const struct switch_fs *part, struct err *e)
{
	struct stat top, st;
	unsigned i;

	if (root_stat(fs, "/", &top) < 0 || !root_is_dir(fs, TREE_DIR))
		return err_set(e, ERR_RELEASE, 0,
			       "what is at %s is not the file system that holds a part of the old "
			       "system",
			       part->mount);
	for (i = 0; i < part->entry_count; i++) {
		const struct switch_entry *entry = &part->entries[i];

		if (entry->old_ino && root_lstat(fs, entry->name, &st) == 0 &&
		    st.st_dev == top.st_dev && st.st_ino == entry->old_ino)
			return err_set(e, ERR_RELEASE, 0,
				       "the old system's /%s is still in its place on the file "
				       "system of %s",
				       entry->name, part->mount);
	}
	return 0;
}

static int may_release(const struct record *r, bool unconfirmed, struct err *e)
{
	switch (r->state) {
	case JOB_CONFIRMED:
	case JOB_RELEASING:
		return 0;
	case JOB_SWITCHED:
	case JOB_TRIAL:
		if (unconfirmed)
			return 0;
		return err_set(e, ERR_UNCONFIRMED, 0, "the state is \"%s\"",
			       job_state_name(r->state));
	default:
		return err_set(e, ERR_STAGE_STATE, 0,
			       "only after a switch there is something to release");
	}
}

static int begin_release(struct record *r, const struct root *const *fs, unsigned count,
			 struct err *e)
{
	enum job_state before = r->state;
	unsigned i;

	if (r->state == JOB_RELEASING)
		return 0;
	for (i = 0; i < count && i < r->fs_count; i++)
		if (verify_part(fs[i], &r->filesystems[i], e) < 0)
			return -1;
	r->state = JOB_RELEASING;
	if (record_store(r, fs[0], e) < 0) {
		r->state = before;
		return -1;
	}
	return 0;
}

/* Once it is done J forgets the loader: its files are the next to go. */
static int leave_loader(struct record *r, const struct root *fs0,
			const struct release_loader *loader, FILE *out, struct err *e)
{
	enum loader_kind before = r->loader;

	if (r->loader == LOADER_NONE)
		return 0;
	fprintf(out, "writing the clone's own boot loader for good\n");
	fflush(out);
	if (loader->finish(loader->arg, r, e) < 0)
		return err_ctx(e, "making the clone start by itself");
	r->loader = LOADER_NONE;
	if (record_store(r, fs0, e) < 0) {
		r->loader = before;
		return -1;
	}
	return 0;
}

int release_run(struct record *r, const struct root *const *fs, const char *const *mounts,
		unsigned count, const struct release_loader *loader, FILE *out, struct err *e)
{
	struct strlist notes cleanup_strlist = STRLIST_INIT;
	unsigned i;

	if (may_release(r, loader->unconfirmed, e) < 0 || begin_release(r, fs, count, e) < 0 ||
	    leave_loader(r, fs[0], loader, out, e) < 0)
		return -1;
	/* a UEFI target without a private loader; the file is on one of them, or on none */
	for (i = 0; i < count && r->loader == LOADER_NONE; i++)
		if (activate_uefi_finish(fs[i], &notes, e) < 0)
			return -1;
	for (i = 0; i < notes.count; i++)
		fprintf(out, "%s\n", notes.items[i]);
	for (i = count; i-- > 0;)
		if (remove_old_tree(fs[i], mounts[i], out, e) < 0)
			return err_ctx(e, "deleting the old system on the file system of %s",
				       mounts[i]);
	return discard_folders(fs, count, e);
}
