/* SPDX-License-Identifier: MIT */
/*
 * What an rsync client may ask of the rsync at this end. The client starts "rsync --server ..." over SSH with the options
 * that the two ends must agree on; everything not listed here is refused by name. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define RSYNC_WORDS_MAX 200
#define RSYNC_SECLUDED_MAX 65536

struct rsync_args {
	struct strlist
		options;  /* for the program: "--server", the letters, the long options; no paths */
	bool delete_ok;	  /* ours, before --server: rsync --rsync-path='rsync --delete-ok' */
	bool is_secluded; /* the rest of the words comes on stdin (rsync_args_more) */
	bool is_dry_run;
	bool one_file_system, numeric_ids, hard_links, acls, xattrs, deletes;
	uint64_t max_delete; /* the client's own limit; UINT64_MAX: none */
	bool has_dot;	     /* private: the path comes next */
	char *path;	     /* private */
};

/*
 * Takes the words behind "rsync". Only a whole root is received: the one path must be the root, "/". ERR_RSYNC_ARGS names what is not
 * accepted, and what to type instead. Afterwards, if not secluded, everything is known and was checked.
 */
int rsync_args_parse(struct rsync_args *ret, const char *const *words, size_t count,
		     struct err *e) must_check;

/* Secluded words as they came: NUL-terminated, the last one empty; "rsync" is the first (main.c, read_args). */
int rsync_args_more(struct rsync_args *a, const char *data, size_t len, struct err *e) must_check;

/* How much of a copy is lost with these options, a sentence for each, for the client's stderr. */
int rsync_args_notes(const struct rsync_args *a, struct strlist *ret) must_check;

void rsync_args_done(struct rsync_args *a);
