/* SPDX-License-Identifier: MIT */
/*
 * The report of a migration, kept in the clone: every file changed and why, what was moved aside, the programs run, notes,
 * what check found, what is left to the operator. One object, from which the text is made:
 *
 * {version 1, rehost, intent, source {hostname, stack, root_uuid, addresses [], macs []}, clone {hostname, stack, addresses []},
 *  files [{path, change, subject, why}], programs [{name, argv [], why, wrote []}], notes [], findings [{id, severity, text}],
 *  left []}
 *
 * source.addresses and source.macs are those that the clone does not have. No times and no counters: a second rewriting that changes
 * nothing writes the same bytes.
 */
#pragma once

#include "base/err.h"
#include "base/json.h"
#include "base/root.h"
#include "base/str.h"

#define REPORT_JSON "/var/lib/rehost/report.json"
#define REPORT_TEXT "/var/lib/rehost/report.txt"
#define REPORT_MAX (4 * 1024 * 1024)

struct rewrite_plan;

/*
 * What a program wrote in the clone, as a list of paths; a new reference, or NULL: not known. For rewrite_report_write().
 */
typedef json_t *report_written_fn(void *arg, const char *program);

/*
 * After the plan was applied and its programs were run (the offline rewriting runs none): writes both files. A plan without
 * edits leaves a report that is there as it is.
 */
int rewrite_report_write(const struct rewrite_plan *p, const struct root *clone,
			 report_written_fn *written, void *arg, struct err *e) must_check;

/* The text of one, from a disk nobody vouches for. ERR_NO_REPORT: not understood. New reference. */
int report_parse(json_t **ret, const char *text, size_t len, struct err *e) must_check;
/* Reads one. ERR_NO_REPORT: none, or none that is understood. New reference. */
int report_load(json_t **ret, const struct root *root, const char *path, struct err *e) must_check;
/* Writes both forms to path_json and path_text. */
int report_store(const json_t *report, const struct root *root, const char *path_json,
		 const char *path_text, struct err *e) must_check;
/* Puts in what check has found (a list, NULL: nothing new), and what is left to do because of it. */
void report_set_findings(json_t *report, json_t *findings);

/* For people. report may come from a disk nobody vouches for: anything in it that is no text is left out. */
void report_text(const json_t *report, struct strbuf *out);
/* files as in the report: by subject and reason, as they come. */
void report_add_files(struct strbuf *out, const json_t *files);
