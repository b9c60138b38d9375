/* SPDX-License-Identifier: MIT */
#include "job/record.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/io.h"

#define MAGIC "REHOSTJ1"
#define HEADER_BYTES 64
#define DIGEST_AT 32
#define FILE_BYTES (2 * (size_t)RECORD_SLOT_BYTES)
#define NEW_PATH ".rehost/job.new"

const char *job_state_name(enum job_state s)
{
	static const char *const names[JOB_STATE_COUNT] = {
		[JOB_NONE] = "none",	       [JOB_STAGING] = "staging",
		[JOB_STAGED] = "staged",       [JOB_EDITED] = "edited",
		[JOB_CHECKED] = "checked",     [JOB_MERGING] = "merging",
		[JOB_SWITCHING] = "switching", [JOB_SWITCHED] = "switched",
		[JOB_TRIAL] = "trial",	       [JOB_CONFIRMED] = "confirmed",
		[JOB_UNDOING] = "undoing",     [JOB_RELEASING] = "releasing",
	};

	return (unsigned)s < JOB_STATE_COUNT ? names[s] : "unknown";
}

/* 16 hex digits and a terminator. */
static void draw_hex(char *ret)
{
	uint8_t random[8] = { 0 };

	while (getrandom(random, sizeof(random), 0) < 0 && errno == EINTR)
		;
	hex_of(random, sizeof(random), ret);
}

void record_init(struct record *r)
{
	memset(r, 0, sizeof(*r));
	draw_hex(r->job_id);
}

void record_draw_nonce(struct record *r)
{
	draw_hex(r->nonce);
}

void record_drop_plan(struct record *r)
{
	unsigned i, k;

	for (i = 0; i < r->fs_count; i++) {
		struct switch_fs *fs = &r->filesystems[i];

		for (k = 0; k < fs->entry_count; k++)
			free(fs->entries[k].name);
		free(fs->entries);
		free(fs->uuid);
		free(fs->mount);
	}
	free(r->filesystems);
	r->filesystems = NULL;
	r->fs_count = 0;
}

void record_done(struct record *r)
{
	record_drop_plan(r);
	strlist_done(&r->notes);
	memset(r, 0, sizeof(*r));
}

struct switch_fs *record_add_fs(struct record *r, const char *uuid, const char *mount)
{
	struct switch_fs *fs;

	if (r->fs_count == RECORD_FS_MAX)
		return NULL;
	fs = reallocarray(r->filesystems, r->fs_count + 1, sizeof(*fs));
	if (!fs)
		return NULL;
	r->filesystems = fs;
	fs += r->fs_count++;
	memset(fs, 0, sizeof(*fs));
	fs->uuid = strdup(uuid);
	fs->mount = strdup(mount);
	return fs->uuid && fs->mount ? fs : NULL;
}

struct switch_entry *switch_fs_add(struct switch_fs *fs, const char *name)
{
	struct switch_entry *entry;

	/* grown in powers of two: the count itself tells when it is full */
	if ((fs->entry_count & (fs->entry_count - 1)) == 0) {
		size_t cap = fs->entry_count ? 2 * (size_t)fs->entry_count : 1;

		entry = reallocarray(fs->entries, cap, sizeof(*entry));
		if (!entry)
			return NULL;
		fs->entries = entry;
	}
	entry = &fs->entries[fs->entry_count];
	memset(entry, 0, sizeof(*entry));
	entry->name = strdup(name);
	if (!entry->name)
		return NULL;
	fs->entry_count++;
	return entry;
}

/* ---- slots ---- */

static uint64_t get_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static uint32_t get_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static void digest_slot(const uint8_t *header, const void *payload, size_t len,
			uint8_t ret[SHA256_LEN])
{
	struct sha256 *s = sha256_new();

	memset(ret, 0, SHA256_LEN);
	if (!s)
		return; /* all zeros: matches no slot */
	sha256_add(s, header, DIGEST_AT);
	sha256_add(s, payload, len);
	sha256_finish(s, ret);
}

/* The sequence of a valid slot, 0 for any other. */
static uint64_t slot_sequence(const uint8_t *slot)
{
	static const uint8_t zeros[SHA256_LEN];
	uint8_t digest[SHA256_LEN];
	uint64_t sequence = get_u64(slot + 8);
	uint32_t len = get_u32(slot + 16);

	if (memcmp(slot, MAGIC, 8) != 0 || sequence == UINT64_MAX || len > RECORD_PAYLOAD_MAX ||
	    memcmp(slot + 20, zeros, 12) != 0)
		return 0;
	digest_slot(slot, slot + HEADER_BYTES, len, digest);
	if (memcmp(digest, zeros, SHA256_LEN) == 0 ||
	    memcmp(digest, slot + DIGEST_AT, SHA256_LEN) != 0)
		return 0;
	return sequence;
}

/* Index of the slot with the newest valid record, its sequence in *ret_sequence. */
static int find_newest(const uint8_t *image, size_t len, uint64_t *ret_sequence, struct err *e)
{
	uint64_t seq[2];

	if (len != FILE_BYTES)
		return err_set(e, ERR_RECORD, 0, "/%s has %zu bytes instead of %zu", RECORD_PATH,
			       len, FILE_BYTES);
	seq[0] = slot_sequence(image);
	seq[1] = slot_sequence(image + RECORD_SLOT_BYTES);
	if (!seq[0] && !seq[1])
		return err_set(e, ERR_RECORD, 0, "both slots of /%s are damaged", RECORD_PATH);
	if (seq[0] == seq[1])
		return err_set(e, ERR_RECORD, 0, "both slots of /%s claim to be number %llu",
			       RECORD_PATH, (unsigned long long)seq[0]);
	*ret_sequence = seq[seq[1] > seq[0]];
	return seq[1] > seq[0];
}

