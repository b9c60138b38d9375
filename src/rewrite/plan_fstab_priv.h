/* SPDX-License-Identifier: MIT */
/* The table while it is rewritten: what each line of the source becomes, and what of this machine has its line already. */
#pragma once

#include "rewrite/fstab.h"
#include "rewrite/fstab_kind.h"
#include "rewrite/plan_priv.h"

/* What happens to one line. */
enum verdict {
	KEEP,
	SOFTEN,	 /* kept, but the boot does not wait for it */
	MAP,	 /* gets the target's UUID and type */
	COMMENT, /* names what this machine does not have */
};

struct decision {
	enum verdict verdict;
	const struct fact_fs *fs; /* MAP */
	const char *why;	  /* COMMENT and SOFTEN */
};

struct fstab_plan {
	struct planner *p;
	struct fstab source, target; /* target: empty when it has none */
	struct strbuf out;
	struct decision *decisions; /* one for each entry of source */
	bool *fs_seen;		    /* one for each fact */
};

/* Fills decisions and fs_seen, all before the first line is written: what no line takes is added behind the root's. */
int fstab_decide_all(struct fstab_plan *fp) must_check;
bool fstab_fact_is_swap(const struct fact_fs *fs);
/* Whether the line names this very file system by UUID. */
bool fstab_names_fact(const struct fstab_entry *f, const struct fact_fs *fs);
