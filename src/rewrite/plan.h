/* SPDX-License-Identifier: MIT */
/* The plan of edits: made from the clone's tree and the facts, shown as a diff, applied by rewrite/apply. */
#pragma once

#include "base/err.h"
#include "base/json.h"
#include "base/root.h"
#include "base/str.h"
#include "rewrite/facts.h"

enum edit_kind {
	EDIT_WRITE,   /* path gets content */
	EDIT_REMOVE,  /* file or link at path goes */
	EDIT_SYMLINK, /* path becomes a link with content as its text */
	EDIT_COPY_FD, /* path gets the content of the file at plain path 'content' (large: our binary) */
};

struct edit {
	enum edit_kind kind;
	char *path;    /* "/etc/fstab" */
	char *content; /* owned; NULL for EDIT_REMOVE */
	size_t len;
	int mode;	/* permission bits, or -1: keep the existing file's, 0644 for a new one */
	bool is_secret; /* content is not shown in a diff (host keys) */
	char *why;	/* one sentence for people */
};

/* A program of the clone to run inside it after the edits were applied. */
struct tool_step {
	char *name;	     /* "initramfs 6.1.0-28-amd64", "grub menu", "grub files" */
	struct strlist argv; /* argv[0] is a path inside the clone */
	struct strlist
		inputs; /* paths (files or folders) whose content decides whether it runs again */
	struct strlist outputs; /* paths that must exist afterwards */
	unsigned timeout_s;
	char *why;
};

struct rewrite_plan {
	struct edit *edits;
	size_t edit_count;
	struct tool_step *steps;
	size_t step_count;
	struct strlist notes;	 /* said to the operator: losses, choices, things to look at */
	struct strlist blockers; /* each withholds the switch: "no kernel in /boot" */
};

/*
 * Plans everything for the tree clone. Reads only. A tree that is not understood (unknown distribution, no known
 * network stack) yields blockers, not an error; e is for trees that cannot be read at all.
 * Planning a tree to which the plan was already applied yields no edits.
 */
int rewrite_plan_make(struct rewrite_plan *ret, const struct root *clone,
		      const struct rewrite_facts *facts, const struct rewrite_options *options,
		      struct err *e) must_check;
void rewrite_plan_done(struct rewrite_plan *p);

/* A new machine-id(5) in ret (33 bytes), for rewrite_options.machine_id. */
int rewrite_draw_machine_id(char *ret, struct err *e) must_check;

/* Unified diff of all edits (a/PATH b/PATH), removals against /dev/null, links as "-> TEXT". */
int rewrite_plan_diff(const struct rewrite_plan *p, const struct root *clone, struct strbuf *out,
		      struct err *e) must_check;

/* Writes the edits, in order, through the root handle. Tool steps are the caller's. */
int rewrite_plan_apply(const struct rewrite_plan *p, const struct root *clone,
		       struct err *e) must_check;

/* {edits: [{path, kind, why}], steps: [{name, argv, why}], notes: [], blockers: []}; new reference. */
json_t *rewrite_plan_json(const struct rewrite_plan *p);
