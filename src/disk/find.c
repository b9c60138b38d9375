/* SPDX-License-Identifier: MIT */
/* Names of disks and volumes: references in, tokens and stable names out. Nothing here touches a device. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/str.h"
#include "disk/scan.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* udev writes bytes it does not like in link names as \xNN. */
static bool copy_value(char *dst, size_t size, const char *src, size_t len, bool decode)
{
	size_t used = 0, i;

	for (i = 0; i < len; i++) {
		char c = src[i];

		if (decode && c == '\\' && i + 3 < len && src[i + 1] == 'x' &&
		    hex_digit(src[i + 2]) >= 0 && hex_digit(src[i + 3]) >= 0) {
			c = (char)(hex_digit(src[i + 2]) * 16 + hex_digit(src[i + 3]));
			i += 3;
		}
		if (c == '\0' || used + 1 >= size)
			return false;
		dst[used++] = c;
	}
	dst[used] = '\0';
	return used > 0;
}

enum ref_kind disk_parse_reference(const char *reference, char *value, size_t size)
{
	static const struct {
		const char *prefix;
		enum ref_kind kind;
		bool is_link;
	} forms[] = {
		{ "UUID=", REF_UUID, false },
		{ "LABEL=", REF_LABEL, false },
		{ "PARTUUID=", REF_PARTUUID, false },
		{ "PARTLABEL=", REF_PARTLABEL, false },
		{ "/dev/disk/by-uuid/", REF_UUID, true },
		{ "/dev/disk/by-label/", REF_LABEL, true },
		{ "/dev/disk/by-partuuid/", REF_PARTUUID, true },
		{ "/dev/disk/by-partlabel/", REF_PARTLABEL, true },
		{ "/dev/", REF_PATH, false },
	};
	size_t i, len;

	if (size == 0)
		return REF_NONE;
	*value = '\0';
	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		const char *text = reference;

		if (!str_starts(reference, forms[i].prefix))
			continue;
		if (forms[i].kind != REF_PATH)
			text += strlen(forms[i].prefix);
		len = strlen(text);
		if (len >= 2 && (*text == '"' || *text == '\'') && text[len - 1] == *text) {
			text++;
			len -= 2;
		}
		return copy_value(value, size, text, len, forms[i].is_link) ? forms[i].kind
									    : REF_NONE;
	}
	return REF_NONE;
}

/* /dev/GROUP/VOLUME is /dev/mapper/GROUP-VOLUME with every dash inside the two names doubled. */
static bool is_logical_volume(const struct volume *v, const char *path)
{
	struct strbuf name cleanup_strbuf = STRBUF_INIT;
	const char *p = path + strlen("/dev/");

	if (!v->stack || strcmp(v->stack, "lvm") != 0 || !str_starts(path, "/dev/"))
		return false;
	strbuf_adds(&name, "/dev/mapper/");
	for (; *p; p++) {
		if (*p == '-')
			strbuf_addc(&name, '-');
		strbuf_addc(&name, *p == '/' ? '-' : *p);
	}
	return strcmp(strbuf_str(&name), v->path) == 0;
}

static bool volume_matches(const struct volume *v, enum ref_kind kind, const char *value)
{
	switch (kind) {
	case REF_UUID: /* hexadecimal digits may be written in either case */
		return v->uuid && strcasecmp(v->uuid, value) == 0;
	case REF_PARTUUID:
		return v->partuuid && strcasecmp(v->partuuid, value) == 0;
	case REF_LABEL:
		return v->label && strcmp(v->label, value) == 0;
	case REF_PARTLABEL:
		return v->partlabel && strcmp(v->partlabel, value) == 0;
	case REF_PATH:
		return strcmp(v->path, value) == 0 || is_logical_volume(v, value);
	case REF_NONE:
		break;
	}
	return false;
}

/* /dev/disk/by-id/X or X-partN, against the names udev would have made. */
static bool by_id_matches(const struct disk_scan *scan, const struct volume *v, const char *path)
{
	char *id cleanup_free = disk_by_id(&scan->disks[v->disk]);
	struct strbuf want cleanup_strbuf = STRBUF_INIT;

	if (!id || v->stack)
		return false;
	strbuf_adds(&want, id);
	if (v->partno)
		strbuf_addf(&want, "-part%u", v->partno);
	return strcmp(strbuf_str(&want), path) == 0;
}

