/* SPDX-License-Identifier: MIT */
/*
 * The exchange of a live root with the tree beside it, one file system at a time: top-level names only, by
 * renames inside the file system, decided by inode numbers (docs/architecture.md section 4). It knows nothing of J
 * or of a target and can be cut anywhere: the plan says for every entry in which tree it is.
 *
 * A rename of an immutable or append-only inode, or inside such a folder, is refused by the kernel, so these
 * flags are cleared for the exchange. The plan holds them, and the end of a run in either direction sets them again. The
 * top folders themselves cannot change places; owner, mode and flags are set to those of the other one.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/root.h"
#include "base/str.h"
#include "job/record.h"

enum exchange_direction {
	EXCHANGE_SWITCH, /* clone live, old system in the tree */
	EXCHANGE_UNDO,	 /* old system live, stage in the tree */
};

struct exchange {
	const struct root *live;	    /* top of the mounted file system */
	const char *tree;		    /* of the stage, relative to live: ".rehost/tree" */
	const struct strlist *mount_points; /* names at the top that other file systems are on */
	int (*step)(void *arg); /* called before each change; not 0: stop. May be NULL */
	void *arg;		/* of step */
};

/* Names that belong to the file system and not to a system on it: they stay where they are. */
bool exchange_keeps(const struct exchange *x, const char *name);

/* Fills the entries and top folders of an empty fs from what is there now; nothing is written. */
int exchange_plan(const struct exchange *x, struct switch_fs *fs, struct err *e) must_check;

/*
 * Brings a plan up to date before it is run again: a system may have been booted since (the clone replaces /vmlinuz,
 * say). The old tree's inodes must all be found, in either place; what became of the clone's own entries is taken as
 * it is. for_undo: names at the top of the live root that the plan does not know become entries of the clone, so that
 * they go away with it, and a stage that was changed behind our back is no obstacle. Sets *ret_changed when the plan
 * is another one now.
 */
int exchange_refresh(const struct exchange *x, struct switch_fs *fs, bool for_undo,
		     bool *ret_changed, struct err *e) must_check;

/*
 * Runs the plan in a direction, from any point that an earlier run in any direction was cut at. ERR_EXCHANGE when a name is
 * neither inode of the plan: nothing is guessed. The caller syncs.
 */
int exchange_run(const struct exchange *x, const struct switch_fs *fs,
		 enum exchange_direction direction, struct err *e) must_check;

/* Where the entries of a plan are, by their inodes. What the clone replaced itself since is neither. */
struct exchange_look {
	unsigned entries;    /* of the plan */
	unsigned old_live;   /* the old system's own inode is in the live root */
	unsigned clone_live; /* that of the stage is */
	unsigned clone_kept; /* that of the stage is in the tree */
};

/* One entry, whose name has these inodes in the live root and in the tree now (0: it is absent). Adds to ret. */
void exchange_look_at(struct exchange_look *ret, const struct switch_entry *entry, uint64_t live,
		      uint64_t tree);
/* All entries of a part; adds to ret. What cannot be looked at counts as neither. */
void exchange_look(const struct exchange *x, const struct switch_fs *fs, struct exchange_look *ret);

/* How many entries of the plan have their clone side live; for reports. */
unsigned exchange_count_done(const struct exchange *x, const struct switch_fs *fs);

/*
 * How many inodes of the plan are lost: of the old system those that are not in the tree, of the clone those that are not
 * live; with is_mixed each may be in either place. For reports.
 */
void exchange_count_lost(const struct exchange *x, const struct switch_fs *fs, bool is_mixed,
			 unsigned *old, unsigned *clone);
