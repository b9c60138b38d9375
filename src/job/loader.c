/* SPDX-License-Identifier: MIT */
#include "job/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "disk/extfs.h"
#include "job/foreign.h"
#include "job/loader_priv.h"

static const char *const choice_names[LOADER_CHOICES] = {
	[LOADER_OLD] = "old",
	[LOADER_RESCUE] = "rescue",
	[LOADER_CLONE_ONCE] = "clone-once",
	[LOADER_CLONE] = "clone",
};

const char *loader_choice_name(enum loader_choice c)
{
	return (unsigned)c < LOADER_CHOICES ? choice_names[c] : "?";
}

/* ---- backends ---- */

const struct loader_ops *loader_ops_of(enum loader_kind kind)
{
	switch (kind) {
	case LOADER_BIOS:
		return &loader_bios_ops;
	case LOADER_UEFI:
		return &loader_uefi_ops;
	case LOADER_NONE:
		break;
	}
	return NULL;
}

const struct target_fs *loader_target_fs(const struct target *t)
{
	unsigned i;

	for (i = 1; i < t->fs_count; i++) {
		if (strcmp(t->fs[i].mount, "/boot") == 0)
			return &t->fs[i];
	}
	return &t->fs[0];
}

const struct root *loader_fs(const struct target *t)
{
	return &loader_target_fs(t)->root;
}

/* ---- assessing ---- */

int loader_say_no(struct loader_verdict *ret, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(ret->why, sizeof(ret->why), fmt, ap);
	va_end(ap);
	ret->kind = LOADER_NONE;
	ret->once_works = false;
	return 0;
}

int loader_assess_fs(const struct target *t, struct loader_verdict *ret, struct err *e)
{
	const struct target_fs *f = loader_target_fs(t);
	const struct volume *v = f->volume;
	const char *why = NULL;
	int fd cleanup_fd = -1;

	if (!v->type || !str_starts(v->type, "ext"))
		return loader_say_no(ret,
				     "%s (%s) is %s, the loader can write ext2, ext3 and ext4 only",
				     v->path, f->mount, v->type ? v->type : "unknown");
	if (v->disk != t->boot_disk || v->partno == 0)
		return loader_say_no(
			ret, "%s (%s) is not a partition of %s, which the machine starts from",
			v->path, f->mount, t->scan.disks[t->boot_disk].path);
	if (f->options && strstr(f->options, "data=journal"))
		return loader_say_no(ret, "%s (%s) is mounted with data=journal", v->path,
				     f->mount);
	fd = open(v->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, ERR_DISK_READ, errno, "%s", v->path);
	if (extfs_why_not_grub(fd, &why, e) < 0)
		return err_ctx(e, "reading %s", v->path);
	return why ? loader_say_no(ret, "the loader cannot use %s (%s): %s", v->path, f->mount, why)
		   : 0;
}

/* The payload on the disk, else the one in RAM; what it lacks for this backend goes into why. */
static int assess_payload(const struct target *t, const struct loader_ops *ops,
			  struct loader_verdict *ret, struct err *e)
{
	struct root ram cleanup_root = ROOT_INIT;
	struct loader_list list = { 0 };
	struct err why = ERR_INIT;
	bool stored = loader_list_read(&list, loader_fs(t), LOADER_DIR, &why) == 0;
	unsigned i;

	err_clear(&why);
	if (!stored && (root_open(&ram, "/", e) < 0))
		return -1;
	if (!stored && loader_list_read(&list, &ram, LOADER_PAYLOAD_DIR, &why) < 0) {
		snprintf(ret->why, sizeof(ret->why),
			 "this rescue carries no loader files (or they are incomplete); 'receive "
			 "loader' takes them");
		ret->kind = LOADER_NONE;
		return 0;
	}
	ret->needs_bytes = stored ? 0 : list.bytes;
	for (i = 0; i < t->fs_count; i++) {
		if (!t->fs[i].volume->stack || loader_list_find(&list, "storage"))
			continue;
		return loader_say_no(
			ret,
			"%s is on %s, and the loader files are of a rescue without the "
			"tools for it",
			t->fs[i].mount, target_stack_words(t->fs[i].volume));
	}
	for (i = 0; ops->needs[i]; i++) {
		if (loader_list_find(&list, ops->needs[i]))
			continue;
		snprintf(ret->why, sizeof(ret->why), "the loader files lack %s", ops->needs[i]);
		ret->kind = LOADER_NONE;
	}
	return 0;
}

