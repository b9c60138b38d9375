/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "temp_root.h"
#include <fcntl.h>
#include <linux/fs.h>

#include "base/hash.h"
#include "base/io.h"
#include "job/record.h"

#define FILE_BYTES (2 * RECORD_SLOT_BYTES)

static int set_up(void **state)
{
	return temp_root_open(state) < 0 ? -1 : root_mkdirs(&r, ".rehost", 0700, NULL);
}

/* A record with something in every field. */
static void fill(struct record *x)
{
	struct switch_fs *fs;
	struct switch_entry *entry;

	record_init(x);
	x->state = JOB_SWITCHING;
	x->intent = INTENT_COPY;
	x->stage_booted = true;
	strcpy(x->token, "ABCD2345");
	memset(x->edits_fingerprint, 'a', 64);
	memset(x->boot_saved_sha256, 'b', 64);
	memset(x->boot_new_sha256, '0', 64);
	strcpy(x->boot_disk, "/dev/vda");
	strcpy(x->boot_table_id, "1234abcd");
	x->boot_saved_bytes = 1049088;
	x->loader = LOADER_BIOS;
	strcpy(x->loader_fs_uuid, "AB12-34CD");
	x->loader_lba = 1700;
	x->loader_sectors = 300;
	strcpy(x->nonce, "00112233445566ff");
	x->trial_minutes = 15;
	x->trials = 2;
	assert_int_equal(strlist_add(&x->notes, "3 sockets were left out"), 0);
	fs = record_add_fs(x, "11111111-2222-3333-4444-555555555555", "/");
	assert_non_null(fs);
	fs->old_dir = (struct switch_dir){ 0755, 0, 0, 0 };
	fs->new_dir = (struct switch_dir){ 0751, 1, 2, FS_IMMUTABLE_FL };
	entry = switch_fs_add(fs, "a \xff%\n\"b"); /* every kind of byte survives */
	entry->old_ino = 12;
	entry = switch_fs_add(fs, "etc");
	entry->old_ino = 1ull << 40;
	entry->new_ino = 77;
	entry->old_flags = FS_APPEND_FL;
	entry->new_flags = FS_IMMUTABLE_FL;
	fs = record_add_fs(x, "AB12-34CD", "/boot");
	assert_non_null(fs);
}

static void expect_same(const struct record *a, const struct record *b)
{
	struct strbuf x = STRBUF_INIT, y = STRBUF_INIT;

	assert_int_equal(record_encode(a, &x, NULL), 0);
	assert_int_equal(record_encode(b, &y, NULL), 0);
	assert_string_equal(strbuf_str(&x), strbuf_str(&y));
	strbuf_done(&x);
	strbuf_done(&y);
}

static void test_every_field_survives(void **state)
{
	struct record a, b;
	struct strbuf p = STRBUF_INIT;

	(void)state;
	fill(&a);
	assert_int_equal(record_encode(&a, &p, NULL), 0);
	assert_int_equal(record_decode_payload(&b, p.data, p.len, NULL), 0);
	expect_same(&a, &b);
	assert_int_equal(b.state, JOB_SWITCHING);
	assert_int_equal(b.intent, INTENT_COPY);
	assert_true(b.stage_booted);
	assert_string_equal(b.job_id, a.job_id);
	assert_string_equal(b.token, "ABCD2345");
	assert_string_equal(b.boot_disk, "/dev/vda");
	assert_int_equal(b.boot_saved_bytes, 1049088);
	assert_int_equal(b.loader, LOADER_BIOS);
	assert_string_equal(b.loader_fs_uuid, "AB12-34CD");
	assert_int_equal(b.loader_lba, 1700);
	assert_int_equal(b.loader_sectors, 300);
	assert_string_equal(b.nonce, "00112233445566ff");
	assert_int_equal(b.trial_minutes, 15);
	assert_int_equal(b.trials, 2);
	assert_string_equal(b.notes.items[0], "3 sockets were left out");
	assert_int_equal(b.fs_count, 2);
	assert_int_equal(b.filesystems[0].new_dir.gid, 2);
	assert_int_equal(b.filesystems[0].entry_count, 2);
	assert_string_equal(b.filesystems[0].entries[0].name, "a \xff%\n\"b");
	assert_int_equal(b.filesystems[0].entries[1].old_ino, 1ull << 40);
	assert_int_equal(b.filesystems[0].entries[1].new_flags, FS_IMMUTABLE_FL);
	assert_string_equal(b.filesystems[1].mount, "/boot");
	record_done(&a);
	record_done(&b);
	strbuf_done(&p);
}

