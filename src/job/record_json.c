/* SPDX-License-Identifier: MIT */
/* J's payload: record to JSON and back. Reading trusts nothing: every key is known, every value has a limit. */
#include <limits.h>
#include <linux/fs.h>
#include <string.h>

#include "base/json.h"
#include "job/record.h"

#define VERSION 1
#define ENTRIES_MAX 8192
#define UUID_LEN_MAX 63
#define MOUNT_LEN_MAX 1023
#define FLAGS_ALLOWED (uint32_t)(FS_IMMUTABLE_FL | FS_APPEND_FL)

static const char *const loader_names[] = {
	[LOADER_NONE] = "none", [LOADER_BIOS] = "bios", [LOADER_UEFI] = "uefi"
};
static const char *const intent_names[] = { [INTENT_MOVE] = "move", [INTENT_COPY] = "copy" };

/* ---- names as text: JSON holds UTF-8, a file name any byte ---- */

static void text_encode(struct strbuf *b, const char *name)
{
	for (; *name; name++) {
		unsigned char c = (unsigned char)*name;

		if (c < 0x20 || c > 0x7e || c == '%')
			strbuf_addf(b, "%%%02X", c);
		else
			strbuf_addc(b, (char)c);
	}
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* NULL when it is not what text_encode makes, or longer than max bytes. */
static char *text_decode(const char *text, size_t max)
{
	char *out = malloc(strlen(text) + 1);
	size_t n = 0;

	for (; out && *text; text++, n++) {
		int hi, lo;

		if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
			break;
		out[n] = *text;
		if (*text != '%')
			continue;
		hi = hex_digit(text[1]);
		lo = hi < 0 ? -1 : hex_digit(text[2]);
		if (lo < 0 || hi * 16 + lo == 0)
			break;
		out[n] = (char)(hi * 16 + lo);
		text += 2;
	}
	if (out && (*text || n > max)) {
		free(out);
		return NULL;
	}
	if (out)
		out[n] = '\0';
	return out;
}

/* ---- rules that hold for every record, stored or read ---- */

static bool is_hex(const char *s, size_t len)
{
	return strlen(s) == len && strspn(s, "0123456789abcdef") == len;
}

static bool is_digest(const char *s)
{
	return !*s || is_hex(s, 64);
}

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
			return false;
	return true;
}

static bool is_entry_name(const char *s)
{
	return *s && strlen(s) <= NAME_MAX && !strchr(s, '/') && strcmp(s, ".") != 0 &&
	       strcmp(s, "..") != 0 && strcmp(s, ".rehost") != 0 && strcmp(s, "lost+found") != 0;
}

static bool is_mount_path(const char *s)
{
	const char *p;

	if (*s != '/' || strlen(s) > MOUNT_LEN_MAX)
		return false;
	if (!s[1])
		return true;
	for (p = s; *p; p += 1 + strcspn(p + 1, "/")) {
		size_t len = strcspn(p + 1, "/");

		if (len == 0 || (len <= 2 && strspn(p + 1, ".") >= len))
			return false;
	}
	return true;
}

static bool are_dirs_valid(const struct switch_dir *d)
{
	return d->mode <= 07777 && !(d->flags & ~FLAGS_ALLOWED);
}

/* What is wrong with a plan; NULL: nothing. */
static const char *plan_flaw(const struct record *r)
{
	unsigned i, k;

	for (i = 0; i < r->fs_count; i++) {
		const struct switch_fs *fs = &r->filesystems[i];

		if (!is_mount_path(fs->mount) || (i == 0) != (strcmp(fs->mount, "/") == 0))
			return "the mount point of a file system";
		for (k = 0; k < i; k++)
			if (strcmp(r->filesystems[k].mount, fs->mount) == 0)
				return "two file systems on one mount point";
		if (!*fs->uuid || strlen(fs->uuid) > UUID_LEN_MAX || !is_printable(fs->uuid))
			return "the id of a file system";
		if (!are_dirs_valid(&fs->old_dir) || !are_dirs_valid(&fs->new_dir))
			return "the top directory of a file system";
		for (k = 0; k < fs->entry_count; k++) {
			const struct switch_entry *x = &fs->entries[k];

			if (!is_entry_name(x->name) ||
			    (k && strcmp(fs->entries[k - 1].name, x->name) >= 0))
				return "the name of an entry";
			if (x->old_ino == x->new_ino || x->old_ino > LLONG_MAX ||
			    x->new_ino > LLONG_MAX)
				return "the inode numbers of an entry";
			if ((x->old_flags | x->new_flags) & ~FLAGS_ALLOWED)
				return "the flags of an entry";
		}
	}
	return NULL;
}

