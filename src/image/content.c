/* SPDX-License-Identifier: MIT */
#include "image/content.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/authkeys.h"
#include "base/cpio.h"
#include "base/hash.h"

#define FOLDER "etc/rehost/"
#define CPIO_HEAD 110
#define CPIO_NAME_MAX 64

/* Where each file of the content is kept. */
static const struct slot {
	const char *name;
	size_t offset;
} slots[] = {
	{ FOLDER "authorized_keys", offsetof(struct image_content, keys) },
	{ FOLDER "cmdline", offsetof(struct image_content, cmdline) },
	{ FOLDER "observer_keys", offsetof(struct image_content, observers) },
	{ FOLDER "options", offsetof(struct image_content, options) },
	{ FOLDER "ssh_host_ed25519_key", offsetof(struct image_content, host_ed25519) },
	{ FOLDER "ssh_host_rsa_key", offsetof(struct image_content, host_rsa) },
};

static struct strbuf *slot_of(struct image_content *c, size_t i)
{
	return (struct strbuf *)((char *)c + slots[i].offset);
}

static const struct strbuf *slot_get(const struct image_content *c, size_t i)
{
	return (const struct strbuf *)((const char *)c + slots[i].offset);
}

void image_content_done(struct image_content *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(slots); i++) {
		struct strbuf *b = slot_of(c, i);

		if (b->data)
			explicit_bzero(b->data, b->cap);
		strbuf_done(b);
	}
}

bool image_content_is_empty(const struct image_content *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(slots); i++)
		if (slot_get(c, i)->len)
			return false;
	return true;
}

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

/* Every addition ends here: memory and the size that init reads. */
static int check_size(const struct strbuf *b, struct err *e)
{
	if (b->failed)
		return err_set(e, ERR_NOMEM, 0, "image content");
	if (b->len > IMAGE_FILE_MAX)
		return err_set(e, ERR_IMAGE_GIVEN, 0, "more than %u bytes of it", IMAGE_FILE_MAX);
	return 0;
}

static int add_keys(struct strbuf *ret, const char *text, size_t len, const char *from,
		    struct err *e)
{
	struct authkeys keys = AUTHKEYS_INIT;
	size_t count;
	unsigned refused;

	if (memchr(text, 0, len))
		return err_set(e, ERR_IMAGE_GIVEN, 0, "%s: not a file of public keys", from);
	if (authkeys_parse(&keys, text, len, e) < 0)
		return -1;
	count = keys.count;
	refused = keys.refused;
	authkeys_done(&keys);
	if (refused)
		return err_set(e, ERR_IMAGE_GIVEN, 0, "%s: %u lines are no public SSH keys", from,
			       refused);
	if (!count)
		return err_set(e, ERR_IMAGE_GIVEN, 0, "%s: no public SSH key in it", from);
	strbuf_add(ret, text, len);
	if (text[len - 1] != '\n')
		strbuf_addc(ret, '\n');
	return check_size(ret, e);
}

int image_add_keys(struct image_content *c, const char *text, size_t len, const char *from,
		   struct err *e)
{
	return add_keys(&c->keys, text, len, from, e);
}

int image_add_observers(struct image_content *c, const char *text, size_t len, const char *from,
			struct err *e)
{
	return add_keys(&c->observers, text, len, from, e);
}

int image_add_option(struct image_content *c, const char *option, struct err *e)
{
	static const char prefix[] = "rehost.";
	size_t key;

	if (str_starts(option, prefix))
		option += sizeof(prefix) - 1;
	key = strspn(option, "abcdefghijklmnopqrstuvwxyz0123456789_.-");
	if (!key || option[key] != '=' || !is_printable(option))
		return err_set(e, ERR_IMAGE_GIVEN, 0, "option %s: not KEY=VALUE", option);
	if (str_starts(option, "key=") || str_starts(option, "observer_key="))
		return err_set(e, ERR_IMAGE_GIVEN, 0, "option %s: keys are given as files", option);
	strbuf_adds(&c->options, option);
	strbuf_addc(&c->options, '\n');
	return check_size(&c->options, e);
}

int image_add_cmdline(struct image_content *c, const char *words, struct err *e)
{
	if (!*words || !is_printable(words))
		return err_set(e, ERR_IMAGE_GIVEN, 0, "words for the command line: %s",
			       *words ? words : "none");
	strbuf_adds(&c->cmdline, words);
	strbuf_addc(&c->cmdline, '\n');
	return check_size(&c->cmdline, e);
}

