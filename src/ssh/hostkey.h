/* SPDX-License-Identifier: MIT */
/* The keys by which clients know this server. */
#pragma once

#include <stdbool.h>

#include "base/err.h"

#define HOSTKEY_FINGERPRINT_MAX 64

struct hostkey; /* one private key */

enum hostkey_type { HOSTKEY_ED25519, HOSTKEY_RSA };

/* Must be called once before anything else of this module; also keeps name look-ups to files and DNS. */
int ssh_start(struct err *e) must_check;

/* Reads a private key without passphrase, of exactly this type. ERR_HOST_KEY (errno ENOENT: no such file). */
int hostkey_load(struct hostkey **ret, const char *path, enum hostkey_type type,
		 struct err *e) must_check;
/* Makes a key and stores it, mode 0600, in place by rename. */
int hostkey_make(struct hostkey **ret, const char *path, enum hostkey_type type,
		 struct err *e) must_check;
void hostkey_free(struct hostkey *k);

/* "SHA256:..." as ssh-keygen -l prints it. */
int hostkey_fingerprint(const struct hostkey *k, char ret[HOSTKEY_FINGERPRINT_MAX],
			struct err *e) must_check;
