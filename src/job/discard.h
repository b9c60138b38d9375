/* SPDX-License-Identifier: MIT */
/* Removing what rehost keeps on the target's file systems. */
#pragma once

#include "base/err.h"
#include "base/root.h"

/*
 * Removes /.rehost of every file system, the job record on fs[0] last, so that a cut removal can be repeated. The
 * caller put J into a state that says what is going on.
 */
int discard_folders(const struct root *const *fs, unsigned count, struct err *e) must_check;