static const char *record_flaw(const struct record *r)
{
	if (r->state <= JOB_NONE || r->state >= JOB_STATE_COUNT)
		return "state";
	if (!is_hex(r->job_id, 16))
		return "job_id";
	if ((unsigned)r->intent >= ARRAY_SIZE(intent_names))
		return "intent";
	if (!is_printable(r->token) || !is_printable(r->boot_disk) ||
	    !is_printable(r->boot_table_id))
		return "token or boot disk";
	if (!is_digest(r->edits_fingerprint) || !is_digest(r->boot_saved_sha256) ||
	    !is_digest(r->boot_new_sha256))
		return "a checksum";
	if (r->boot_saved_bytes > LLONG_MAX)
		return "boot.saved_bytes";
	if (r->state >= JOB_SWITCHING && r->fs_count == 0)
		return "the plan is missing";
	if ((unsigned)r->loader >= ARRAY_SIZE(loader_names) || !is_printable(r->loader_fs_uuid) ||
	    r->loader_lba > LLONG_MAX || (*r->nonce && !is_hex(r->nonce, 16)))
		return "the private loader";
	return plan_flaw(r);
}

/* ---- writing ---- */

static json_t *encode_name(const char *name)
{
	struct strbuf b cleanup_strbuf = STRBUF_INIT;

	text_encode(&b, name);
	return b.failed ? NULL : json_string(strbuf_str(&b));
}

static json_t *encode_dir(const struct switch_dir *d)
{
	return json_pack("[I,I,I,I]", (json_int_t)d->mode, (json_int_t)d->uid, (json_int_t)d->gid,
			 (json_int_t)d->flags);
}

static json_t *encode_entry(const struct switch_entry *x)
{
	json_t *v = json_pack("{s:o,s:I,s:I}", "name", encode_name(x->name), "old_ino",
			      (json_int_t)x->old_ino, "new_ino", (json_int_t)x->new_ino);

	if (v && x->old_flags)
		json_object_set_new(v, "old_flags", json_integer(x->old_flags));
	if (v && x->new_flags)
		json_object_set_new(v, "new_flags", json_integer(x->new_flags));
	return v;
}

static json_t *encode_fs(const struct switch_fs *fs)
{
	json_t *entries = json_array();
	unsigned i;

	for (i = 0; i < fs->entry_count; i++)
		if (json_array_append_new(entries, encode_entry(&fs->entries[i])) < 0) {
			json_decref(entries);
			return NULL;
		}
	return json_pack("{s:s,s:o,s:o,s:o,s:o}", "uuid", fs->uuid, "mount", encode_name(fs->mount),
			 "old_dir", encode_dir(&fs->old_dir), "new_dir", encode_dir(&fs->new_dir),
			 "entries", entries);
}

static json_t *encode_notes(const struct strlist *notes)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < notes->count && i < RECORD_NOTES_MAX; i++) {
		char escaped[RECORD_NOTE_LEN + 1];

		snprintf(escaped, sizeof(escaped), "%s", notes->items[i]);
		if (strlen(notes->items[i]) > RECORD_NOTE_LEN) { /* not inside a character */
			size_t n = RECORD_NOTE_LEN;

			while (n && ((unsigned char)notes->items[i][n] & 0xc0) == 0x80)
				n--;
			escaped[n] = '\0';
		}
		json_array_append_new(array, json_text(escaped));
	}
	return array;
}

