/* SPDX-License-Identifier: MIT */
/* Looking for names in a finished tree that belong to another machine or to the staging. */
#pragma once

#include "base/err.h"
#include "base/root.h"
#include "base/str.h"
#include "rewrite/facts.h"

/*
 * Searches regular files (up to 4 MiB each; links are not followed) below the NULL-terminated dirs for any of the needles.
 * Each hit is one string in ret: "/etc/fstab:3: NEEDLE", or "/boot/grub/i386-pc/core.img: NEEDLE" in a file that is no text.
 * Comment lines (first character '#') do not count, nor do folders that are missing. An address does not count
 * inside a longer one: a hit is not next to a letter, digit, '.' or ':' that would continue it. Stops at 1,000 hits.
 */
int leftovers_scan(const struct root *root, const char *const *dirs, const struct strlist *needles,
		   struct strlist *ret, struct err *e) must_check;

/* The same in one text that the caller holds; path is what its hits are called. */
int leftovers_scan_text(const char *path, const char *text, size_t len,
			const struct strlist *needles, struct strlist *ret,
			struct err *e) must_check;

/* Appends what no finished clone may name: the old ids, and paths of the staging ("/run/rehost", "/.rehost"). */
int leftovers_needles(const struct strlist *old_ids, struct strlist *ret, struct err *e) must_check;

/*
 * The check of a clone: old ids, and paths of the staging ("/run/rehost", "/.rehost") in /etc and /boot outside the kernels
 * and initramfs images.
 */
int leftovers_find(const struct root *root, const struct strlist *old_ids, struct strlist *ret,
		   struct err *e) must_check;

/*
 * The source's ids: UUIDs in the fstab and grub.cfg of the tree as it was received (the stage, not the clone), without those
 * that facts give to the clone's own file systems.
 */
int leftovers_old_ids(const struct root *stage, const struct rewrite_facts *facts,
		      struct strlist *ret, struct err *e) must_check;
