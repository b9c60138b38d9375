/* SPDX-License-Identifier: MIT */
/* J, the job record: format and rules in docs/architecture.md section 4. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/root.h"
#include "base/str.h"
#include "rewrite/facts.h"

#define RECORD_PATH ".rehost/job"
#define RECORD_SLOT_BYTES 131072u
#define RECORD_PAYLOAD_MAX (RECORD_SLOT_BYTES - 64)

enum job_state {
	JOB_NONE, /* no record: no migration on this disk */
	JOB_STAGING,
	JOB_STAGED,
	JOB_EDITED,
	JOB_CHECKED,
	JOB_MERGING,
	JOB_SWITCHING,
	JOB_SWITCHED,
	JOB_UNDOING,
	JOB_RELEASING,
	JOB_STATE_COUNT
};

const char *job_state_name(enum job_state s);

struct switch_entry {
	char *name;
	uint64_t old_ino, new_ino; /* 0: absent in that tree */
};

struct switch_fs {
	char *uuid;
	char *mount;
	struct switch_entry *entries;
	unsigned entry_count;
};

struct record {
	uint64_t sequence; /* of the slot it was read from; 0: never stored */
	enum job_state state;
	char job_id[17];
	enum intent intent;
	char token[16];
	bool stage_booted;
	char edits_fingerprint[65];
	struct strlist notes;
	struct switch_fs *filesystems;
	unsigned fs_count;
	char boot_disk[64]; /* kernel name at the time, for people */
	char boot_table_id[64];
	char boot_saved_sha256[65]; /* of saved/bootarea */
	uint64_t boot_saved_bytes;
	char boot_new_sha256[65]; /* of the boot area as written for the clone */
};

/* A new record in state NONE with a random job id. */
void record_init(struct record *r);
void record_done(struct record *r);

/*
 * Loads the newest valid record of a target's root file system. No file: success with state NONE. A file without
 * a valid slot: ERR_RECORD, never guessed.
 */
int record_load(struct record *ret, const struct root *fs0, struct err *e) must_check;

/* Stores into the other slot, durable on return. Makes and preallocates the file the first time. */
int record_store(struct record *r, const struct root *fs0, struct err *e) must_check;

/* The pure parts, for tests and fuzzing: image is the whole file. */
int record_decode(struct record *ret, const void *image, size_t len, struct err *e) must_check;
int record_encode(const struct record *r, struct strbuf *payload, struct err *e) must_check;