static void test_store_and_load(void **state)
{
	struct record a, b;
	struct err e = ERR_INIT;
	struct stat st;
	enum job_state s;

	(void)state;
	assert_int_equal(record_load(&a, &r, &e), 0);
	assert_int_equal(a.state, JOB_NONE);
	assert_int_equal(a.sequence, 0);
	assert_int_equal(strlen(a.job_id), 16);
	for (s = JOB_STAGING; s <= JOB_MERGING; s++) {
		a.state = s;
		assert_int_equal(record_store(&a, &r, &e), 0);
		assert_int_equal(a.sequence, (uint64_t)s); /* staging is the first of both */
		assert_int_equal(record_load(&b, &r, &e), 0);
		assert_int_equal(b.state, s);
		assert_int_equal(b.sequence, a.sequence);
		expect_same(&a, &b);
		record_done(&b);
	}
	assert_int_equal(root_lstat(&r, RECORD_PATH, &st), 0);
	assert_int_equal(st.st_size, FILE_BYTES);
	assert_int_equal(st.st_mode & 07777, 0600);
	record_done(&a);
}

/* Two commands that both think they hold the newest record: the second is refused. */
static void test_stale_store_is_refused(void **state)
{
	struct record a, b;
	struct err e = ERR_INIT;

	(void)state;
	record_init(&a);
	a.state = JOB_STAGING;
	assert_int_equal(record_store(&a, &r, &e), 0);
	assert_int_equal(record_load(&b, &r, &e), 0);
	a.state = JOB_STAGED;
	assert_int_equal(record_store(&a, &r, &e), 0);
	assert_int_equal(record_store(&b, &r, &e), -1);
	assert_int_equal(e.code, ERR_RECORD);
	record_done(&a);
	record_done(&b);
}

/* image of a file whose slot 0 holds sequence n (state staged), slot 1 n + 1 (state edited) */
static void make_image(uint8_t *image, uint64_t n)
{
	struct record x;
	struct strbuf slot = STRBUF_INIT;

	memset(image, 0, FILE_BYTES);
	record_init(&x);
	x.state = JOB_STAGED;
	assert_int_equal(record_encode_slot(&x, n, &slot, NULL), 0);
	memcpy(image, slot.data, slot.len);
	strbuf_done(&slot);
	x.state = JOB_EDITED;
	assert_int_equal(record_encode_slot(&x, n + 1, &slot, NULL), 0);
	memcpy(image + RECORD_SLOT_BYTES, slot.data, slot.len);
	strbuf_done(&slot);
	record_done(&x);
}

/* A third write goes over slot 0. Cut after any byte, the file yields the second or the third record. */
static void test_every_prefix_of_a_write(void **state)
{
	uint8_t *image = malloc(FILE_BYTES);
	uint8_t *cut = malloc(FILE_BYTES);
	struct record x, got;
	struct strbuf slot = STRBUF_INIT;
	size_t n;

	(void)state;
	make_image(image, 1);
	record_init(&x);
	x.state = JOB_CHECKED;
	memset(x.edits_fingerprint, 'c', 64);
	assert_int_equal(record_encode_slot(&x, 3, &slot, NULL), 0);
	for (n = 0; n <= slot.len; n++) {
		memcpy(cut, image, FILE_BYTES);
		memcpy(cut, slot.data, n);
		assert_int_equal(record_decode(&got, cut, FILE_BYTES, NULL), 0);
		assert_int_equal(got.state, n == slot.len ? JOB_CHECKED : JOB_EDITED);
		assert_int_equal(got.sequence, n == slot.len ? 3 : 2);
		record_done(&got);
	}
	/* pages may reach the disk in any order: the tail first (the magic at 0 to 7 is the same in all) */
	for (n = 9; n <= slot.len; n++) {
		memcpy(cut, image, FILE_BYTES);
		memcpy(cut + n, slot.data + n, slot.len - n);
		assert_int_equal(record_decode(&got, cut, FILE_BYTES, NULL), 0);
		assert_int_equal(got.state, JOB_EDITED);
		record_done(&got);
	}
	record_done(&x);
	strbuf_done(&slot);
	free(image);
	free(cut);
}

