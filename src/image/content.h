/* SPDX-License-Identifier: MIT */
/*
 * What is baked into a rescue image: files of /etc/rehost that init/settings and serve read (docs/rescue.md). Kept as the
 * text of those files, and as the newc cpio archive that the kernel unpacks over the initramfs.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define IMAGE_FILE_MAX 65536 /* bytes of one file; init reads no more */

struct image_content {
	struct strbuf keys;	    /* authorized_keys */
	struct strbuf observers;    /* observer_keys: may look, not write */
	struct strbuf options;	    /* lines key=value, in the order given */
	struct strbuf cmdline;	    /* words for the command line, one set a line */
	struct strbuf host_ed25519; /* OpenSSH private keys */
	struct strbuf host_rsa;
};

#define IMAGE_CONTENT_INIT ((struct image_content){ 0 })
#define cleanup_image_content __attribute__((cleanup(image_content_done)))

/* Frees; private keys are overwritten first. */
void image_content_done(struct image_content *c);
bool image_content_is_empty(const struct image_content *c);

/*
 * Add what the operator gave. from is named in errors. Everything is read strictly (ERR_IMAGE_GIVEN): each line of keys
 * must be a public key of a type that may log in, an option KEY=VALUE (KEY of [a-z0-9_.-], a "rehost." before it is
 * dropped; VALUE printable), cmdline printable, a host key an OpenSSH private key without passphrase, ed25519 or RSA.
 */
int image_add_keys(struct image_content *c, const char *text, size_t len, const char *from,
		   struct err *e) must_check;
int image_add_observers(struct image_content *c, const char *text, size_t len, const char *from,
			struct err *e) must_check;
int image_add_option(struct image_content *c, const char *option, struct err *e) must_check;
int image_add_cmdline(struct image_content *c, const char *words, struct err *e) must_check;
int image_add_host_key(struct image_content *c, const char *text, size_t len, const char *from,
		       struct err *e) must_check;

/* Appends the archive, ended by its TRAILER!!!, padded to 4 bytes. No times, owner 0:0: the same bytes each time. */
void image_content_pack(const struct image_content *c, struct strbuf *ret);

/*
 * Reads such an archive back: only the files above, each at most once and at most IMAGE_FILE_MAX long, then the trailer.
 * Anything else is ERR_IMAGE_AREA. *ret is empty on failure.
 */
int image_content_unpack(struct image_content *ret, const uint8_t *data, size_t len,
			 struct err *e) must_check;

/* Appends one newc record of a regular file (mode 0600); base of image_content_pack(), for area.c. */
void image_cpio_add(struct strbuf *ret, const char *name, const void *data, size_t len);

#define IMAGE_FINGERPRINT_MAX 64

/*
 * The public part of an OpenSSH private key (PROTOCOL.key of OpenSSH): type into type, "SHA256:..." into fingerprint
 * (IMAGE_FINGERPRINT_MAX). -1 when it is none or has a passphrase. Pure.
 */
int image_host_key_read(const char *text, size_t len, char type[32],
			char fingerprint[IMAGE_FINGERPRINT_MAX]);
