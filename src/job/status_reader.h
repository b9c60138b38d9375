/* SPDX-License-Identifier: MIT */
/* For status: what the target's disk starts, as firmware and loaders read it (job/bootview.h). */
#pragma once

#include "job/bootview.h"
#include "job/target.h"

/*
 * In the rescue alone. By UEFI from the first boot entry for a file on a disk; false when that is not the target's, or when nothing can
 * be told. ret is the caller's to free with bootview_done() when true is returned.
 */
bool status_reader_look(const struct target *t, struct bootview *ret);

/* J cannot be read, but the loader does not ask J: what it would start goes into the report. */
void status_reader_add(const struct target *t, struct err *e);
