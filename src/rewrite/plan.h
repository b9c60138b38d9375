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

/* What an edit is about; the order in which they are shown. */
enum edit_subject {
	SUBJECT_DISKS,
	SUBJECT_NETWORK,
	SUBJECT_NAMES,
	SUBJECT_PROVIDER,
	SUBJECT_START,
	SUBJECT_LOGIN,
	SUBJECT_HOLDS,
	SUBJECT_POLICY,
	SUBJECT_OWN,  /* what rehost itself needs until release */
	SUBJECT_KEPT, /* copies below /var/lib/rehost */
	SUBJECT_COUNT,
};

struct edit {
	enum edit_kind kind;
	enum edit_subject subject;
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
	struct strlist notes; /* said to the operator: losses, choices, things to look at */
	json_t *report;	      /* what rewrite_report_write() (report.h) goes on with; NULL: none */
	bool has_report;      /* the tree has one already, of this rewriting */
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

/* What an edit does to the tree as it is now. */
enum edit_change {
	CHANGE_EDIT, /* a file gets other content or another mode */
	CHANGE_NEW,
	CHANGE_GONE,  /* removed, no copy kept */
	CHANGE_ASIDE, /* removed, a copy is kept in source-original */
	CHANGE_LINK,
	CHANGE_KEPT, /* a copy of what another edit changes or removes */
	CHANGE_COUNT,
};
enum edit_change rewrite_edit_change(const struct rewrite_plan *p, const struct edit *edit,
				     const struct root *clone);
/* "changed", "new", "removed", "moved aside", "link", "kept copy" */
const char *edit_change_name(enum edit_change change);
const char *edit_subject_name(enum edit_subject subject); /* "network" */

/*
 * Unified diff of all edits (a/PATH b/PATH), removals against /dev/null, in groups: a line "== SUBJECT: WHY ==" before
 * each. Links, contents that are not shown and copies kept for people are a sentence each, so patch(1) and git-apply(1) take the whole.
 */
int rewrite_plan_diff(const struct rewrite_plan *p, const struct root *clone, struct strbuf *out,
		      struct err *e) must_check;
/* The whole of a dry run: numbers, blockers, notes, programs, the files by reason, and the diff. */
int rewrite_plan_text(const struct rewrite_plan *p, const struct root *clone, struct strbuf *out,
		      struct err *e) must_check;

/* Writes the edits, in order, through the root handle. Tool steps are the caller's. */
int rewrite_plan_apply(const struct rewrite_plan *p, const struct root *clone,
		       struct err *e) must_check;

/*
 * {summary: {changed, new, removed, aside, links, copies, programs, notes, blockers}, edits: [{path, kind, change, subject, why,
 * diff}], steps: [{name, argv, why}], notes: [], blockers: []}; diff is null where the content is not shown. New reference.
 */
json_t *rewrite_plan_json(const struct rewrite_plan *p, const struct root *clone);
