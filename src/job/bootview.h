/* SPDX-License-Identifier: MIT */
/*
 * What the next start of a machine would be, told from its disk alone the way firmware and loaders read it: sector 0 or
 * the EFI system partition, the loader's core, its menu, kernel and initramfs, the root they name. No journal is
 * replayed, because a loader replays none. Used by inspect --boot, by check, and as the judge of power-cut tests.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"

enum boot_outcome {
	BOOT_NOTHING, /* the chain breaks: the machine stops before an init */
	BOOT_OLD,     /* the system that was there before, or the only one */
	BOOT_RESCUE,  /* the planted rescue */
	BOOT_CLONE,
	BOOT_UNKNOWN, /* the chain leads to what this reader cannot read, or J cannot be trusted */
};

const char *boot_outcome_name(enum boot_outcome o);

struct bootview_options {
	const char *efi_path; /* what BootOrder starts: "\EFI\debian\shimx64.efi"; implies uefi */
	bool uefi;	      /* start as UEFI does, without efi_path from the removable path */
	bool hash;	      /* read kernels and initramfs completely: SHA-256 in the steps */
};

struct bootview {
	enum boot_outcome starts;
	enum boot_outcome then; /* what the start after this one would be */
	char why[240];		/* one sentence */
	char via[40];		/* "grub", "private-loader" */
	char s[16];	     /* the word in S; "": there is none, "damaged": not one of the four */
	char j_state[16];    /* job_state_name(); "none", or "damaged" */
	json_t *core;	     /* {lba, sectors, decoded, prefix, equals}; NULL: none was read */
	json_t *tree;	     /* of the root that would be mounted; NULL: none was reached */
	json_t *filesystems; /* [{partition, type, uuid, needs_recovery, holds}] */
	json_t *choices; /* with a private loader: {old, rescue, clone}: what each word in S would start; else NULL */
	json_t *steps; /* [{ok, text, ...}] in the order of the start */
};

/* Fails only when the disk itself cannot be looked at: a broken chain is a verdict. */
int bootview_look(struct bootview *ret, const char *disk_path, const struct bootview_options *o,
		  struct err *e) must_check;
void bootview_done(struct bootview *b);

/*
 * The proof before the first dangerous write, S being "old", or "rescue" when that write is to be repeated: the firmware reaches our loader, its script and S, and the
 * rescue it would start is readable. ERR_LOADER_PROOF else. That the old system cannot be followed is only logged: its
 * loader may be of a kind that this reader does not know. efi_path: what the firmware starts by UEFI; NULL: BIOS.
 */
int bootview_prove_planted(const char *disk_path, const char *efi_path, struct err *e) must_check;

/* Everything as one object; new reference, NULL when out of memory. */
json_t *bootview_json(const struct bootview *b);
