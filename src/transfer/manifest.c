/* SPDX-License-Identifier: MIT */
#include "transfer/manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "transfer/manifest_priv.h"

#define CHUNK_SIZE ((size_t)1 << 20)
#define MEMORY_MIN ((uint64_t)64 << 20)

/*
 * An entry as it lies in a chunk, followed by the path and a NUL. Packed by hand (memcpy), because a
 * million of them should not carry padding.
 */
#define REC_MODE 0
#define REC_NSEC 4
#define REC_UID 8
#define REC_GID 12
#define REC_SIZE 16
#define REC_SEC 24
#define REC_KIND 32
#define REC_PATH 33

struct chunk {
	struct chunk *next;
	unsigned char data[CHUNK_SIZE - sizeof(struct chunk *)];
};

struct manifest {
	struct chunk *chunks; /* newest first */
	size_t used;	      /* of the newest */
	unsigned char **entries;
	size_t count, cap;
	uint32_t *slots; /* index + 1 of an entry, 0: free; open addressing */
	size_t nslots;	 /* a power of two */
	uint64_t memory, memory_max;
	struct manifest_entry found; /* what manifest_find returned last */
};

uint64_t path_hash(const char *path)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a, then mixed so that low bits are good */

	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * 0x100000001b3u;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	return h ^ h >> 32;
}

/* A quarter of the RAM, so that a hostile stream ends in a message and not in the OOM killer. */
static uint64_t memory_limit(void)
{
	struct sysinfo si;
	uint64_t quarter;

	if (sysinfo(&si) < 0)
		return MEMORY_MIN;
	quarter = (uint64_t)si.totalram * si.mem_unit / 4;
	return quarter > MEMORY_MIN ? quarter : MEMORY_MIN;
}

struct manifest *manifest_new(void)
{
	struct manifest *m = calloc(1, sizeof(*m));

	if (m)
		m->memory_max = memory_limit();
	return m;
}

void manifest_free(struct manifest *m)
{
	if (!m)
		return;
	while (m->chunks) {
		struct chunk *next = m->chunks->next;

		free(m->chunks);
		m->chunks = next;
	}
	free(m->entries);
	free(m->slots);
	free(m);
}

void manifest_set_memory_max(struct manifest *m, uint64_t bytes)
{
	m->memory_max = bytes;
}

uint64_t manifest_memory_max(const struct manifest *m)
{
	return m->memory_max;
}

uint64_t manifest_count(const struct manifest *m)
{
	return m->count;
}

static const char *rec_path(const unsigned char *rec)
{
	return (const char *)rec + REC_PATH;
}

static void rec_fill(unsigned char *rec, const struct manifest_entry *entry)
{
	memcpy(rec + REC_MODE, &entry->mode, 4);
	memcpy(rec + REC_NSEC, &entry->mtime_nsec, 4);
	memcpy(rec + REC_UID, &entry->uid, 4);
	memcpy(rec + REC_GID, &entry->gid, 4);
	memcpy(rec + REC_SIZE, &entry->size, 8);
	memcpy(rec + REC_SEC, &entry->mtime_sec, 8);
	rec[REC_KIND] = (unsigned char)entry->kind;
}

static void rec_read(const unsigned char *rec, struct manifest_entry *ret)
{
	memcpy(&ret->mode, rec + REC_MODE, 4);
	memcpy(&ret->mtime_nsec, rec + REC_NSEC, 4);
	memcpy(&ret->uid, rec + REC_UID, 4);
	memcpy(&ret->gid, rec + REC_GID, 4);
	memcpy(&ret->size, rec + REC_SIZE, 8);
	memcpy(&ret->mtime_sec, rec + REC_SEC, 8);
	ret->kind = (char)rec[REC_KIND];
	ret->path = rec_path(rec);
}

/* Slot of path, or of the free place where it would go. nslots must not be 0. */
static uint32_t *find_slot(const struct manifest *m, const char *path)
{
	size_t mask = m->nslots - 1, i = path_hash(path) & mask;

	while (m->slots[i] && strcmp(rec_path(m->entries[m->slots[i] - 1]), path) != 0)
		i = (i + 1) & mask;
	return &m->slots[i];
}

