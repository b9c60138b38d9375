/* SPDX-License-Identifier: MIT */
#include "job/efi_state.h"

#include <ctype.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"

#define STATE_MAX (256 * 1024)
#define STUB_MAX 16384
#define REMOVABLE "EFI/BOOT/BOOTX64.EFI"

void efi_state_done(struct efi_state *s)
{
	free(s->stub);
	s->stub = NULL;
}

int efi_state_take(struct efi_state *ret, const struct efivars *vars, const struct volume *v,
		   const struct root *esp, struct err *e)
{
	struct efi_boot *b cleanup_free = malloc(sizeof(*b));
	const struct efi_entry *first;

	*ret = (struct efi_state){ 0 };
	if (!b)
		return err_set(e, ERR_NOMEM, 0, "boot entries");
	if (efi_boot_read(b, vars, e) < 0)
		return -1;
	snprintf(ret->esp, sizeof(ret->esp), "%s", v->partuuid);
	ret->order_count = b->order_count;
	memcpy(ret->order, b->order, sizeof(ret->order));
	first = efi_boot_first(b, "\\EFI\\rehost");
	if (first) {
		ret->has_old = true;
		ret->old_number = first->number;
		snprintf(ret->old_file, sizeof(ret->old_file), "%s", first->option.file);
		snprintf(ret->old_esp, sizeof(ret->old_esp), "%s", first->option.partuuid);
	}
	ret->has_removable = root_is_file(esp, REMOVABLE);
	return 0;
}

/* ---- text ---- */

int efi_state_encode(const struct efi_state *s, struct strbuf *out, struct err *e)
{
	json_t *order = json_array(), *root;
	char *text cleanup_free = NULL;
	unsigned i;

	for (i = 0; i < s->order_count; i++)
		json_array_append_new(order, json_integer(s->order[i]));
	root = json_pack("{s:i,s:s,s:o,s:b,s:i,s:s,s:s,s:b,s:s,s:s,s:s,s:b}", "version", 1, "esp",
			 s->esp, "order", order, "has_old", (int)s->has_old, "old_number",
			 (int)s->old_number, "old_file", s->old_file, "old_esp", s->old_esp,
			 "has_removable", (int)s->has_removable, "vendor", s->vendor, "loader",
			 s->loader, "vendor_hash", s->vendor_hash, "has_stub", (int)s->has_stub);
	if (root && s->stub)
		json_object_set_new(root, "stub", json_string(s->stub));
	if (root && *s->removable)
		json_object_set_new(root, "removable", json_string(s->removable));
	text = root && (!s->stub || json_object_get(root, "stub")) ? json_dumps(root, JSON_COMPACT)
								   : NULL;
	json_decref(root);
	if (!text)
		return err_set(e, ERR_ESP, 0, "what the partition holds cannot be written down");
	strbuf_adds(out, text);
	return out->failed ? err_set(e, ERR_NOMEM, 0, "saving the boot entries") : 0;
}

static bool take_text(const json_t *root, const char *key, char *ret, size_t size)
{
	const char *s = json_string_value(json_object_get(root, key));

	if (!s || strlen(s) >= size)
		return false;
	memcpy(ret, s, strlen(s) + 1);
	return true;
}

static bool take_bool(const json_t *root, const char *key, bool *ret)
{
	const json_t *v = json_object_get(root, key);

	*ret = json_is_true(v);
	return json_is_boolean(v);
}

static bool take_order(const json_t *root, struct efi_state *s)
{
	const json_t *order = json_object_get(root, "order");
	size_t i;

	if (!json_is_array(order) || json_array_size(order) > EFI_ENTRIES_MAX)
		return false;
	for (i = 0; i < json_array_size(order); i++) {
		json_int_t n = json_integer_value(json_array_get(order, i));

		if (!json_is_integer(json_array_get(order, i)) || n < 0 || n > 0xffff)
			return false;
		s->order[s->order_count++] = (uint16_t)n;
	}
	return true;
}

/* A name of one folder or file: it becomes part of a path. */
static bool is_name(const char *s)
{
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("._-+", *s))
			return false;
	return true;
}

