/* SPDX-License-Identifier: MIT */
#include "job/switch_steps.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "job/exchange.h"

/* ---- steps that may be stopped ---- */

static int stop_here(const struct switch_ops *ops, struct err *e)
{
	if (ops->step && ops->step(ops->arg) != 0)
		return err_set(e, ERR_EXCHANGE, EINTR, "stopped on request");
	return 0;
}

/* The state in r is the one in J, whatever happens. */
static int enter_state(const struct target *t, struct record *r, enum job_state state,
		       const struct switch_ops *ops, struct err *e)
{
	enum job_state before = r->state;

	if (stop_here(ops, e) < 0)
		return -1;
	r->state = state;
	if (record_store(r, &t->fs[0].root, e) < 0) {
		r->state = before;
		return err_ctx(e, "noting the state \"%s\"", job_state_name(state));
	}
	log_info("switch: state is now %s", job_state_name(state));
	return 0;
}

/*
 * A state in which folders move goes into both slots before the first one does. Else a slot that is lost later would leave
 * the state from before, by which "switch" would plan anew on a mixture, and "reboot" start one.
 */
static int enter_moving(const struct target *t, struct record *r, enum job_state state,
			const struct switch_ops *ops, struct err *e)
{
	return enter_state(t, r, state, ops, e) < 0 || enter_state(t, r, state, ops, e) < 0 ? -1
											    : 0;
}

/* ---- the plan and the file systems it is for ---- */

/*
 * Names at the top of a part that another part is mounted on. By the plan and not by the target: halfway, the fstab
 * that the target is opened by may be either system's.
 */
static int list_mount_points(const struct record *r, const struct switch_fs *part,
			     struct strlist *ret, struct err *e)
{
	size_t len = strcmp(part->mount, "/") == 0 ? 0 : strlen(part->mount);
	unsigned i;

	for (i = 0; i < r->fs_count; i++) {
		const char *m = r->filesystems[i].mount;

		if (strncmp(m, part->mount, len) != 0 || m[len] != '/' || !m[len + 1] ||
		    strchr(m + len + 1, '/'))
			continue;
		if (strlist_add(ret, m + len + 1) < 0)
			return err_set(e, ERR_NOMEM, 0, "planning the switch");
	}
	return 0;
}

static const char *uuid_of(const struct target_fs *fs)
{
	return fs->volume && fs->volume->uuid ? fs->volume->uuid : "";
}

/* The mounted file system a part of the plan is for, or -1. */
static int find_fs(const struct target *t, const struct switch_fs *part, struct err *e)
{
	unsigned i;

	for (i = 0; i < t->fs_count; i++)
		if (strcmp(uuid_of(&t->fs[i]), part->uuid) == 0)
			return (int)i;
	return err_set(e, ERR_EXCHANGE, ENODEV, "the file system %s for %s is not there",
		       part->uuid, part->mount);
}

typedef int part_fn(const struct exchange *x, struct switch_fs *part, void *arg, struct err *e);

static int with_part(const struct target *t, const struct record *r, struct switch_fs *part,
		     const struct switch_ops *ops, part_fn *fn, void *arg, struct err *e)
{
	int fs = find_fs(t, part, e);
	struct strlist points cleanup_strlist = STRLIST_INIT;
	struct exchange x = {
		.tree = TREE_DIR,
		.mount_points = &points,
		.step = ops->step,
		.arg = ops->arg,
	};

	if (fs < 0 || list_mount_points(r, part, &points, e) < 0)
		return -1;
	x.live = &t->fs[fs].root;
	if (fn(&x, part, arg, e) < 0)
		return err_ctx(e, "on the file system of %s", part->mount);
	return 0;
}

/* All parts, each on its file system; all must be there before the first is touched. */
static int each_part(const struct target *t, struct record *r, bool backwards,
		     const struct switch_ops *ops, part_fn *fn, void *arg, struct err *e)
{
	unsigned i;

	for (i = 0; i < r->fs_count; i++)
		if (find_fs(t, &r->filesystems[i], e) < 0)
			return -1;
	for (i = 0; i < r->fs_count; i++) {
		struct switch_fs *part = &r->filesystems[backwards ? r->fs_count - 1 - i : i];

		if (with_part(t, r, part, ops, fn, arg, e) < 0)
			return -1;
	}
	return 0;
}

static int plan_part(const struct exchange *x, struct switch_fs *part, void *arg, struct err *e)
{
	(void)arg;
	return exchange_plan(x, part, e);
}

static int make_plan(const struct target *t, struct record *r, const struct switch_ops *ops,
		     struct err *e)
{
	unsigned i;

	record_drop_plan(r);
	for (i = 0; i < t->fs_count; i++)
		if (!record_add_fs(r, uuid_of(&t->fs[i]), t->fs[i].mount))
			return err_set(e, ERR_NOMEM, 0, "planning the switch");
	return each_part(t, r, false, ops, plan_part, NULL, e);
}

struct refresh {
	bool for_undo;
	bool changed;
};

static int refresh_part(const struct exchange *x, struct switch_fs *part, void *arg, struct err *e)
{
	struct refresh *how = arg;

	return exchange_refresh(x, part, how->for_undo, &how->changed, e);
}

static int run_part(const struct exchange *x, struct switch_fs *part, void *arg, struct err *e)
{
	return exchange_run(x, part, *(enum exchange_direction *)arg, e);
}