static int charge(struct manifest *m, uint64_t bytes, struct err *e)
{
	if (m->memory + bytes > m->memory_max)
		return err_set(e, ERR_TAR_LIMIT, 0,
			       "%zu entries: the list of them may take %" PRIu64 " MB of memory",
			       m->count, m->memory_max >> 20);
	m->memory += bytes;
	return 0;
}

static int grow(struct manifest *m, struct err *e)
{
	size_t cap = m->cap ? m->cap * 2 : 1024, nslots = cap * 2, i;
	unsigned char **entries;
	uint32_t *slots;

	if (charge(m, (cap - m->cap) * (sizeof(*entries) + 2 * sizeof(*slots)), e) < 0)
		return -1;
	entries = realloc(m->entries, cap * sizeof(*entries));
	if (!entries)
		return err_set(e, ERR_NOMEM, 0, "list of %zu entries", m->count);
	m->entries = entries;
	slots = calloc(nslots, sizeof(*slots));
	if (!slots)
		return err_set(e, ERR_NOMEM, 0, "list of %zu entries", m->count);
	free(m->slots);
	m->slots = slots;
	m->nslots = nslots;
	m->cap = cap;
	for (i = 0; i < m->count; i++)
		*find_slot(m, rec_path(m->entries[i])) = (uint32_t)(i + 1);
	return 0;
}

static unsigned char *chunk_alloc(struct manifest *m, size_t len, struct err *e)
{
	unsigned char *rec;

	if (!m->chunks || m->used + len > sizeof(m->chunks->data)) {
		struct chunk *c;

		if (charge(m, sizeof(*c), e) < 0)
			return NULL;
		c = malloc(sizeof(*c));
		if (!c) {
			err_set(e, ERR_NOMEM, 0, "list of %zu entries", m->count);
			return NULL;
		}
		c->next = m->chunks;
		m->chunks = c;
		m->used = 0;
	}
	rec = m->chunks->data + m->used;
	m->used += len;
	return rec;
}

int manifest_add(struct manifest *m, const struct manifest_entry *entry, struct err *e)
{
	size_t len = strlen(entry->path);
	unsigned char *rec;
	uint32_t *slot;

	if (len > MANIFEST_PATH_MAX)
		return err_set(e, ERR_TAR_LIMIT, 0, "a path of %zu bytes", len);
	if (m->count >= MANIFEST_ENTRIES_MAX)
		return err_set(e, ERR_TAR_LIMIT, 0, "more than %u entries", MANIFEST_ENTRIES_MAX);
	if (m->count == m->cap && grow(m, e) < 0)
		return -1;
	slot = find_slot(m, entry->path);
	if (*slot) {
		rec_fill(m->entries[*slot - 1], entry);
		return 0;
	}
	rec = chunk_alloc(m, REC_PATH + len + 1, e);
	if (!rec)
		return -1;
	rec_fill(rec, entry);
	memcpy(rec + REC_PATH, entry->path, len + 1);
	m->entries[m->count++] = rec;
	*slot = (uint32_t)m->count;
	return 0;
}

bool manifest_get(const struct manifest *m, const char *path, struct manifest_entry *ret)
{
	uint32_t *slot = m->nslots ? find_slot(m, path) : NULL;

	if (!slot || !*slot)
		return false;
	rec_read(m->entries[*slot - 1], ret);
	return true;
}

void manifest_at(const struct manifest *m, uint64_t i, struct manifest_entry *ret)
{
	rec_read(m->entries[i], ret);
}

const struct manifest_entry *manifest_find(const struct manifest *m, const char *path)
{
	/* The result lives in the manifest; callers see it as const, only this place changes it. */
	struct manifest *own = (struct manifest *)(uintptr_t)m;

	return manifest_get(m, path, &own->found) ? &own->found : NULL;
}

int manifest_each(const struct manifest *m, int (*each)(void *arg, const struct manifest_entry *),
		  void *arg)
{
	struct manifest_entry entry;
	size_t i;
	int rc;

	for (i = 0; i < m->count; i++) {
		rec_read(m->entries[i], &entry);
		rc = each(arg, &entry);
		if (rc)
			return rc;
	}
	return 0;
}
