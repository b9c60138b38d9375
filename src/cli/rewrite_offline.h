/* SPDX-License-Identifier: MIT */
#pragma once

#include "base/err.h"
#include "rewrite/facts.h"

struct offline_words {
	const char *folder;	  /* --root */
	const char *facts;	  /* --facts, rewrite/facts_json.h */
	const char *target_files; /* --target-files, an identity's files/; NULL: none */
	const struct rewrite_options *options;
	bool intent_typed; /* --as was given */
	bool dry_run, json;
};

/*
 * Plans the changes of a plain folder and prints them (dry_run) or writes them. Tool steps are printed, never run.
 * Returns 0, EXIT_NOTES, or -1 with e set.
 */
int rewrite_offline(const struct offline_words *w, struct err *e) must_check;