int record_decode(struct record *ret, const void *image, size_t len, struct err *e)
{
	const uint8_t *slot = image;
	uint64_t sequence;
	int newest = find_newest(image, len, &sequence, e);

	if (newest < 0)
		return -1;
	slot += (size_t)newest * RECORD_SLOT_BYTES;
	if (record_decode_payload(ret, slot + HEADER_BYTES, get_u32(slot + 16), e) < 0)
		return err_ctx(e, "reading record %llu of /%s", (unsigned long long)sequence,
			       RECORD_PATH);
	ret->sequence = sequence;
	return 0;
}

int record_encode_slot(const struct record *r, uint64_t sequence, struct strbuf *ret, struct err *e)
{
	struct strbuf payload cleanup_strbuf = STRBUF_INIT;
	uint8_t header[HEADER_BYTES] = MAGIC;
	uint64_t seq = htole64(sequence);
	uint32_t len;

	if (sequence == 0 || sequence == UINT64_MAX)
		return err_set(e, ERR_RECORD, 0, "the record numbers are used up");
	if (record_encode(r, &payload, e) < 0)
		return -1;
	len = htole32((uint32_t)payload.len);
	memcpy(header + 8, &seq, sizeof(seq));
	memcpy(header + 16, &len, sizeof(len));
	digest_slot(header, payload.data, payload.len, header + DIGEST_AT);
	strbuf_add(ret, header, sizeof(header));
	strbuf_add(ret, payload.data, payload.len);
	return ret->failed ? err_set(e, ERR_NOMEM, 0, "writing the job record") : 0;
}

/* ---- the file ---- */

/* Reads the whole file. Returns 1 when there is none. */
static int read_file(const struct root *fs0, int flags, int *ret_fd, struct strbuf *ret,
		     struct err *e)
{
	struct err why = ERR_INIT;
	int fd = root_openat(fs0, RECORD_PATH, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0, &why);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 1;
	if (fd < 0) {
		if (e)
			*e = why;
		return -1;
	}
	*ret_fd = fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_RECORD, 0, "/%s is not a regular file", RECORD_PATH);
	return fd_slurp(fd, ret, FILE_BYTES, e) < 0 ? err_ctx(e, "reading /%s", RECORD_PATH) : 0;
}

int record_load(struct record *ret, const struct root *fs0, struct err *e)
{
	struct strbuf image cleanup_strbuf = STRBUF_INIT;
	int fd cleanup_fd = -1;
	int rc = read_file(fs0, O_RDONLY, &fd, &image, e);

	if (rc < 0)
		return -1;
	if (rc == 1) {
		record_init(ret);
		return 0;
	}
	return record_decode(ret, strbuf_str(&image), image.len, e);
}

/*
 * The first store: the whole file with its first record is made under another name and renamed, so that a file
 * of that name always had a valid slot once, and "no valid slot" can only be damage.
 */
static int make_file(const struct root *fs0, const struct strbuf *slot, struct err *e)
{
	int dir cleanup_fd = root_openat(fs0, ".rehost", O_RDONLY | O_DIRECTORY, 0, e);
	int top cleanup_fd = root_openat(fs0, "/", O_RDONLY | O_DIRECTORY, 0, e);
	int fd cleanup_fd = -1;
	struct strbuf image cleanup_strbuf = STRBUF_INIT;
	static const uint8_t zeros[4096];

	if (dir < 0 || top < 0)
		return -1;
	strbuf_add(&image, slot->data, slot->len);
	while (image.len < FILE_BYTES && !image.failed)
		strbuf_add(&image, zeros,
			   image.len + sizeof(zeros) <= FILE_BYTES ? sizeof(zeros)
								   : FILE_BYTES - image.len);
	if (image.failed)
		return err_set(e, ERR_NOMEM, 0, "making /%s", RECORD_PATH);
	if (unlinkat(dir, "job.new", 0) < 0 && errno != ENOENT)
		return err_set(e, ERR_FILE, errno, "/%s", NEW_PATH);
	fd = openat(dir, "job.new", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || write_all(fd, image.data, image.len) < 0 || fsync(fd) < 0 ||
	    renameat(dir, "job.new", dir, "job") < 0 || fsync(dir) < 0 || fsync(top) < 0)
		return err_set(e, ERR_FILE, errno, "making /%s", RECORD_PATH);
	return 0;
}

int record_store(struct record *r, const struct root *fs0, struct err *e)
{
	struct strbuf image cleanup_strbuf = STRBUF_INIT;
	struct strbuf slot cleanup_strbuf = STRBUF_INIT;
	int fd cleanup_fd = -1;
	uint64_t sequence = 0;
	int newest = 1; /* a new file begins with slot 0 */
	int rc = read_file(fs0, O_RDWR, &fd, &image, e);

	if (rc < 0)
		return -1;
	if (rc == 0 && (newest = find_newest((const uint8_t *)strbuf_str(&image), image.len,
					     &sequence, e)) < 0)
		return -1;
	if (sequence != r->sequence)
		return err_set(e, ERR_RECORD, 0,
			       "/%s holds record %llu, this command worked from %llu", RECORD_PATH,
			       (unsigned long long)sequence, (unsigned long long)r->sequence);
	if (record_encode_slot(r, sequence + 1, &slot, e) < 0)
		return -1;
	if (rc == 1) {
		if (make_file(fs0, &slot, e) < 0)
			return -1;
	} else if (pwrite_all(fd, slot.data, slot.len, newest ? 0 : RECORD_SLOT_BYTES) < 0 ||
		   fdatasync(fd) < 0) {
		return err_set(e, ERR_FILE, errno, "writing /%s", RECORD_PATH);
	}
	r->sequence = sequence + 1;
	return 0;
}