int image_add_host_key(struct image_content *c, const char *text, size_t len, const char *from,
		       struct err *e)
{
	char type[32], fingerprint[IMAGE_FINGERPRINT_MAX];
	struct strbuf *b;

	if (image_host_key_read(text, len, type, fingerprint) < 0)
		return err_set(e, ERR_IMAGE_GIVEN, 0,
			       "%s: not an OpenSSH private key without passphrase", from);
	if (strcmp(type, "ssh-ed25519") == 0)
		b = &c->host_ed25519;
	else if (strcmp(type, "ssh-rsa") == 0)
		b = &c->host_rsa;
	else
		return err_set(e, ERR_IMAGE_GIVEN, 0,
			       "%s: a host key of type %s, not ed25519 or RSA", from, type);
	if (b->len)
		return err_set(e, ERR_IMAGE_GIVEN, 0, "%s: a second host key of type %s", from,
			       type);
	strbuf_add(b, text, len);
	return check_size(b, e);
}

/* ---- the archive, newc as in the kernel's Documentation/driver-api/early-userspace/buffer-format.rst ---- */

void image_cpio_add(struct strbuf *ret, const char *name, const void *data, size_t len)
{
	cpio_add(ret, name, S_IFREG | 0600, data, len);
}

void image_content_pack(const struct image_content *c, struct strbuf *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(slots); i++) {
		const struct strbuf *b = slot_get(c, i);

		if (b->len)
			image_cpio_add(ret, slots[i].name, b->data, b->len);
	}
	cpio_add(ret, CPIO_TRAILER, 0, "", 0);
}

/* Field i of a newc header: eight hexadecimal digits. */
static int head_field(const uint8_t *head, unsigned i, uint32_t *ret)
{
	uint32_t value = 0;

	for (unsigned k = 0; k < 8; k++) {
		uint8_t b = head[6 + i * 8 + k];

		if (b >= '0' && b <= '9')
			value = value << 4 | (uint32_t)(b - '0');
		else if (b >= 'A' && b <= 'F')
			value = value << 4 | (uint32_t)(b - 'A' + 10);
		else
			return -1;
	}
	*ret = value;
	return 0;
}

struct record {
	char name[CPIO_NAME_MAX];
	const uint8_t *data;
	uint32_t mode, len;
};

/* Takes one record off the front; the number of bytes it has, or -1. */
static long take_record(struct record *ret, const uint8_t *data, size_t len)
{
	uint32_t name_len;
	size_t at, end;

	if (len < CPIO_HEAD || memcmp(data, "070701", 6) != 0 ||
	    head_field(data, 1, &ret->mode) < 0 || head_field(data, 6, &ret->len) < 0 ||
	    head_field(data, 11, &name_len) < 0)
		return -1;
	if (name_len < 2 || name_len > CPIO_NAME_MAX || ret->len > IMAGE_FILE_MAX ||
	    len - CPIO_HEAD < name_len || data[CPIO_HEAD + name_len - 1] != 0)
		return -1;
	memcpy(ret->name, data + CPIO_HEAD, name_len);
	if (strlen(ret->name) != name_len - 1)
		return -1;
	at = (CPIO_HEAD + name_len + 3) & ~(size_t)3;
	end = (at + ret->len + 3) & ~(size_t)3;
	if (end > len)
		return -1;
	ret->data = data + at;
	return (long)end;
}

static int unpack(struct image_content *ret, const uint8_t *data, size_t len)
{
	for (;;) {
		struct record r;
		long taken = take_record(&r, data, len);
		size_t i;

		if (taken < 0)
			return -1;
		data += taken;
		len -= (size_t)taken;
		if (strcmp(r.name, CPIO_TRAILER) == 0)
			return r.len == 0 && len == 0 ? 0 : -1;
		for (i = 0; i < ARRAY_SIZE(slots); i++)
			if (strcmp(r.name, slots[i].name) == 0)
				break;
		if (i == ARRAY_SIZE(slots) || !S_ISREG(r.mode) || !r.len || slot_of(ret, i)->len)
			return -1;
		strbuf_add(slot_of(ret, i), r.data, r.len);
		if (slot_of(ret, i)->failed)
			return -1;
	}
}

int image_content_unpack(struct image_content *ret, const uint8_t *data, size_t len, struct err *e)
{
	*ret = IMAGE_CONTENT_INIT;
	if (unpack(ret, data, len) == 0)
		return 0;
	image_content_done(ret);
	return err_set(e, ERR_IMAGE_AREA, 0, "what was baked in cannot be read");
}
