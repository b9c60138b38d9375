/* SPDX-License-Identifier: MIT */
#include "disk/efi_option.h"

#include <ctype.h>
#include <string.h>

#include "base/bytes.h"

enum {
	NODE_MEDIA = 4,
	NODE_MEDIA_DRIVE = 1,
	NODE_MEDIA_FILE = 4,
	NODE_END = 0x7f,
	DRIVE_LEN = 42,
	FORMAT_GPT = 2,
	SIGNATURE_GUID = 2,
};

static void add_le(struct strbuf *b, uint64_t v, unsigned bytes)
{
	for (; bytes--; v >>= 8)
		strbuf_addc(b, (char)(v & 0xff));
}

/* ---- text ---- */

/* One UTF-16 unit as UTF-8; halves of pairs and control bytes become '?'. Returns the bytes written. */
static size_t put_utf8(char *out, unsigned unit)
{
	if (unit < 0x20 || unit == 0x7f || (unit >= 0xd800 && unit < 0xe000))
		unit = '?';
	if (unit < 0x80) {
		out[0] = (char)unit;
		return 1;
	}
	if (unit < 0x800) {
		out[0] = (char)(0xc0 | unit >> 6);
		out[1] = (char)(0x80 | (unit & 0x3f));
		return 2;
	}
	out[0] = (char)(0xe0 | unit >> 12);
	out[1] = (char)(0x80 | (unit >> 6 & 0x3f));
	out[2] = (char)(0x80 | (unit & 0x3f));
	return 3;
}

/* Text up to a zero unit or the end. Returns the bytes taken, with the zero unit; *fits tells whether all went in. */
static size_t get_text(const uint8_t *p, size_t len, char *out, size_t size, bool *fits)
{
	size_t i, n = strlen(out);

	*fits = true;
	for (i = 0; i + 1 < len; i += 2) {
		unsigned unit = get_le16(p + i);

		if (!unit)
			return i + 2;
		if (n + 4 > size)
			*fits = false;
		else
			n += put_utf8(out + n, unit);
		out[n] = '\0';
	}
	return len;
}

static void add_text(struct strbuf *b, const char *s)
{
	for (; *s; s++)
		add_le(b, (unsigned char)*s, 2);
	add_le(b, 0, 2);
}

static bool is_plain(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
			return false;
	return true;
}

/* ---- GUIDs: the first three fields are little endian ---- */

static const uint8_t guid_order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

static void guid_text(const uint8_t *p, char *ret)
{
	unsigned i;

	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*ret++ = '-';
		ret += sprintf(ret, "%02x", p[guid_order[i]]);
	}
}

static int guid_bytes(const char *text, uint8_t *ret)
{
	unsigned i;

	for (i = 0; i < 16; i++) {
		char digits[3] = { text[0], text[0] ? text[1] : '\0', '\0' };

		if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1]))
			return -1;
		ret[guid_order[i]] = (uint8_t)strtoul(digits, NULL, 16);
		text += 2;
		if (i == 3 || i == 5 || i == 7 || i == 9) {
			if (*text++ != '-')
				return -1;
		}
	}
	return *text ? -1 : 0;
}

/* ---- reading ---- */

static void take_drive(struct efi_option *o, const uint8_t *node)
{
	o->partno = get_le32(node + 4);
	o->start = get_le64(node + 8);
	o->sectors = get_le64(node + 16);
	if (node[40] == FORMAT_GPT && node[41] == SIGNATURE_GUID)
		guid_text(node + 24, o->partuuid);
}

/* Several file nodes make one path; one backslash between them. */
static bool take_file(struct efi_option *o, const uint8_t *node, size_t len)
{
	size_t n = strlen(o->file);
	bool fits;

	if (n && o->file[n - 1] != '\\' && n + 1 < sizeof(o->file)) {
		o->file[n] = '\\';
		o->file[n + 1] = '\0';
	}
	get_text(node + 4, len - 4, o->file, sizeof(o->file), &fits);
	return fits;
}

