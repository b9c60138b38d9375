/* SPDX-License-Identifier: MIT */
#include "base/authkeys.h"

#include <errno.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/str.h"

static const char *const taken_types[] = {
	"ssh-ed25519",
	"ecdsa-sha2-nistp256",
	"ecdsa-sha2-nistp384",
	"ecdsa-sha2-nistp521",
	"ssh-rsa",
	"sk-ssh-ed25519@openssh.com",
	"sk-ecdsa-sha2-nistp256@openssh.com",
};

/* Types that are recognized only to be refused with a word about why. */
static const char *const refused_types[] = { "ssh-dss" };

bool authkeys_is_type_taken(const char *type)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(taken_types); i++)
		if (strcmp(type, taken_types[i]) == 0)
			return true;
	return false;
}

static int base64_value(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

long base64_decode(const char *text, size_t len, uint8_t *ret, size_t size)
{
	size_t pad = 0, i, out = 0;

	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	if (len == 0 || len % 4 != 0 || len / 4 * 3 - pad > size)
		return -1;
	for (i = 0; i < len; i += 4) {
		size_t digits = i + 4 == len ? 4 - pad : 4, k;
		uint32_t v = 0;

		for (k = 0; k < 4; k++) {
			int d = k < digits ? base64_value((unsigned char)text[i + k]) : 0;

			if (d < 0)
				return -1;
			v = v << 6 | (uint32_t)d;
		}
		/* Bits beyond the last byte must be zero, else two texts would mean the same key. */
		if ((digits == 3 && (v & 0xff)) || (digits == 2 && (v & 0xffff)))
			return -1;
		for (k = 0; k + 1 < digits; k++)
			ret[out++] = (uint8_t)(v >> (16 - 8 * k));
	}
	return (long)out;
}

/* The length of the next word; blanks inside double quotes belong to it (options). 0: no word. */
static size_t word_length(const char *s, size_t len)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < len; i++) {
		if (s[i] == '\\' && quoted && i + 1 < len && s[i + 1] == '"')
			i++;
		else if (s[i] == '"')
			quoted = !quoted;
		else if (!quoted && (s[i] == ' ' || s[i] == '\t'))
			break;
	}
	return quoted ? 0 : i;
}

static size_t skip_blanks(const char *s, size_t len)
{
	size_t i = 0;

	while (i < len && (s[i] == ' ' || s[i] == '\t'))
		i++;
	return i;
}

static bool names_type(const char *s, size_t len)
{
	char word[64];
	size_t i;

	if (len >= sizeof(word))
		return false;
	memcpy(word, s, len);
	word[len] = '\0';
	if (authkeys_is_type_taken(word) || str_ends(word, "-cert-v01@openssh.com"))
		return true;
	for (i = 0; i < ARRAY_SIZE(refused_types); i++)
		if (strcmp(word, refused_types[i]) == 0)
			return true;
	return false;
}

/* The blob starts with its own type as a string with a 32-bit length. */
static bool blob_has_type(const uint8_t *blob, size_t len, const char *type)
{
	size_t n = strlen(type);

	return len > 4 + n && blob[0] == 0 && blob[1] == 0 && blob[2] == 0 && blob[3] == n &&
	       memcmp(blob + 4, type, n) == 0;
}

/* A public key is strings with their lengths in front, and nothing behind them: one that was cut off shows. */
static bool blob_is_whole(const uint8_t *blob, size_t len)
{
	unsigned fields = 0;

	while (len >= 4) {
		size_t n = (size_t)blob[0] << 24 | (size_t)blob[1] << 16 | (size_t)blob[2] << 8 |
			   blob[3];

		if (n > len - 4)
			return false;
		blob += 4 + n;
		len -= 4 + n;
		fields++;
	}
	return len == 0 && fields >= 2;
}

static int add_key(struct authkeys *k, const char *type, const uint8_t *blob, size_t len,
		   unsigned line)
{
	struct authkey *grown = realloc(k->items, (k->count + 1) * sizeof(*grown));
	struct authkey *key;

	if (!grown)
		return -1;
	k->items = grown;
	key = &grown[k->count];
	key->type = strdup(type);
	key->blob = malloc(len);
	if (!key->type || !key->blob) {
		free(key->type);
		free(key->blob);
		return -1;
	}
	memcpy(key->blob, blob, len);
	key->blob_len = len;
	key->line = line;
	k->count++;
	return 0;
}

