/* SPDX-License-Identifier: MIT */
#pragma once

#include "base/json.h"

/* The report of a tree (docs/inspect.schema.json) for people. */
void inspect_print(const json_t *report);