static void assess_space(const struct target *t, struct loader_verdict *ret)
{
	const struct target_fs *f = loader_target_fs(t);
	char need[32], have[32];

	if (ret->kind == LOADER_NONE || ret->needs_bytes <= f->free_bytes)
		return;
	snprintf(ret->why, sizeof(ret->why), "the file system of %s needs %s and has %s free",
		 f->mount, format_bytes(need, sizeof(need), ret->needs_bytes),
		 format_bytes(have, sizeof(have), f->free_bytes));
	ret->kind = LOADER_NONE;
}

/* What has nothing to do with the payload: firmware, file system, room for a loader. */
static int assess_layout(const struct target *t, struct loader_verdict *ret, struct err *e)
{
	const struct loader_ops *ops = loader_ops_of(t->is_uefi ? LOADER_UEFI : LOADER_BIOS);

	*ret = (struct loader_verdict){ .kind = LOADER_NONE, .once_works = true };
	/* A planted rescue is this one again: its boot words, keys and options. There are none of ours here. */
	if (foreign_is_set()) {
		snprintf(ret->why, sizeof(ret->why),
			 "the rescue system that runs here is not rehost's own");
		return 0;
	}
	if (!ops) {
		snprintf(ret->why, sizeof(ret->why), "this machine was started by UEFI");
		return 0;
	}
	ret->kind = ops->kind;
	return ops->assess(t, ret, e);
}

bool loader_layout_fits(const struct target *t)
{
	struct loader_verdict v;

	return assess_layout(t, &v, NULL) < 0 || v.kind != LOADER_NONE;
}

int loader_assess(const struct target *t, struct loader_verdict *ret, struct err *e)
{
	if (assess_layout(t, ret, e) < 0 ||
	    (ret->kind != LOADER_NONE && assess_payload(t, loader_ops_of(ret->kind), ret, e) < 0))
		return err_ctx(e, "looking whether the private loader can be planted");
	assess_space(t, ret);
	return 0;
}

/* ---- dispatch ---- */

static const struct loader_ops *planted_ops(const struct record *r, struct err *e)
{
	const struct loader_ops *ops = loader_ops_of(r->loader);

	if (!ops)
		err_set(e, ERR_LOADER_PLACE, 0, "this build knows no loader of kind %d",
			(int)r->loader);
	return ops;
}

int loader_plant(const struct target *t, struct record *r, struct err *e)
{
	const struct loader_ops *ops = loader_ops_of(t->is_uefi ? LOADER_UEFI : LOADER_BIOS);
	struct loader_verdict v;

	if (loader_assess(t, &v, e) < 0)
		return -1;
	if (!ops || v.kind == LOADER_NONE)
		return err_set(e, ERR_LOADER_PLACE, 0, "%s", v.why);
	if (ops->plant(t, r, e) < 0)
		return err_ctx(e, "planting the private loader");
	return 0;
}

int loader_finish(const struct root *fs, const struct record *r, struct strlist *notes,
		  struct err *e)
{
	const struct loader_ops *ops;

	if (r->loader == LOADER_NONE)
		return 0;
	ops = planted_ops(r, e);
	if (!ops || ops->finish(fs, r, notes, e) < 0)
		return err_ctx(e, "giving the disk's start to the clone for good");
	return 0;
}

int loader_restore(const struct target *t, const struct record *r, struct err *e)
{
	const struct loader_ops *ops;

	if (r->loader == LOADER_NONE)
		return 0;
	ops = planted_ops(r, e);
	if (!ops || ops->restore(t, r, e) < 0)
		return err_ctx(e, "giving the disk's start back to the old system");
	return 0;
}
