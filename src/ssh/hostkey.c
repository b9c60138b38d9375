/* SPDX-License-Identifier: MIT */
#include "ssh/hostkey.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "ssh/ssh_priv.h"

/* glibc keeps it, without a declaration in its headers. */
extern int __nss_configure_lookup(const char *db, const char *service);

int ssh_start(struct err *e)
{
	/*
	 * A static program would otherwise load the NSS modules, and with them the libc, of the machine it runs on
	 * when nsswitch.conf names anything but these.
	 */
	__nss_configure_lookup("passwd", "files");
	__nss_configure_lookup("group", "files");
	__nss_configure_lookup("hosts", "files dns");
	__nss_configure_lookup("services", "files");
	if (ssh_init() != SSH_OK)
		return err_set(e, ERR_SESSION, 0, "the SSH library did not start");
	return 0;
}

static int wrap(struct hostkey **ret, ssh_key key, struct err *e)
{
	*ret = malloc(sizeof(**ret));
	if (!*ret) {
		ssh_key_free(key);
		return err_set(e, ERR_NOMEM, 0, "host key");
	}
	(*ret)->key = key;
	return 0;
}

static enum ssh_keytypes_e type_number(enum hostkey_type type)
{
	return type == HOSTKEY_RSA ? SSH_KEYTYPE_RSA : SSH_KEYTYPE_ED25519;
}

int hostkey_load(struct hostkey **ret, const char *path, enum hostkey_type type, struct err *e)
{
	struct stat st;
	ssh_key key = NULL;

	if (stat(path, &st) < 0)
		return err_set(e, ERR_HOST_KEY, errno, "%s", path);
	if (ssh_pki_import_privkey_file(path, NULL, NULL, NULL, &key) != SSH_OK)
		return err_set(e, ERR_HOST_KEY, 0, "%s: not a private key without passphrase",
			       path);
	if (ssh_key_type(key) != type_number(type)) {
		ssh_key_free(key);
		return err_set(e, ERR_HOST_KEY, 0, "%s: not an %s key", path,
			       type == HOSTKEY_RSA ? "RSA" : "ed25519");
	}
	return wrap(ret, key, e);
}

int hostkey_make(struct hostkey **ret, const char *path, enum hostkey_type type, struct err *e)
{
	char tmp[512];
	ssh_key key = NULL;
	mode_t mask;
	int rc;

	if (snprintf(tmp, sizeof(tmp), "%s.new", path) >= (int)sizeof(tmp))
		return err_set(e, ERR_HOST_KEY, ENAMETOOLONG, "%s", path);
	if (ssh_pki_generate(type_number(type), type == HOSTKEY_RSA ? 3072 : 0, &key) != SSH_OK)
		return err_set(e, ERR_HOST_KEY, 0, "making a key");
	mask = umask(077);
	rc = ssh_pki_export_privkey_file(key, NULL, NULL, NULL, tmp);
	umask(mask);
	if (rc != SSH_OK || rename(tmp, path) < 0) {
		ssh_key_free(key);
		return err_set(e, ERR_HOST_KEY, rc == SSH_OK ? errno : 0, "writing %s", path);
	}
	return wrap(ret, key, e);
}

void hostkey_free(struct hostkey *k)
{
	if (!k)
		return;
	ssh_key_free(k->key);
	free(k);
}

int hostkey_fingerprint(const struct hostkey *k, char ret[HOSTKEY_FINGERPRINT_MAX], struct err *e)
{
	unsigned char *hash = NULL;
	size_t len = 0;
	char *text = NULL;

	if (ssh_get_publickey_hash(k->key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len) == 0)
		text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, len);
	ssh_clean_pubkey_hash(&hash);
	if (!text)
		return err_set(e, ERR_HOST_KEY, 0, "computing the fingerprint");
	snprintf(ret, HOSTKEY_FINGERPRINT_MAX, "%s", text);
	ssh_string_free_char(text);
	return 0;
}
