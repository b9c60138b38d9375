/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "transfer/manifest.h"

#define MANIFEST_ENTRIES_MAX 50000000u
#define MANIFEST_PATH_MAX 4095u

/* 64-bit hash of a path; not keyed: a collision costs time, never correctness. */
uint64_t path_hash(const char *path);

/* Like manifest_find, into the caller's storage (path is borrowed): safe for several threads of readers. */
bool manifest_get(const struct manifest *m, const char *path, struct manifest_entry *ret);
/* The i-th entry in the order added; i < manifest_count(). */
void manifest_at(const struct manifest *m, uint64_t i, struct manifest_entry *ret);

/* The limit is a quarter of the RAM, at least 64 MiB; tests set a smaller one. */
void manifest_set_memory_max(struct manifest *m, uint64_t bytes);
uint64_t manifest_memory_max(const struct manifest *m);
