/* SPDX-License-Identifier: MIT */
#include "job/status_words.h"

#define OLD_IN_PLACE "complete, in its place"
#define OLD_BOOTS "starts the old system"
#define DISCARD \
	{ \
		"rollback --discard", "removes what was staged, the old system stays as it is" \
	}

static const struct status_words table[JOB_STATE_COUNT] = {
	[JOB_NONE] = {
		.summary = "no migration has begun on this disk",
		.is_old_complete = true,
		.old = OLD_IN_PLACE,
		.stage = "none",
		.clone = "none",
		.next_boot = "starts the system that is on the disk",
		.hints = { { "plan", "what would happen to this machine" },
			   { "receive tar", "takes a system from standard input; 'help' has the complete line" } },
	},
	[JOB_STAGING] = {
		.summary = "a system is being received, or its stream was cut",
		.is_old_complete = true,
		.old = OLD_IN_PLACE,
		.stage = "incomplete",
		.clone = "none",
		.next_boot = OLD_BOOTS,
		.hints = { { "receive tar --update", "goes on with what is there" }, DISCARD },
	},
	[JOB_STAGED] = {
		.summary = "a system was received and is complete",
		.is_old_complete = true,
		.is_stage_complete = true,
		.old = OLD_IN_PLACE,
		.stage = "complete",
		.clone = "not made yet",
		.next_boot = OLD_BOOTS,
		.hints = { { "rewrite", "makes it fit this machine; first with --dry-run to see the changes" },
			   { "receive tar --update", "brings it to a newer stream" },
			   DISCARD },
	},
	[JOB_EDITED] = {
		.summary = "the received system was made to fit this machine",
		.is_old_complete = true,
		.is_stage_complete = true,
		.old = OLD_IN_PLACE,
		.stage = "complete",
		.clone = "made, not checked",
		.next_boot = OLD_BOOTS,
		.hints = { { "check", "proves that it would boot here" }, DISCARD },
	},
	[JOB_CHECKED] = {
		.summary = "the clone passed the check and may be switched to",
		.is_old_complete = true,
		.is_stage_complete = true,
		.is_clone_complete = true,
		.old = OLD_IN_PLACE,
		.stage = "complete",
		.clone = "complete, beside the old system",
		.next_boot = OLD_BOOTS,
		.hints = { { "switch", "puts the clone into the place of the old system" },
			   { "receive tar --update", "brings the stage to a newer stream; then rewrite and check again" },
			   DISCARD },
	},
	[JOB_MERGING] = {
		.summary = "a switch was begun and cut before anything of the old system was moved",
		.is_old_complete = true,
		.is_stage_complete = true,
		.old = OLD_IN_PLACE,
		.stage = "complete, its changes partly merged",
		.clone = "complete when 'switch' has gone on",
		.next_boot = OLD_BOOTS,
		.hints = { { "switch", "goes on" },
			   { "rollback", "leaves the old system in place" } },
	},
	[JOB_SWITCHING] = {
		.summary = "a switch was cut: old system and clone are both whole, but their folders are mixed",
		.old = "all of it is there, partly in its place and partly in /.rehost/tree",
		.stage = "it is becoming the clone",
		.clone = "all of it is there, partly in place and partly in /.rehost/tree",
		.next_boot = "may find a mixture that does not start: do not reboot now",
		.hints = { { "switch", "finishes it: the clone will boot" },
			   { "rollback", "undoes it: the old system will boot" } },
	},
	[JOB_SWITCHED] = {
		.summary = "the clone is in place, the old system is kept",
		.is_old_complete = true,
		.is_stage_complete = true,
		.is_clone_complete = true,
		.old = "complete, kept in /.rehost/tree",
		.stage = "it is the clone now",
		.clone = "complete, in place",
		.next_boot = "starts the clone",
		.hints = { { "reboot", "starts the clone" },
			   { "rollback", "brings the old system back; what the clone wrote since is set aside" },
			   { "release --unconfirmed", "deletes the old system, no way back" } },
	},
	[JOB_TRIAL] = {
		.summary = "the clone was started for a trial and is not confirmed",
		.is_old_complete = true,
		.is_stage_complete = true,
		.is_clone_complete = true,
		.old = "complete, kept in /.rehost/tree",
		.stage = "it is the clone now",
		.clone = "complete, in place",
		.next_boot = "starts the clone", /* a trial has a loader */
		.hints = { { "log --trial", "what the clone noted before it gave up" },
			   { "reboot", "tries the clone once more" },
			   { "rollback", "brings the old system back; what the clone wrote since is set aside" },
			   { "release --unconfirmed", "keeps the clone without trying it, no way back" } },
	},
	[JOB_CONFIRMED] = {
		.summary = "the clone is in place and was confirmed, the old system is kept",
		.is_old_complete = true,
		.is_stage_complete = true,
		.is_clone_complete = true,
		.old = "complete, kept in /.rehost/tree",
		.stage = "it is the clone now",
		.clone = "complete, in place",
		.next_boot = "starts the clone",
		.hints = { { "reboot", "starts the clone" },
			   { "rollback", "brings the old system back; what the clone wrote since is set aside" },
			   { "release", "deletes the old system, no way back" } },
	},
	[JOB_UNDOING] = {
		.summary = "a rollback was cut: old system and clone are both whole, but their folders are mixed",
		.old = "all of it is there, partly in its place and partly in /.rehost/tree",
		.stage = "it is becoming the stage again",
		.clone = "all of it is there, partly in place and partly in /.rehost/tree",
		.next_boot = "may find a mixture that does not start: do not reboot now",
		.hints = { { "rollback", "finishes it: the old system will boot" },
			   { "switch", "goes forward again: the clone will boot" } },
	},
	[JOB_RELEASING] = {
		.summary = "the old system is being deleted, or its deletion was cut",
		.is_stage_complete = true,
		.is_clone_complete = true,
		.old = "being deleted, not to be started any more",
		.stage = "it is the clone now",
		.clone = "complete, in place",
		.next_boot = "starts the clone",
		.hints = { { "release", "finishes the deletion" } },
	},
};