/* Left out while there is nothing to say. */
static int encode_loader(const struct record *r, json_t *root)
{
	if (r->loader == LOADER_NONE && !*r->nonce && r->trials == 0 && r->trial_minutes == 0)
		return 0;
	return json_object_set_new(root, "loader",
				   json_pack("{s:s,s:s,s:I,s:I,s:s,s:I,s:I}", "kind",
					     loader_names[r->loader], "fs_uuid", r->loader_fs_uuid,
					     "lba", (json_int_t)r->loader_lba, "sectors",
					     (json_int_t)r->loader_sectors, "nonce", r->nonce,
					     "trial_minutes", (json_int_t)r->trial_minutes,
					     "trials", (json_int_t)r->trials));
}

int record_encode(const struct record *r, struct strbuf *payload, struct err *e)
{
	const char *flaw = record_flaw(r);
	json_t *root, *filesystems;
	char *text cleanup_free = NULL;
	unsigned i;
	bool ok = true;

	if (flaw)
		return err_set(e, ERR_INTERNAL, 0, "a job record that breaks its rules: %s", flaw);
	filesystems = json_array();
	for (i = 0; i < r->fs_count; i++)
		ok &= json_array_append_new(filesystems, encode_fs(&r->filesystems[i])) == 0;
	root = json_pack("{s:i,s:s,s:s,s:s,s:s,s:b,s:s,s:o,s:o,s:{s:s,s:s,s:s,s:I,s:s}}", "version",
			 VERSION, "state", job_state_name(r->state), "job_id", r->job_id, "intent",
			 intent_names[r->intent], "token", r->token, "stage_booted",
			 (int)r->stage_booted, "edits_fingerprint", r->edits_fingerprint, "notes",
			 encode_notes(&r->notes), "filesystems", filesystems, "boot", "disk",
			 r->boot_disk, "table_id", r->boot_table_id, "saved_sha256",
			 r->boot_saved_sha256, "saved_bytes", (json_int_t)r->boot_saved_bytes,
			 "new_sha256", r->boot_new_sha256);
	ok &= root && encode_loader(r, root) == 0;
	text = ok ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	if (!text)
		return err_set(e, ERR_NOMEM, 0, "writing the job record");
	if (strlen(text) > RECORD_PAYLOAD_MAX)
		return err_set(e, ERR_LIMIT, 0,
			       "the plan of the switch has too many top-level names (%zu bytes)",
			       strlen(text));
	strbuf_adds(payload, text);
	return payload->failed ? err_set(e, ERR_NOMEM, 0, "writing the job record") : 0;
}

/* ---- reading ---- */

/* One object being read. Every get counts its key; at the end the object must have no other. */
struct reader {
	json_t *object;
	size_t used;
	const char *flaw; /* the first key that was wrong; NULL: none */
};

static json_t *get(struct reader *in, const char *key)
{
	json_t *v = json_object_get(in->object, key);

	if (v)
		in->used++;
	return v;
}

static void complain(struct reader *in, const char *key)
{
	if (!in->flaw)
		in->flaw = key;
}

static const char *get_string(struct reader *in, const char *key)
{
	const char *s = json_string_value(get(in, key));

	if (!s)
		complain(in, key);
	return s ? s : "";
}

static void get_chars(struct reader *in, const char *key, char *ret, size_t size)
{
	const char *s = get_string(in, key);

	if (strlen(s) >= size)
		complain(in, key);
	else
		memcpy(ret, s, strlen(s) + 1);
}

static uint64_t to_number(struct reader *in, const char *key, const json_t *v, uint64_t max)
{
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v) || n < 0 || (uint64_t)n > max) {
		complain(in, key);
		return 0;
	}
	return (uint64_t)n;
}

static uint64_t get_number(struct reader *in, const char *key, uint64_t max)
{
	return to_number(in, key, get(in, key), max);
}

static uint32_t get_flags(struct reader *in, const char *key)
{
	json_t *v = get(in, key);

	return v ? (uint32_t)to_number(in, key, v, UINT32_MAX) : 0;
}

