/* SPDX-License-Identifier: MIT */
/*
 * What a kernel that panicked could keep for the next one: pstore, Documentation/ABI/testing/pstore. It needs a place that outlives
 * the restart, ACPI ERST or the UEFI variables; most virtual machines have none, and then there is nothing to read.
 * store is /sys/fs/pstore of the rescue, whose files may hold anything.
 */
#pragma once

#include "base/err.h"
#include "base/root.h"

#define PANIC_STORE "/sys/fs/pstore"
#define PANIC_FILES_MAX 64
#define PANIC_TEXT_MAX (48u * 1024u)

/* Before a trial: notes on fs0 what lies there already, so that it is not taken for the clone's. */
int panic_note_old(const struct root *store, const struct root *fs0, struct err *e) must_check;

/*
 * What came since, in the order in which it was said, to the end of TRIAL_LOG; then it is removed from the store, which is small. *ret_lines
 * is what was added, 0: there is nothing.
 */
int panic_keep(const struct root *store, const struct root *fs0, unsigned *ret_lines,
	       struct err *e) must_check;
/* There is something that panic_keep() would keep. Writes nothing. */
bool panic_is_there(const struct root *store, const struct root *fs0);
