/* SPDX-License-Identifier: MIT */
/* From a member's header to what is to be done: names made safe, attributes, what waits for the end. */
#pragma once

#include <archive_entry.h>

#include "transfer/receive_priv.h"

/*
 * Normalises a name from the stream into ret (PATH_LEN_MAX + 1 bytes): leading "/" and "./", doubled slashes and
 * "." go. The tree's root becomes "". ".." anywhere, a component above 255 or a path above 4,095 bytes is
 * ERR_TAR_NAME.
 */
int name_normalise(const char *name, char *ret, struct err *e) must_check;

/* Is path one of the prefixes that are never written, or below one? A prefix "proc/" means only what is below. */
bool name_is_skipped(const struct tar_options *options, const char *path);

/* Owner, mode, times and xattrs of an entry; what is for the end goes to r->late. */
int entry_attrs(struct receiver *r, struct archive_entry *entry, const char *path,
		struct attrs *ret, struct err *e) must_check;

/* The letter for the manifest; 0: a kind that is not carried. */
char entry_kind(struct archive_entry *entry);