static bool decode_all(struct efi_state *s, const json_t *root)
{
	const json_t *number = json_object_get(root, "old_number"),
		     *stub = json_object_get(root, "stub");
	json_int_t n = json_integer_value(number);

	if (json_integer_value(json_object_get(root, "version")) != 1 || !take_order(root, s) ||
	    !take_text(root, "esp", s->esp, sizeof(s->esp)) ||
	    !take_bool(root, "has_old", &s->has_old) || !json_is_integer(number) || n < 0 ||
	    n > 0xffff || !take_text(root, "old_file", s->old_file, sizeof(s->old_file)) ||
	    !take_text(root, "old_esp", s->old_esp, sizeof(s->old_esp)) ||
	    !take_bool(root, "has_removable", &s->has_removable) ||
	    !take_text(root, "vendor", s->vendor, sizeof(s->vendor)) || !is_name(s->vendor) ||
	    s->vendor[0] == '.' || !take_text(root, "loader", s->loader, sizeof(s->loader)) ||
	    !is_name(s->loader) || s->loader[0] == '.' ||
	    !take_text(root, "vendor_hash", s->vendor_hash, sizeof(s->vendor_hash)) ||
	    !take_bool(root, "has_stub", &s->has_stub))
		return false;
	s->old_number = (uint16_t)n;
	if (json_object_get(root, "removable") &&
	    (!take_text(root, "removable", s->removable, sizeof(s->removable)) ||
	     strlen(s->removable) != SHA256_HEX_LEN))
		return false;
	if (!stub)
		return true;
	if (!json_is_string(stub) || json_string_length(stub) > STUB_MAX)
		return false;
	s->stub = strdup(json_string_value(stub));
	return s->stub != NULL;
}

int efi_state_decode(struct efi_state *ret, const char *text, size_t len, struct err *e)
{
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	struct efi_state s = { 0 };
	bool good = json_is_object(root) && decode_all(&s, root);

	json_decref(root);
	if (!good) {
		efi_state_done(&s);
		return err_set(e, ERR_ESP, 0, "what was saved of the boot entries is damaged");
	}
	*ret = s;
	return 0;
}

int efi_state_store(const struct efi_state *s, const struct root *fs, const char *path,
		    char *ret_hex, uint64_t *ret_bytes, struct err *e)
{
	static const struct root_meta meta = { .uid = 0, .gid = 0, .mode = 0600 };
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	uint8_t digest[SHA256_LEN];

	if (efi_state_encode(s, &text, e) < 0)
		return -1;
	if (root_replace(fs, path, text.data, text.len, &meta, e) < 0)
		return err_ctx(e, "saving the boot entries");
	sha256_of(text.data, text.len, digest);
	if (ret_hex)
		hex_of(digest, sizeof(digest), ret_hex);
	if (ret_bytes)
		*ret_bytes = text.len;
	return 0;
}

int efi_state_load(struct efi_state *ret, const struct root *fs, const char *path, const char *hex,
		   struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char now[SHA256_HEX_LEN + 1];
	uint8_t digest[SHA256_LEN];

	if (root_read(fs, path, &text, STATE_MAX, e) < 0)
		return err_ctx(e, "reading the saved boot entries");
	sha256_of(strbuf_str(&text), text.len, digest);
	hex_of(digest, sizeof(digest), now);
	if (hex && strcmp(hex, now) != 0)
		return err_set(e, ERR_ESP, 0, "/%s is damaged", path);
	return efi_state_decode(ret, strbuf_str(&text), text.len, e);
}

/* ---- stubs ---- */

/* The word behind a word, or the rest of an assignment; without quotes. False: not there. */
static bool stub_value(const char *text, const char *before, char *ret, size_t size)
{
	const char *at = strstr(text, before);
	size_t n = 0;

	if (!at)
		return false;
	for (at += strlen(before); *at && !strchr(" \t\r\n", *at) && n + 1 < size; at++)
		if (*at != '\'' && *at != '"')
			ret[n++] = *at;
	ret[n] = '\0';
	return n > 0;
}

bool efi_stub_is_same(const char *a, const char *b)
{
	static const char *const parts[] = { "search.fs_uuid ", "set prefix=" };
	char x[256], y[256];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(parts); i++)
		if (!stub_value(a, parts[i], x, sizeof(x)) ||
		    !stub_value(b, parts[i], y, sizeof(y)) || strcmp(x, y) != 0)
			return false;
	return true;
}

bool efi_stub_uuid(const char *text, char *ret, size_t size)
{
	return stub_value(text, "search.fs_uuid ", ret, size);
}
