/* SPDX-License-Identifier: MIT */
/* authorized_keys: a strict reader of the public keys that may log in. Knows nothing of libssh. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define AUTHKEYS_MAX 256	 /* keys in one file */
#define AUTHKEYS_FILE_MAX 262144 /* bytes */
#define AUTHKEY_BLOB_MAX 4096	 /* bytes of one decoded key; RSA 16384 bits has 2 KiB */

struct authkey {
	char *type; /* "ssh-ed25519" */
	uint8_t *
		blob; /* the decoded public key, which names its type itself (RFC 4253 section 6.6) */
	size_t blob_len;
	unsigned line;
};

struct authkeys {
	struct authkey *items;
	size_t count;
	unsigned refused; /* lines that are neither a key nor empty nor a comment */
};

#define AUTHKEYS_INIT ((struct authkeys){ 0 })

/*
 * Reads lines in the form of sshd(8): [options] type base64 [comment]. Options are skipped, with their quotes
 * (a forced command does not apply here, only our commands can be run). Types taken: ed25519, ECDSA on the NIST
 * curves, RSA, and the two FIDO types. Certificates, DSA, lines that do not decode, and keys whose
 * inner type differs from the outer are counted in refused and logged. Fails only for memory and limits.
 */
int authkeys_parse(struct authkeys *ret, const char *text, size_t len, struct err *e) must_check;

/* Reads a file; one that does not exist is an empty list. */
int authkeys_load(struct authkeys *ret, const char *path, struct err *e) must_check;
/* Appends the keys of another file; one that does not exist has none. */
int authkeys_add(struct authkeys *k, const char *path, struct err *e) must_check;
void authkeys_done(struct authkeys *k);

/* Whether the list has this public key. */
bool authkeys_have(const struct authkeys *k, const uint8_t *blob, size_t len);

/* Whether a user key of this type may be used at all. */
bool authkeys_is_type_taken(const char *type);

/* Decodes standard base64 with padding, strictly; returns the length or -1. ret holds size bytes. */
long base64_decode(const char *text, size_t len, uint8_t *ret, size_t size);
