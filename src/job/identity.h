/* SPDX-License-Identifier: MIT */
/* The target's identity: schema in docs/architecture.md section 6. */
#pragma once

#include "base/err.h"
#include "base/json.h"
#include "job/target.h"
#include "rewrite/facts.h"

#define IDENTITY_DIR RUN_DIR "/identity" /* in words; code asks run_path() */

/*
 * Makes sure IDENTITY_DIR holds the identity: kept when there, else taken from /.rehost/identity of the disk
 * (a reboot into the rescue), else collected from the old system's view. Writes only to RUN_DIR.
 */
int identity_ensure(const struct target *t, struct err *e) must_check;

/* Collects from an open view of the old system into an empty folder. For identity_ensure() and tests. */
int identity_collect(const struct target *t, const struct root *old, const struct root *into,
		     struct err *e) must_check;
/* Copies IDENTITY_DIR to /.rehost/identity on the root file system, durable. Keeps an existing copy of the same job. */
int identity_save(const struct target *t, struct err *e) must_check;
/* Parsed identity.json; new reference. */
int identity_load(json_t **ret, struct err *e) must_check;

/*
 * Prints a loaded identity: a summary, or one object with "files" {path: content}. What the target lets only
 * some read (host keys) is named with null for content.
 */
int identity_print(FILE *out, bool json, json_t *identity, struct err *e) must_check;

/* Facts for the rewriting from identity and target. The result owns its strings. */
struct identity_facts {
	struct rewrite_facts facts;
	struct root files;	/* IDENTITY_DIR "/files" */
	struct strlist strings; /* owns what facts borrows */
	struct fact_fs fs[TARGET_FS_MAX + 8];
	struct fact_link *links;
	const char **consoles, **drivers; /* NULL-terminated; the strings are in strings */
};
int identity_facts_make(struct identity_facts *ret, const struct target *t,
			struct err *e) must_check;
void identity_facts_done(struct identity_facts *f);