static void get_dir(struct reader *in, const char *key, struct switch_dir *ret)
{
	json_t *v = get(in, key);

	if (json_array_size(v) != 4) {
		complain(in, key);
		return;
	}
	ret->mode = (uint32_t)to_number(in, key, json_array_get(v, 0), UINT32_MAX);
	ret->uid = (uint32_t)to_number(in, key, json_array_get(v, 1), UINT32_MAX);
	ret->gid = (uint32_t)to_number(in, key, json_array_get(v, 2), UINT32_MAX);
	ret->flags = (uint32_t)to_number(in, key, json_array_get(v, 3), UINT32_MAX);
}

/* The object is known completely: nothing missing, nothing else in it. */
static const char *finish(struct reader *in)
{
	if (!in->flaw && json_object_size(in->object) != in->used)
		in->flaw = "a key this version does not know";
	return in->flaw;
}

static const char *decode_entry(struct switch_fs *fs, json_t *v)
{
	struct reader in = { .object = v };
	char *name cleanup_free = text_decode(get_string(&in, "name"), NAME_MAX);
	struct switch_entry *x = name ? switch_fs_add(fs, name) : NULL;

	if (!x)
		return "name";
	x->old_ino = get_number(&in, "old_ino", LLONG_MAX);
	x->new_ino = get_number(&in, "new_ino", LLONG_MAX);
	x->old_flags = get_flags(&in, "old_flags");
	x->new_flags = get_flags(&in, "new_flags");
	return finish(&in);
}

static const char *decode_fs(struct record *r, json_t *v, size_t *entries_left)
{
	struct reader in = { .object = v };
	const char *uuid = get_string(&in, "uuid");
	char *mount cleanup_free = text_decode(get_string(&in, "mount"), MOUNT_LEN_MAX);
	json_t *entries = get(&in, "entries");
	struct switch_fs *fs = mount ? record_add_fs(r, uuid, mount) : NULL;
	size_t i, count = json_array_size(entries);
	const char *flaw;

	if (!fs)
		return "mount";
	if (!json_is_array(entries) || count > *entries_left)
		return "entries";
	*entries_left -= count;
	get_dir(&in, "old_dir", &fs->old_dir);
	get_dir(&in, "new_dir", &fs->new_dir);
	for (i = 0; i < count; i++) {
		flaw = decode_entry(fs, json_array_get(entries, i));
		if (flaw)
			return flaw;
	}
	return finish(&in);
}

static const char *decode_lists(struct record *r, struct reader *in)
{
	json_t *notes = get(in, "notes");
	json_t *filesystems = get(in, "filesystems");
	size_t i, entries_left = ENTRIES_MAX;
	const char *flaw;

	if (!json_is_array(notes) || json_array_size(notes) > RECORD_NOTES_MAX)
		return "notes";
	for (i = 0; i < json_array_size(notes); i++) {
		const char *s = json_string_value(json_array_get(notes, i));

		/* json_text may have made four bytes of each one */
		if (!s || strlen(s) > (size_t)RECORD_NOTE_LEN * 4 || strlist_add(&r->notes, s) < 0)
			return "notes";
	}
	if (!json_is_array(filesystems) || json_array_size(filesystems) > RECORD_FS_MAX)
		return "filesystems";
	for (i = 0; i < json_array_size(filesystems); i++) {
		flaw = decode_fs(r, json_array_get(filesystems, i), &entries_left);
		if (flaw)
			return flaw;
	}
	return NULL;
}

static const char *decode_boot(struct record *r, json_t *v)
{
	struct reader in = { .object = v };

	get_chars(&in, "disk", r->boot_disk, sizeof(r->boot_disk));
	get_chars(&in, "table_id", r->boot_table_id, sizeof(r->boot_table_id));
	get_chars(&in, "saved_sha256", r->boot_saved_sha256, sizeof(r->boot_saved_sha256));
	r->boot_saved_bytes = get_number(&in, "saved_bytes", LLONG_MAX);
	get_chars(&in, "new_sha256", r->boot_new_sha256, sizeof(r->boot_new_sha256));
	return finish(&in);
}

