/* SPDX-License-Identifier: MIT */
/*
 * The report of the migration (rewrite/report.h): what check found lies beside J until release puts it into the clone's own
 * file, because the edits must not change once they were checked.
 */
#pragma once

#include "base/err.h"
#include "base/json.h"
#include "base/root.h"
#include "job/target.h"

#define FINDINGS_PATH REHOST_DIR "/findings.json" /* on the root file system */

/* Keeps what a check found that counts. */
int report_keep_findings(const struct root *fs0, json_t *findings, struct err *e) must_check;
/* Those of an earlier rewriting no longer count. Absence is success. */
int report_forget_findings(const struct root *fs0, struct err *e) must_check;
/*
 * Before release deletes /.rehost: what check found becomes part of the clone's report. holder, folder: the file system
 * with the clone's /var/lib/rehost and that folder on it. A report that is not there is no error; failures are logged.
 */
void report_finish(const struct root *fs0, const struct root *holder, const char *folder);
