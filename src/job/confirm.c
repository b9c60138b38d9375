/* SPDX-License-Identifier: MIT */
/* confirm: the operator reached the clone at the target's address, and says so from there. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "job/address.h"
#include "job/common.h"
#include "job/holds_end.h"
#include "job/job.h"
#include "job/running.h"
#include "job/target.h"
#include "job/trial.h"

#define IDENTITY_FILE REHOST_DIR "/identity/identity.json"
#define IDENTITY_MAX (1024 * 1024)

static int read_targets(const struct root *running, struct strlist *ret, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	json_t *identity;
	int rc;

	if (root_read(running, IDENTITY_FILE, &text, IDENTITY_MAX, e) < 0)
		return err_ctx(e, "reading which addresses are this machine's");
	identity = json_loadb(strbuf_str(&text), text.len, 0, NULL);
	rc = address_list(identity, ret, e);
	json_decref(identity);
	return rc;
}

static int judge_session(const struct root *running, struct err *e)
{
	struct strlist targets cleanup_strlist = STRLIST_INIT, own cleanup_strlist = STRLIST_INIT;

	if (read_targets(running, &targets, e) < 0 || address_list_own(&own, e) < 0)
		return -1;
	return address_judge(getenv("SSH_CONNECTION"), &targets, &own, e);
}

static int confirm(const struct root *running, struct record *r, const char *nonce, FILE *out,
		   struct err *e)
{
	struct root loader cleanup_root = ROOT_INIT;
	struct trial_fs fs = { running, &loader };

	if (r->state != JOB_TRIAL && r->state != JOB_CONFIRMED)
		return err_set(e, ERR_CONFIRM, 0, "the state is \"%s\", nothing is on trial",
			       job_state_name(r->state));
	if (!running_is_clone(running, r))
		return err_set(e, ERR_CONFIRM, 0, "the running system is not the clone");
	if (!*r->nonce || strcmp(nonce, r->nonce) != 0)
		return err_set(e, ERR_CONFIRM, 0, "this is not the word that 'switch' printed");
	if (judge_session(running, e) < 0 || running_open_loader_fs(r, &loader, e) < 0)
		return -1;
	if (trial_confirm(&fs, r, &trial_real_ops, e) < 0)
		return -1;
	fprintf(out, "The clone is confirmed: from now on every boot starts it.\n"
		     "The old system is kept.\n"
		     "  report     what was changed and why, and what is left to you\n"
		     "  release    deletes it, no way back\n"
		     "  rollback   makes the rescue the next boot, to bring it back there\n");
	return holds_end(running, out, e);
}

int job_confirm(const char *nonce, FILE *out, struct err *e)
{
	struct root running cleanup_root = ROOT_INIT;
	struct record r = { 0 };
	int rc;

	if (!running_has_job())
		return err_set(e, ERR_CONFIRM, 0,
			       "this is not the clone: no job record is on the running system");
	if (job_lock("confirm", e) < 0 || running_load(&running, &r, e) < 0)
		return job_fail(e, NULL);
	rc = confirm(&running, &r, nonce, out, e);
	if (rc < 0)
		job_fail(e, &r);
	record_done(&r);
	return rc;
}