/* Returns 1 for a key, 0 for a line that is refused, -1 without memory. */
static int parse_key(struct authkeys *k, const char *s, size_t len, unsigned line)
{
	uint8_t blob[AUTHKEY_BLOB_MAX];
	char type[64];
	size_t n = word_length(s, len);
	long blob_len;

	if (n == 0)
		return 0;
	if (!names_type(s, n)) { /* options come first */
		s += n;
		len -= n;
		n = skip_blanks(s, len);
		s += n;
		len -= n;
		n = word_length(s, len);
		if (n == 0 || !names_type(s, n))
			return 0;
	}
	memcpy(type, s, n);
	type[n] = '\0';
	if (!authkeys_is_type_taken(type))
		return 0;
	s += n;
	len -= n;
	n = skip_blanks(s, len);
	s += n;
	len -= n;
	n = word_length(s, len);
	blob_len = base64_decode(s, n, blob, sizeof(blob));
	if (blob_len < 0 || !blob_has_type(blob, (size_t)blob_len, type) ||
	    !blob_is_whole(blob, (size_t)blob_len))
		return 0;
	return add_key(k, type, blob, (size_t)blob_len, line) < 0 ? -1 : 1;
}

int authkeys_parse(struct authkeys *ret, const char *text, size_t len, struct err *e)
{
	const char *end = text + len;
	unsigned line;

	*ret = AUTHKEYS_INIT;
	if (len > AUTHKEYS_FILE_MAX)
		return err_set(e, ERR_LIMIT, 0, "authorized keys: more than %d bytes",
			       AUTHKEYS_FILE_MAX);
	for (line = 1; text < end; line++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = newline ? (size_t)(newline - text) : (size_t)(end - text);
		size_t skip = skip_blanks(text, n);
		const char *s = text + skip;
		size_t rest = n - skip;
		int rc;

		text += n + (newline ? 1 : 0);
		if (rest > 0 && s[rest - 1] == '\r')
			rest--;
		if (rest == 0 || *s == '#')
			continue;
		if (ret->count == AUTHKEYS_MAX) {
			authkeys_done(ret);
			return err_set(e, ERR_LIMIT, 0, "authorized keys: more than %d keys",
				       AUTHKEYS_MAX);
		}
		rc = memchr(s, '\0', rest) ? 0 : parse_key(ret, s, rest, line);
		if (rc < 0) {
			authkeys_done(ret);
			return err_set(e, ERR_NOMEM, 0, "reading authorized keys");
		}
		if (rc == 0) {
			ret->refused++;
			log_warn("authorized keys: line %u is not a key that is accepted here",
				 line);
		}
	}
	return 0;
}

int authkeys_load(struct authkeys *ret, const char *path, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct err why = ERR_INIT;

	*ret = AUTHKEYS_INIT;
	if (file_slurp(path, &text, AUTHKEYS_FILE_MAX, &why) < 0) {
		if (why.sys == ENOENT)
			return 0;
		*e = why;
		return err_ctx(e, "reading authorized keys");
	}
	if (authkeys_parse(ret, strbuf_str(&text), text.len, e) < 0)
		return err_ctx(e, "reading %s", path);
	return 0;
}

int authkeys_add(struct authkeys *k, const char *path, struct err *e)
{
	struct authkeys more;
	struct authkey *grown;
	int rc = 0;

	if (authkeys_load(&more, path, e) < 0)
		return -1;
	if (more.count > 0) {
		grown = reallocarray(k->items, k->count + more.count, sizeof(*grown));
		if (grown) {
			memcpy(grown + k->count, more.items, more.count * sizeof(*grown));
			k->items = grown;
			k->count += more.count;
			more.count = 0; /* what they point at is k's now */
		} else {
			rc = err_set(e, ERR_NOMEM, 0, "reading authorized keys");
		}
	}
	k->refused += more.refused;
	authkeys_done(&more);
	return rc;
}

void authkeys_done(struct authkeys *k)
{
	size_t i;

	for (i = 0; i < k->count; i++) {
		free(k->items[i].type);
		free(k->items[i].blob);
	}
	free(k->items);
	*k = AUTHKEYS_INIT;
}

bool authkeys_have(const struct authkeys *k, const uint8_t *blob, size_t len)
{
	size_t i;

	for (i = 0; i < k->count; i++)
		if (k->items[i].blob_len == len && memcmp(k->items[i].blob, blob, len) == 0)
			return true;
	return false;
}