/* ---- the private loader ---- */

/* What the next boot starts; nothing without a loader. */
static int choose(const struct target *t, const struct record *r, enum loader_choice c,
		  const struct switch_ops *ops, struct err *e)
{
	if (r->loader == LOADER_NONE)
		return 0;
	if (stop_here(ops, e) < 0)
		return -1;
	if (ops->loader_select(t, c, e) < 0)
		return err_ctx(e, "selecting the next boot (%s)", loader_choice_name(c));
	return 0;
}

/* From here on a power cut gives the rescue. Before it S=old, so that the flip changes nothing yet. */
static int pin(const struct target *t, struct record *r, const struct switch_ops *ops,
	       struct err *e)
{
	if (r->loader == LOADER_NONE && !(ops->plants && r->state == JOB_CHECKED))
		return 0;
	if (r->state == JOB_CHECKED) {
		if (stop_here(ops, e) < 0)
			return -1;
		if (!ops->loader_is_stored(t) && ops->loader_store(t, -1, e) < 0)
			return err_ctx(e, "putting the rescue and its loader on the disk");
		if (stop_here(ops, e) < 0)
			return -1;
		if (ops->loader_plant(t, r, e) < 0)
			return err_ctx(e, "planting the private loader");
	}
	return choose(t, r, LOADER_RESCUE, ops, e);
}

/* By UEFI the clone's loader is files of its own, with a private loader before it too. */
static bool has_boot_step(const struct record *r)
{
	return r->loader != LOADER_BIOS;
}

/* ---- forward ---- */

/* After this J says switching and holds a plan that fits what is on the disks. */
static int begin_switching(const struct target *t, struct record *r, const struct switch_ops *ops,
			   struct err *e)
{
	struct refresh how = { .for_undo = false };

	if (pin(t, r, ops, e) < 0)
		return -1;
	if (r->state == JOB_SWITCHING || r->state == JOB_UNDOING) {
		if (each_part(t, r, false, ops, refresh_part, &how, e) < 0)
			return -1;
		/* again also when nothing changed: it may have been cut between the two slots */
		return enter_moving(t, r, JOB_SWITCHING, ops, e);
	}
	if (r->state != JOB_MERGING && enter_state(t, r, JOB_MERGING, ops, e) < 0)
		return -1;
	if (stop_here(ops, e) < 0 || ops->merge(t, e) < 0 || stop_here(ops, e) < 0)
		return -1;
	if (has_boot_step(r) && ops->boot_prepare(t, r, e) < 0)
		return -1;
	if (make_plan(t, r, ops, e) < 0)
		return -1;
	return enter_moving(t, r, JOB_SWITCHING, ops, e);
}

int switch_forward(const struct target *t, struct record *r, const struct switch_ops *ops,
		   struct err *e)
{
	enum exchange_direction direction = EXCHANGE_SWITCH;

	if (r->state == JOB_SWITCHED)
		return 0;
	if (r->state != JOB_CHECKED && r->state != JOB_MERGING && r->state != JOB_SWITCHING &&
	    r->state != JOB_UNDOING)
		return err_set(e, ERR_NOT_CHECKED, 0, "the state is \"%s\"",
			       job_state_name(r->state));
	if (begin_switching(t, r, ops, e) < 0)
		return -1;
	if (each_part(t, r, false, ops, run_part, &direction, e) < 0)
		return -1;
	/* GRUB reads no journals: the files it loads must be in place before it is told to load them */
	if (stop_here(ops, e) < 0 || ops->settle(t, e) < 0 || stop_here(ops, e) < 0)
		return -1;
	if (has_boot_step(r) && ops->boot_write(t, r, e) < 0)
		return -1;
	return enter_state(t, r, JOB_SWITCHED, ops, e);
}

/* ---- back ---- */

int switch_back(const struct target *t, struct record *r, const struct switch_ops *ops,
		struct err *e)
{
	enum exchange_direction direction = EXCHANGE_UNDO;
	struct refresh how = { .for_undo = true };

	if (r->state < JOB_SWITCHING || r->state > JOB_UNDOING)
		return err_set(e, ERR_NOTHING, 0, "the state is \"%s\", nothing was switched",
			       job_state_name(r->state));
	if (each_part(t, r, false, ops, refresh_part, &how, e) < 0 ||
	    choose(t, r, LOADER_RESCUE, ops, e) < 0)
		return -1;
	r->stage_booted = true; /* it may have been: nothing here can prove the contrary */
	/* again also when nothing changed: it may have been cut between the two slots */
	if (enter_moving(t, r, JOB_UNDOING, ops, e) < 0)
		return -1;
	if (stop_here(ops, e) < 0 || (has_boot_step(r) && ops->boot_restore(t, r, e) < 0))
		return -1;
	if (each_part(t, r, true, ops, run_part, &direction, e) < 0)
		return -1;
	if (stop_here(ops, e) < 0 || ops->settle(t, e) < 0 || choose(t, r, LOADER_OLD, ops, e) < 0)
		return -1;
	/* The edits are in the stage now: it is staged, and rewriting and check begin again. */
	record_drop_plan(r);
	r->edits_fingerprint[0] = '\0';
	r->nonce[0] = '\0';
	r->trials = 0;
	return enter_state(t, r, JOB_STAGED, ops, e);
}