static const char *decode_loader(struct record *r, json_t *v)
{
	struct reader in = { .object = v };
	const char *kind;
	unsigned k = 0;

	if (!v)
		return NULL;
	kind = get_string(&in, "kind");
	while (k < ARRAY_SIZE(loader_names) && strcmp(loader_names[k], kind) != 0)
		k++;
	if (k == ARRAY_SIZE(loader_names))
		return "kind";
	r->loader = (enum loader_kind)k;
	get_chars(&in, "fs_uuid", r->loader_fs_uuid, sizeof(r->loader_fs_uuid));
	r->loader_lba = get_number(&in, "lba", LLONG_MAX);
	r->loader_sectors = (uint32_t)get_number(&in, "sectors", UINT32_MAX);
	get_chars(&in, "nonce", r->nonce, sizeof(r->nonce));
	r->trial_minutes = (uint32_t)get_number(&in, "trial_minutes", UINT32_MAX);
	r->trials = (uint32_t)get_number(&in, "trials", UINT32_MAX);
	return finish(&in);
}

static enum job_state state_of(const char *name)
{
	enum job_state s;

	for (s = JOB_NONE; s < JOB_STATE_COUNT; s++)
		if (strcmp(job_state_name(s), name) == 0)
			return s;
	return JOB_STATE_COUNT;
}

/* Fills r as far as it goes; the first flaw, or NULL. */
static const char *decode_object(struct record *r, json_t *object)
{
	struct reader in = { .object = object };
	const char *intent, *flaw;
	json_t *booted;

	get_number(&in, "version", VERSION);
	r->state = state_of(get_string(&in, "state"));
	get_chars(&in, "job_id", r->job_id, sizeof(r->job_id));
	intent = get_string(&in, "intent");
	if (strcmp(intent, intent_names[INTENT_MOVE]) == 0)
		r->intent = INTENT_MOVE;
	else if (strcmp(intent, intent_names[INTENT_COPY]) == 0)
		r->intent = INTENT_COPY;
	else
		complain(&in, "intent");
	get_chars(&in, "token", r->token, sizeof(r->token));
	booted = get(&in, "stage_booted");
	if (!json_is_boolean(booted))
		complain(&in, "stage_booted");
	r->stage_booted = json_is_true(booted);
	get_chars(&in, "edits_fingerprint", r->edits_fingerprint, sizeof(r->edits_fingerprint));
	flaw = decode_lists(r, &in);
	if (!flaw)
		flaw = decode_boot(r, get(&in, "boot"));
	if (!flaw)
		flaw = decode_loader(r, get(&in, "loader"));
	if (!flaw)
		flaw = finish(&in);
	return flaw ? flaw : record_flaw(r);
}

int record_decode_payload(struct record *ret, const void *payload, size_t len, struct err *e)
{
	json_error_t why;
	json_t *object, *version;
	struct record r = { 0 };
	const char *flaw;

	if (len > RECORD_PAYLOAD_MAX)
		return err_set(e, ERR_RECORD, 0, "%zu bytes are too many", len);
	object = json_loadb(payload, len, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(object)) {
		json_decref(object);
		return err_set(e, ERR_RECORD, 0, "the job record is not a JSON object");
	}
	version = json_object_get(object, "version");
	if (json_is_integer(version) && json_integer_value(version) != VERSION) {
		err_set(e, ERR_RECORD_VERSION, 0, "it has version %lld, this rehost knows %d",
			(long long)json_integer_value(version), VERSION);
		json_decref(object);
		return -1;
	}
	flaw = decode_object(&r, object);
	if (flaw) {
		err_set(e, ERR_RECORD, 0, "the job record has a wrong value: %s", flaw);
		json_decref(object);
		record_done(&r);
		return -1;
	}
	json_decref(object);
	*ret = r;
	return 0;
}