/* A cut first store leaves no file of the name, however much was written. */
static void test_cut_first_store(void **state)
{
	struct record x;
	struct err e = ERR_INIT;
	static char junk[4096];

	(void)state;
	assert_int_equal(root_replace(&r, ".rehost/job.new", junk, sizeof(junk), NULL, NULL), 0);
	assert_int_equal(record_load(&x, &r, &e), 0);
	assert_int_equal(x.state, JOB_NONE);
	x.state = JOB_STAGING;
	assert_int_equal(record_store(&x, &r, &e), 0);
	assert_false(root_exists(&r, ".rehost/job.new"));
	record_done(&x);
}

static void expect_refused(const uint8_t *image, size_t len, enum err_code code)
{
	struct record x;
	struct err e = ERR_INIT;

	assert_int_equal(record_decode(&x, image, len, &e), -1);
	assert_int_equal(e.code, code);
}

static void test_damage(void **state)
{
	uint8_t *image = calloc(1, FILE_BYTES + 1);
	struct err e = ERR_INIT;
	struct record x;

	(void)state;
	expect_refused(image, FILE_BYTES, ERR_RECORD); /* all zeros */
	make_image(image, 1);
	expect_refused(image, FILE_BYTES - 1, ERR_RECORD);
	expect_refused(image, FILE_BYTES + 1, ERR_RECORD);
	expect_refused(image, 0, ERR_RECORD);
	image[RECORD_SLOT_BYTES + 70] ^= 1; /* the newer one is damaged: the older counts */
	assert_int_equal(record_decode(&x, image, FILE_BYTES, NULL), 0);
	assert_int_equal(x.state, JOB_STAGED);
	record_done(&x);
	image[70] ^= 1;
	expect_refused(image, FILE_BYTES, ERR_RECORD);
	/* the same on a disk, loading and storing: never "new" */
	assert_int_equal(root_replace(&r, RECORD_PATH, image, FILE_BYTES, NULL, NULL), 0);
	assert_int_equal(record_load(&x, &r, &e), -1);
	assert_int_equal(e.code, ERR_RECORD);
	record_init(&x);
	x.state = JOB_STAGING;
	assert_int_equal(record_store(&x, &r, NULL), -1);
	assert_int_equal(root_remove(&r, RECORD_PATH, NULL), 0);
	assert_int_equal(root_symlink(&r, RECORD_PATH, "elsewhere", NULL), 0);
	assert_int_equal(record_load(&x, &r, NULL), -1);
	record_done(&x);
	/* both claim one number */
	make_image(image, 1);
	memcpy(image + RECORD_SLOT_BYTES, image, RECORD_SLOT_BYTES);
	expect_refused(image, FILE_BYTES, ERR_RECORD);
	free(image);
}

static void test_sequence_end(void **state)
{
	uint8_t *image = malloc(FILE_BYTES);
	struct record x;
	struct strbuf slot = STRBUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	make_image(image, UINT64_MAX - 2);
	assert_int_equal(record_decode(&x, image, FILE_BYTES, NULL), 0);
	assert_int_equal(x.state, JOB_EDITED);
	assert_int_equal(root_replace(&r, RECORD_PATH, image, FILE_BYTES, NULL, NULL), 0);
	assert_int_equal(record_store(&x, &r, &e), -1); /* never begins again at 0 */
	assert_int_equal(e.code, ERR_RECORD);
	assert_int_equal(record_encode_slot(&x, 0, &slot, NULL), -1);
	record_done(&x);
	/* the high bit is not a sign */
	make_image(image, (1ull << 63) - 1);
	assert_int_equal(record_decode(&x, image, FILE_BYTES, NULL), 0);
	assert_int_equal(x.state, JOB_EDITED);
	record_done(&x);
	strbuf_done(&slot);
	free(image);
}

static void put_slot(uint8_t *slot, uint8_t sequence, const char *payload)
{
	uint8_t digest[SHA256_LEN];
	struct strbuf b = STRBUF_INIT;
	uint32_t len = (uint32_t)strlen(payload);

	memset(slot, 0, RECORD_SLOT_BYTES);
	memcpy(slot, "REHOSTJ1", 8);
	slot[8] = sequence;
	memcpy(slot + 16, &len, 4);
	strbuf_add(&b, slot, 32);
	strbuf_add(&b, payload, len);
	sha256_of(b.data, b.len, digest);
	memcpy(slot + 32, digest, 32);
	memcpy(slot + 64, payload, len);
	strbuf_done(&b);
}