static const struct status_hint switched_with_loader[] = {
	{ "reboot", "starts the clone for a trial; without 'confirm' the rescue is back after it" },
	{ "rollback", "brings the old system back" },
	{ "release --unconfirmed", "keeps the clone without trying it, no way back" },
	{ 0 },
};

static const struct status_hint unpin = { "rollback", "lets the next boot start the old system" };

static const struct status_hint running_old[] = {
	{ "reboot into the rescue", "everything but status is typed there" },
	{ 0 },
};

static const struct status_hint running_switched[] = {
	{ "release --unconfirmed", "deletes the old system, no way back" },
	{ "rollback, in the rescue", "brings the old system back; boot the rescue for it" },
	{ 0 },
};

static const struct status_hint running_trial[] = {
	{ "confirm NONCE",
	  "accepts the clone: the line that 'switch' printed, typed on another machine" },
	{ "rollback", "makes the rescue the next boot; there it brings the old system back" },
	{ 0 },
};

static const struct status_hint running_confirmed[] = {
	{ "release", "deletes the old system, no way back" },
	{ "rollback", "makes the rescue the next boot; there it brings the old system back" },
	{ 0 },
};

static const struct status_hint running_release[] = {
	{ "release", "finishes the deletion" },
	{ 0 },
};

const struct status_words *status_words(enum job_state s)
{
	return &table[(unsigned)s < JOB_STATE_COUNT ? s : JOB_NONE];
}

static const struct status_hint *hints_in_clone(const struct position *p)
{
	switch (p->state) {
	case JOB_SWITCHED:
		return running_switched;
	case JOB_TRIAL:
		return running_trial;
	case JOB_CONFIRMED:
		return running_confirmed;
	default:
		return running_old;
	}
}

void status_hints(const struct position *p, enum status_place place,
		  struct status_hint ret[STATUS_HINTS_MAX])
{
	const struct status_hint *from = status_words(p->state)->hints;
	unsigned n = 0;

	if (place != STATUS_RESCUE)
		from = p->state == JOB_RELEASING       ? running_release
		       : place == STATUS_RUNNING_CLONE ? hints_in_clone(p)
						       : running_old;
	else if (p->selected != SELECTED_NONE && p->state == JOB_SWITCHED)
		from = switched_with_loader;
	else if (p->selected != SELECTED_NONE && p->selected != SELECTED_OLD &&
		 p->state >= JOB_STAGING && p->state <= JOB_CHECKED)
		ret[n++] = unpin;
	while (from->command && n < STATUS_HINTS_MAX - 1)
		ret[n++] = *from++;
	ret[n] = (struct status_hint){ 0 };
}
