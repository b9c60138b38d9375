/* SPDX-License-Identifier: MIT */
/*
 * What status says, from facts that were gathered: which of old system, stage and clone is complete, what the next boot
 * does, what to type. Pure: J's word is taken only as far as the facts bear it out.
 */
#pragma once

#include "job/bootview.h"
#include "job/status_words.h"

struct status_facts {
	struct position position;
	enum status_place place;
	bool is_manifest_lost; /* the list that makes a stage complete is not there */
	unsigned names,
		exchanged; /* of a cut exchange: top-level names, and those whose clone side is live; 0: not counted */
	unsigned lost_old,
		lost_clone; /* names of the plan that are not where J says (exchange_count_lost()) */
	bool is_forgotten; /* UEFI: the firmware's first boot entry is not the private loader's (loader_is_first()) */
	bool is_read;		  /* the disk was read the way its loader reads it */
	enum boot_outcome starts; /* what that found, and why */
	const char *why;
	const char *
		medium; /* what this rescue was started from: "iso", "disk", "uki", "pxe"; NULL: not told */
};

struct status_part {
	bool is_complete;
	char text[120];
};

struct status_view {
	const char *summary; /* of the state, in a sentence; static */
	struct status_part old, stage, clone;
	enum boot_outcome starts; /* the next boot, in a word; NOTHING: not to be relied on */
	char next_boot[400];
	char medium_boot[160]; /* the same while the medium is attached; "": there is none */
	bool is_as_selected; /* false: the disk starts something else than S, or J without S, says */
	struct status_hint hints[STATUS_HINTS_MAX];
};

void status_view_make(const struct status_facts *f, struct status_view *ret);