/* A whole record of another version is not passed over for an older one of ours. */
static void test_other_version(void **state)
{
	uint8_t *image = malloc(FILE_BYTES);

	(void)state;
	make_image(image, 1);
	put_slot(image, 3, "{\"version\":2,\"state\":\"trial\"}");
	expect_refused(image, FILE_BYTES, ERR_RECORD_VERSION);
	put_slot(image, 3, "{\"version\":0}");
	expect_refused(image, FILE_BYTES, ERR_RECORD_VERSION);
	put_slot(image, 3, "{\"version\":\"1\"}");
	expect_refused(image, FILE_BYTES, ERR_RECORD);
	put_slot(image, 3, "");
	expect_refused(image, FILE_BYTES, ERR_RECORD);
	free(image);
}

#define HEAD \
	"\"version\":1,\"job_id\":\"0123456789abcdef\",\"intent\":\"move\"," \
	"\"token\":\"\",\"stage_booted\":false,\"edits_fingerprint\":\"\",\"notes\":[],"
#define BOOT \
	"\"boot\":{\"disk\":\"\",\"table_id\":\"\",\"saved_sha256\":\"\"," \
	"\"saved_bytes\":0,\"new_sha256\":\"\"}"
#define LOADER(kind, nonce) \
	"\"loader\":{\"kind\":\"" kind \
	"\",\"fs_uuid\":\"\",\"lba\":0,\"sectors\":0,\"nonce\":\"" nonce \
	"\",\"trial_minutes\":15,\"trials\":0}"
#define DIRS "\"old_dir\":[493,0,0,0],\"new_dir\":[493,0,0,0]"
#define PLAN(mount, entries) \
	"{" HEAD "\"state\":\"switching\"," BOOT \
	",\"filesystems\":[{\"uuid\":\"u\",\"mount\":\"" mount "\"," DIRS ",\"entries\":[" entries \
	"]}]}"
#define ENTRY(name, old, new) "{\"name\":\"" name "\",\"old_ino\":" #old ",\"new_ino\":" #new "}"

static void test_hostile_payloads(void **state)
{
	static const char *const bad[] = {
		"[]",
		"{\"version\":1}",
		"{" HEAD "\"state\":\"none\",\"filesystems\":[]," BOOT "}",
		"{" HEAD "\"state\":\"gone\",\"filesystems\":[]," BOOT "}",
		"{" HEAD "\"state\":\"staged\",\"state\":\"staged\",\"filesystems\":[]," BOOT "}",
		"{" HEAD "\"state\":\"staged\",\"more\":1,\"filesystems\":[]," BOOT "}",
		"{" HEAD "\"state\":\"staged\",\"filesystems\":[]}",
		"{" HEAD "\"state\":\"staged\",\"filesystems\":{}," BOOT "}",
		"{" HEAD "\"state\":\"switching\",\"filesystems\":[]," BOOT "}",
		"{" HEAD "\"state\":\"staged\",\"filesystems\":[]," BOOT ",\"loader\":{}}",
		"{" HEAD "\"state\":\"staged\",\"filesystems\":[]," BOOT "," LOADER("grub", "") "}",
		"{" HEAD "\"state\":\"staged\",\"filesystems\":[]," BOOT
		"," LOADER("bios", "0") "}",
		PLAN("", ""),
		PLAN("/boot", ""), /* the first is the root */
		PLAN("/../etc", ""),
		PLAN("//", ""),
		PLAN("/", ENTRY("..", 1, 2)),
		PLAN("/", ENTRY("", 1, 2)),
		PLAN("/", ENTRY("a/b", 1, 2)),
		PLAN("/", ENTRY("%2F", 1, 2)),
		PLAN("/", ENTRY("%00", 1, 2)),
		PLAN("/", ENTRY("%2", 1, 2)),
		PLAN("/", ENTRY("%zz", 1, 2)),
		PLAN("/", ENTRY(".rehost", 1, 2)),
		PLAN("/", ENTRY("a", 0, 0)),
		PLAN("/", ENTRY("a", 5, 5)),
		PLAN("/", ENTRY("a", -1, 2)),
		PLAN("/", ENTRY("a", 1.5, 2)),
		PLAN("/", ENTRY("a", 99999999999999999999, 2)),
		PLAN("/", ENTRY("a", 1, 2) "," ENTRY("a", 3, 4)),
		PLAN("/", ENTRY("b", 1, 2) "," ENTRY("a", 3, 4)),
		PLAN("/", "{\"name\":\"a\",\"old_ino\":1,\"new_ino\":2,\"old_flags\":1}"),
		PLAN("/", "7"),
	};
	static const char good[] = "{" HEAD "\"state\":\"staged\",\"filesystems\":[]," BOOT
				   "," LOADER("uefi", "") "}";
	struct record x;
	struct err e;
	size_t i;

	(void)state;
	assert_int_equal(record_decode_payload(&x, PLAN("/", ENTRY("a", 1, 2)),
					       strlen(PLAN("/", ENTRY("a", 1, 2))), NULL),
			 0);
	record_done(&x);
	assert_int_equal(record_decode_payload(&x, good, strlen(good), NULL), 0);
	record_done(&x);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		e = ERR_INIT;
		if (record_decode_payload(&x, bad[i], strlen(bad[i]), &e) != -1)
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(e.code, ERR_RECORD);
	}
}

