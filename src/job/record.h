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
	JOB_TRIAL,     /* the clone was started once by S=clone-once, and has not been confirmed */
	JOB_CONFIRMED, /* its operator reached it at the target's address */
	JOB_UNDOING,
	JOB_RELEASING,
	JOB_STATE_COUNT
};

const char *job_state_name(enum job_state s);

/* What the machine starts from between the first flip and release (job/loader.h). */
enum loader_kind { LOADER_NONE, LOADER_BIOS, LOADER_UEFI };

/* One top-level name of a file system. Flags: only FS_IMMUTABLE_FL and FS_APPEND_FL, which stop a rename. */
struct switch_entry {
	char *name;
	uint64_t old_ino, new_ino;     /* 0: absent in that tree */
	uint32_t old_flags, new_flags; /* as they were before the switch cleared them */
};

/* What a file system's top directory carries itself; it cannot be renamed, so this is set. */
struct switch_dir {
	uint32_t mode; /* permission bits */
	uint32_t uid, gid;
	uint32_t flags;
};

struct switch_fs {
	char *uuid;
	char *mount;
	struct switch_dir old_dir, new_dir; /* of the live root; of the stage's top */
	struct switch_entry *entries;	    /* by name, ascending, each name once */
	unsigned entry_count;
};

#define RECORD_FS_MAX 32
#define RECORD_NOTES_MAX 64 /* further notes are not stored */
#define RECORD_NOTE_LEN 400 /* longer ones are cut */

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
	enum loader_kind loader;  /* planted; NONE: the switch writes the boot area itself */
	char loader_fs_uuid[64];  /* of the file system with LOADER_DIR */
	uint64_t loader_lba;	  /* BIOS: first sector of our core */
	uint32_t loader_sectors;
	char nonce[17]; /* 16 hex, drawn by the switch; confirm must bring it back. "" before */
	uint32_t
		trial_minutes; /* the clone goes back to the rescue when nobody confirms for so long */
	uint32_t trials;       /* how often a trial was begun */
};

/* A new record in state NONE with a random job id. */
void record_init(struct record *r);
void record_done(struct record *r);
/* A new nonce: what confirm must bring back. */
void record_draw_nonce(struct record *r);
/* Drops the plan of the switch (file systems and entries). */
void record_drop_plan(struct record *r);
/* Appends an empty file system to the plan / an entry to it; NULL when out of memory or full. Strings are copied. */
struct switch_fs *record_add_fs(struct record *r, const char *uuid, const char *mount);
struct switch_entry *switch_fs_add(struct switch_fs *fs, const char *name);

/*
 * Loads the newest valid record of a target's root file system. No file: success with state NONE. A file without
 * a valid slot: ERR_RECORD, never guessed.
 */
int record_load(struct record *ret, const struct root *fs0, struct err *e) must_check;

/*
 * Stores into the other slot, durable on return; r->sequence is the stored one afterwards. Makes and preallocates
 * the file the first time. The newest record on the disk must be the one r was loaded from: ERR_RECORD else.
 */
int record_store(struct record *r, const struct root *fs0, struct err *e) must_check;

/*
 * The pure parts, for tests and fuzzing. image is the whole file; exactly two slots long, anything else is
 * ERR_RECORD. *ret is written only on success. The newest slot whose checksum holds decides: when its payload cannot
 * be understood (another version) that is ERR_RECORD_VERSION or ERR_RECORD, the older slot is not taken instead.
 */
int record_decode(struct record *ret, const void *image, size_t len, struct err *e) must_check;
int record_encode(const struct record *r, struct strbuf *payload, struct err *e) must_check;
/* The payload alone. */
int record_decode_payload(struct record *ret, const void *payload, size_t len,
			  struct err *e) must_check;
/* The bytes of one slot (header and payload, not padded) for a sequence; for record_store and tests. */
int record_encode_slot(const struct record *r, uint64_t sequence, struct strbuf *ret,
		       struct err *e) must_check;