const struct volume *disk_find(const struct disk_scan *scan, const char *reference)
{
	const struct volume *found = NULL;
	char value[512];
	enum ref_kind kind = disk_parse_reference(reference, value, sizeof(value));
	unsigned i;

	for (i = 0; i < scan->volume_count && kind != REF_NONE; i++) {
		const struct volume *v = &scan->volumes[i];

		if (!volume_matches(v, kind, value) &&
		    !(kind == REF_PATH && str_starts(value, "/dev/disk/by-id/") &&
		      by_id_matches(scan, v, value)))
			continue;
		if (found)
			return NULL;
		found = v;
	}
	return found;
}

/* udev replaces what is not plain by '_' in names made of device strings, blanks in runs by one. */
static void add_udev_name(struct strbuf *b, const char *s)
{
	for (; *s; s++) {
		if (isspace((unsigned char)*s)) {
			if (s[1] && !isspace((unsigned char)s[1]))
				strbuf_addc(b, '_');
		} else if (isalnum((unsigned char)*s) || strchr("#+-.:=@_", *s)) {
			strbuf_addc(b, *s);
		} else {
			strbuf_addc(b, '_');
		}
	}
}

char *disk_by_id(const struct disk *d)
{
	struct strbuf b = STRBUF_INIT;
	const char *name = strrchr(d->path, '/');

	name = name ? name + 1 : d->path;
	strbuf_adds(&b, "/dev/disk/by-id/");
	if (str_starts(name, "vd") && d->serial) {
		strbuf_adds(&b, "virtio-");
		add_udev_name(&b, d->serial);
	} else if (str_starts(name, "nvme") && d->wwid &&
		   (str_starts(d->wwid, "eui.") || str_starts(d->wwid, "nvme."))) {
		/* the rule is nvme-$attr{wwid}, for which no string has to be cleaned */
		strbuf_adds(&b, "nvme-");
		add_udev_name(&b, d->wwid);
	} else if (str_starts(name, "sd") && d->wwid && str_starts(d->wwid, "naa.")) {
		strbuf_addf(&b, "wwn-0x%s", d->wwid + 4);
	} else {
		strbuf_done(&b);
		return NULL;
	}
	return strbuf_take(&b);
}

static void add_field(struct strbuf *b, const char *name, const char *value)
{
	/* The length keeps two fields from being read as one. */
	strbuf_addf(b, "%s:%zu:%s\n", name, value ? strlen(value) : 0, value ? value : "");
}

void disk_token(const struct disk_scan *scan, unsigned disk, char *ret)
{
	/* No 0, 1, l, o: the token is read from a screen and typed. */
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
	struct strbuf b cleanup_strbuf = STRBUF_INIT;
	const struct disk *d = &scan->disks[disk];
	uint8_t digest[SHA256_LEN];
	unsigned i, bit;

	strbuf_addf(&b, "rehost-token-1\nsize:%" PRIu64 "\n", d->size_bytes);
	add_field(&b, "serial", d->serial);
	add_field(&b, "table", d->table);
	add_field(&b, "table-id", d->table_id);
	for (i = 0; i < scan->volume_count; i++) {
		const struct volume *v = &scan->volumes[i];

		if (v->disk != disk || v->stack) /* there or not, as somebody assembled it */
			continue;
		strbuf_addf(&b, "volume:%u:%" PRIu64 ":%" PRIu64 "\n", v->partno, v->start_bytes,
			    v->size_bytes);
		add_field(&b, "uuid", v->uuid);
		add_field(&b, "partuuid", v->partuuid);
	}
	sha256_of(strbuf_str(&b), b.len, digest);
	for (i = 0; i < 8; i++) {
		bit = i * 5;
		ret[i] = letters[(((unsigned)digest[bit / 8] << 8 | digest[bit / 8 + 1]) >>
				  (11 - bit % 8)) &
				 31];
	}
	ret[8] = '\0';
}