/* Any single damaged byte of a two-slot file gives a record that was stored, or an error. */
static void test_random_corruption(void **state)
{
	uint8_t *image = malloc(FILE_BYTES);
	uint64_t random = 20250901;
	struct record x;
	int i, k;

	(void)state;
	for (i = 0; i < 300; i++) {
		make_image(image, 1);
		for (k = 0; k <= i % 4; k++) {
			random = random * 6364136223846793005ull + 1442695040888963407ull;
			image[(random >> 33) % 700 + (random >> 20) % 2 * RECORD_SLOT_BYTES] ^=
				(uint8_t)(1 + (random >> 40) % 255);
		}
		if (record_decode(&x, image, FILE_BYTES, NULL) == 0) {
			assert_true(x.state == JOB_STAGED || x.state == JOB_EDITED);
			assert_int_equal(x.sequence, x.state == JOB_STAGED ? 1 : 2);
			record_done(&x);
		}
	}
	free(image);
}

static void test_limits(void **state)
{
	struct record x;
	struct strbuf p = STRBUF_INIT;
	struct err e = ERR_INIT;
	struct switch_fs *fs;
	char name[256];
	int i;

	(void)state;
	record_init(&x);
	assert_int_equal(record_encode(&x, &p, &e), -1); /* "none" is the absence of a record */
	x.state = JOB_SWITCHING;
	assert_int_equal(record_encode(&x, &p, NULL), -1); /* without a plan */
	fs = record_add_fs(&x, "u", "/");
	for (i = 0; i < 1000; i++) {
		struct switch_entry *entry;

		snprintf(name, sizeof(name), "%04d%0200d", i, 0);
		entry = switch_fs_add(fs, name);
		assert_non_null(entry);
		entry->old_ino = 1;
	}
	e = ERR_INIT;
	assert_int_equal(record_encode(&x, &p, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	record_drop_plan(&x);
	x.state = JOB_STAGED;
	for (i = 0; i < 200; i++)
		assert_int_equal(strlist_addf(&x.notes, "%0500d", i), 0);
	assert_int_equal(record_encode(&x, &p, &e), 0);
	record_done(&x);
	assert_int_equal(record_decode_payload(&x, p.data, p.len, &e), 0);
	assert_int_equal(x.notes.count, RECORD_NOTES_MAX);
	assert_int_equal(strlen(x.notes.items[0]), RECORD_NOTE_LEN);
	record_done(&x);
	strbuf_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_field_survives),
		cmocka_unit_test_setup_teardown(test_store_and_load, set_up, temp_root_close),
		cmocka_unit_test_setup_teardown(test_stale_store_is_refused, set_up,
						temp_root_close),
		cmocka_unit_test(test_every_prefix_of_a_write),
		cmocka_unit_test_setup_teardown(test_cut_first_store, set_up, temp_root_close),
		cmocka_unit_test_setup_teardown(test_damage, set_up, temp_root_close),
		cmocka_unit_test_setup_teardown(test_sequence_end, set_up, temp_root_close),
		cmocka_unit_test(test_other_version),
		cmocka_unit_test(test_hostile_payloads),
		cmocka_unit_test(test_random_corruption),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
