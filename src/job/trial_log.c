/* SPDX-License-Identifier: MIT */
/* log --trial: what a clone left whose trial ended. */
#include <string.h>

#include "job/common.h"
#include "job/job.h"
#include "job/running.h"
#include "job/target.h"
#include "job/trial.h"

static int print_trial_log(const struct root *fs0, FILE *out, struct err *e)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (!root_is_file(fs0, TRIAL_LOG))
		return err_set(e, ERR_NOTHING, 0, "no clone has left a log of a trial here");
	if (trial_log_tail(fs0, UINT32_MAX, &lines, e) < 0)
		return -1;
	for (i = 0; i < lines.count; i++)
		fprintf(out, "%s\n", lines.items[i]);
	return 0;
}

int job_trial_log(FILE *out, struct err *e)
{
	struct root running cleanup_root = ROOT_INIT;
	struct target t = { 0 };
	int rc;

	if (running_has_job())
		return root_open(&running, "/", e) < 0 ? -1 : print_trial_log(&running, out, e);
	if (target_open(&t, TARGET_LOOK, e) < 0)
		return job_fail_open(e);
	rc = print_trial_log(&t.fs[0].root, out, e);
	target_close(&t);
	return rc;
}
