/* SPDX-License-Identifier: MIT */
/* The public part of an OpenSSH private key, to tell its type and fingerprint without a library. */
#include <stdio.h>
#include <string.h>

#include "base/authkeys.h"
#include "base/hash.h"
#include "image/content.h"

#define BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define END "-----END OPENSSH PRIVATE KEY-----"
#define MAGIC "openssh-key-v1" /* with its NUL */
#define KEY_MAX 16384

struct reader {
	const uint8_t *at;
	size_t left;
};

static int read_u32(struct reader *r, uint32_t *ret)
{
	if (r->left < 4)
		return -1;
	*ret = (uint32_t)r->at[0] << 24 | (uint32_t)r->at[1] << 16 | (uint32_t)r->at[2] << 8 |
	       r->at[3];
	r->at += 4;
	r->left -= 4;
	return 0;
}

static int read_string(struct reader *r, struct reader *ret)
{
	uint32_t len;

	if (read_u32(r, &len) < 0 || len > r->left)
		return -1;
	*ret = (struct reader){ r->at, len };
	r->at += len;
	r->left -= len;
	return 0;
}

static bool string_is(const struct reader *r, const char *text)
{
	return r->left == strlen(text) && memcmp(r->at, text, r->left) == 0;
}

/* The base64 between the two lines, without its line ends. -1 when the lines are not there. */
static int collect(struct strbuf *ret, const char *text, size_t len)
{
	const char *begin, *end;

	if (len > KEY_MAX || memchr(text, 0, len))
		return -1;
	begin = memmem(text, len, BEGIN "\n", sizeof(BEGIN));
	if (begin != text)
		return -1;
	begin += sizeof(BEGIN);
	end = memmem(begin, len - (size_t)(begin - text), "\n" END, sizeof(END));
	if (!end)
		return -1;
	for (; begin < end; begin++)
		if (*begin != '\n' && *begin != '\r')
			strbuf_addc(ret, *begin);
	return ret->failed ? -1 : 0;
}

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* SHA256:... without padding, as ssh-keygen -l prints it. */
static void print_fingerprint(const struct reader *blob, char *ret)
{
	uint8_t digest[SHA256_LEN + 1] = { 0 };
	char *out = ret + sprintf(ret, "SHA256:");

	sha256_of(blob->at, blob->left, digest);
	for (unsigned bit = 0; bit < SHA256_LEN * 8; bit += 6) {
		unsigned pair = (unsigned)digest[bit / 8] << 8 | digest[bit / 8 + 1];

		*out++ = letters[pair >> (10 - bit % 8) & 63];
	}
	*out = 0;
}

static int parse(struct reader r, char type[32], char *fingerprint)
{
	struct reader cipher, kdf, options, public, name;
	uint32_t count;

	if (r.left < sizeof(MAGIC) || memcmp(r.at, MAGIC, sizeof(MAGIC)) != 0)
		return -1;
	r.at += sizeof(MAGIC);
	r.left -= sizeof(MAGIC);
	if (read_string(&r, &cipher) < 0 || !string_is(&cipher, "none") ||
	    read_string(&r, &kdf) < 0 || !string_is(&kdf, "none") ||
	    read_string(&r, &options) < 0 || read_u32(&r, &count) < 0 || count != 1 ||
	    read_string(&r, &public) < 0)
		return -1;
	print_fingerprint(&public, fingerprint);
	if (read_string(&public, &name) < 0 || !name.left || name.left > 31)
		return -1;
	for (size_t i = 0; i < name.left; i++)
		if (name.at[i] <= 0x20 || name.at[i] > 0x7e)
			return -1;
	memcpy(type, name.at, name.left);
	type[name.left] = 0;
	return 0;
}

int image_host_key_read(const char *text, size_t len, char type[32],
			char fingerprint[IMAGE_FINGERPRINT_MAX])
{
	cleanup_strbuf struct strbuf base64 = STRBUF_INIT;
	uint8_t blob[KEY_MAX];
	long got = -1;
	int rc = -1;

	if (collect(&base64, text, len) == 0)
		got = base64_decode(strbuf_str(&base64), base64.len, blob, sizeof(blob));
	if (got >= 0)
		rc = parse((struct reader){ blob, (size_t)got }, type, fingerprint);
	explicit_bzero(blob, sizeof(blob));
	if (base64.data)
		explicit_bzero(base64.data, base64.cap);
	return rc;
}