/* The first instance of the device path. */
static int parse_path(struct efi_option *o, const uint8_t *p, size_t len, struct err *e)
{
	bool drive_seen = false;

	while (len >= 4) {
		size_t node = get_le16(p + 2);

		if (node < 4 || node > len)
			return err_set(e, ERR_EFI_OPTION, 0,
				       "a device path with a node of %zu bytes", node);
		if ((p[0] & 0x7f) == NODE_END)
			return 0;
		if (p[0] == NODE_MEDIA && p[1] == NODE_MEDIA_DRIVE && node == DRIVE_LEN &&
		    !drive_seen) {
			take_drive(o, p);
			drive_seen = true;
		} else if (p[0] == NODE_MEDIA && p[1] == NODE_MEDIA_FILE &&
			   !take_file(o, p, node)) {
			return err_set(e, ERR_EFI_OPTION, 0, "a file name that is too long");
		}
		p += node;
		len -= node;
	}
	return err_set(e, ERR_EFI_OPTION, 0, "a device path without an end");
}

int efi_option_parse(struct efi_option *ret, const void *data, size_t len, struct err *e)
{
	const uint8_t *p = data;
	struct efi_option o = { 0 };
	size_t path_len, text;
	bool fits;

	if (len < 6 || len > EFI_OPTION_MAX)
		return err_set(e, ERR_EFI_OPTION, 0, "a boot entry of %zu bytes", len);
	o.attributes = get_le32(p);
	path_len = get_le16(p + 4);
	text = get_text(p + 6, len - 6, o.description, sizeof(o.description), &fits);
	if (path_len > len - 6 - text)
		return err_set(e, ERR_EFI_OPTION, 0, "a boot entry that ends too early");
	if (parse_path(&o, p + 6 + text, path_len, e) < 0)
		return -1;
	*ret = o;
	return 0;
}

/* ---- writing ---- */

int efi_option_make(struct strbuf *out, const struct efi_option *o, struct err *e)
{
	struct strbuf path cleanup_strbuf = STRBUF_INIT;
	size_t file = strlen(o->file), before = out->len;
	uint8_t guid[16];

	if (guid_bytes(o->partuuid, guid) < 0 || !is_plain(o->description) || !is_plain(o->file) ||
	    o->file[0] != '\\')
		return err_set(e, ERR_EFI_OPTION, 0, "a boot entry for \"%s\" on %s", o->file,
			       o->partuuid);
	strbuf_addc(&path, NODE_MEDIA);
	strbuf_addc(&path, NODE_MEDIA_DRIVE);
	add_le(&path, DRIVE_LEN, 2);
	add_le(&path, o->partno, 4);
	add_le(&path, o->start, 8);
	add_le(&path, o->sectors, 8);
	strbuf_add(&path, guid, sizeof(guid));
	strbuf_addc(&path, FORMAT_GPT);
	strbuf_addc(&path, SIGNATURE_GUID);
	strbuf_addc(&path, NODE_MEDIA);
	strbuf_addc(&path, NODE_MEDIA_FILE);
	add_le(&path, 4 + (file + 1) * 2, 2);
	add_text(&path, o->file);
	strbuf_add(&path, "\x7f\xff\x04\x00", 4);
	add_le(out, o->attributes, 4);
	add_le(out, path.len, 2);
	add_text(out, o->description);
	strbuf_add(out, strbuf_str(&path), path.len);
	if (path.failed || out->failed)
		return err_set(e, ERR_NOMEM, 0, "a boot entry");
	if (out->len - before > EFI_OPTION_MAX)
		return err_set(e, ERR_EFI_OPTION, 0, "a boot entry that is too long");
	return 0;
}

/* ---- names ---- */

bool efi_file_to_path(const char *file, char *buf, size_t size)
{
	size_t i, part = 0;

	if (file[0] != '\\' || strlen(file) + 1 > size || !file[1])
		return false;
	for (i = 0; file[i]; i++) {
		char c = file[i];

		if (c == '\\') {
			if (i && (part == 0 || strspn(file + i - part, ".") >= part))
				return false;
			buf[i] = '/';
			part = 0;
			continue;
		}
		if (!isalnum((unsigned char)c) && !strchr("._-+~", c))
			return false;
		buf[i] = c;
		part++;
	}
	buf[i] = '\0';
	return part > 0 && strspn(file + i - part, ".") < part;
}

int efi_boot_number(const char *name)
{
	int i, n = 0;

	if (!str_starts(name, "Boot") || strlen(name) != 8)
		return -1;
	for (i = 4; i < 8; i++) {
		const char *digits = "0123456789ABCDEF", *at = strchr(digits, name[i]);

		if (!at)
			return -1;
		n = n * 16 + (int)(at - digits);
	}
	return n;
}
