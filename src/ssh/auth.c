/* SPDX-License-Identifier: MIT */
/* Who may log in: "root" or "rehost", with a listed key or the one-time password. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/str.h"
#include "ssh/session_priv.h"

#define FAILURE_DELAY_US 800000

static bool is_user(const char *user)
{
	return user && (strcmp(user, "root") == 0 || strcmp(user, "rehost") == 0);
}

static int fail(struct session *s, const char *how, const char *user)
{
	s->failures++;
	log_warn("ssh: %s: login refused (%s) for '%.64s', %u of %u", s->config->peer, how,
		 user ? user : "", s->failures, s->config->attempts);
	return SSH_AUTH_DENIED;
}

static int succeed(struct session *s, const char *how, const char *user)
{
	log_info("ssh: %s: '%s' logged in with %s", s->config->peer, user, how);
	s->is_logged_in = true;
	return SSH_AUTH_SUCCESS;
}

/* Digests are compared, so neither the place of a difference nor the length shows in the time taken. */
static bool same_text(const char *a, const char *b)
{
	uint8_t da[SHA256_LEN], db[SHA256_LEN];
	volatile uint8_t diff = 0;
	size_t i;

	sha256_of(a, strlen(a), da);
	sha256_of(b, strlen(b), db);
	for (i = 0; i < SHA256_LEN; i++)
		diff |= da[i] ^ db[i];
	return diff == 0;
}

static int on_password(ssh_session handle, const char *user, const char *password, void *arg)
{
	struct session *s = arg;
	bool good;

	(void)handle;
	if (!s->config->password || !password)
		return fail(s, "password", user);
	good = same_text(password, s->config->password);
	if (good && is_user(user))
		return succeed(s, "the password", user);
	usleep(FAILURE_DELAY_US);
	return fail(s, "password", user);
}

static int on_none(ssh_session handle, const char *user, void *arg)
{
	(void)handle, (void)user, (void)arg;
	return SSH_AUTH_DENIED; /* how clients ask for the methods: not an attempt */
}

enum rights { RIGHTS_NONE, RIGHTS_LOOK, RIGHTS_ALL };

/* Key types are refused here and not only at the signature: libssh answers a refused signature with silence. */
static enum rights rights_of(const struct session *s, ssh_key key)
{
	uint8_t blob[AUTHKEY_BLOB_MAX];
	char *text = NULL;
	long len;

	switch (ssh_key_type(key)) {
	case SSH_KEYTYPE_ED25519:
	case SSH_KEYTYPE_ECDSA_P256:
	case SSH_KEYTYPE_ECDSA_P384:
	case SSH_KEYTYPE_ECDSA_P521:
	case SSH_KEYTYPE_RSA:
	case SSH_KEYTYPE_SK_ED25519:
	case SSH_KEYTYPE_SK_ECDSA:
		break;
	default: /* DSA, certificates (libssh checks no authority), anything newer */
		return RIGHTS_NONE;
	}
	if (ssh_pki_export_pubkey_base64(key, &text) != SSH_OK || !text)
		return RIGHTS_NONE;
	len = base64_decode(text, strlen(text), blob, sizeof(blob));
	ssh_string_free_char(text);
	if (len <= 0)
		return RIGHTS_NONE;
	if (authkeys_have(s->config->keys, blob, (size_t)len))
		return RIGHTS_ALL;
	if (s->config->observers && authkeys_have(s->config->observers, blob, (size_t)len))
		return RIGHTS_LOOK;
	return RIGHTS_NONE;
}

static int on_key(ssh_session handle, const char *user, struct ssh_key_struct *key, char state,
		  void *arg)
{
	struct session *s = arg;
	char how[128];
	enum rights rights;
	unsigned char *hash = NULL;
	char *print = NULL;
	size_t len;

	(void)handle;
	if (state != SSH_PUBLICKEY_STATE_NONE && state != SSH_PUBLICKEY_STATE_VALID)
		return fail(s, "signature", user);
	rights = rights_of(s, key);
	if (!is_user(user) || rights == RIGHTS_NONE)
		return fail(s, "key", user);
	if (state == SSH_PUBLICKEY_STATE_NONE)
		return SSH_AUTH_SUCCESS; /* only says that the key would do */
	if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len) == 0)
		print = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, len);
	snprintf(how, sizeof(how), "%skey %s %s", rights == RIGHTS_LOOK ? "observer's " : "",
		 ssh_key_type_to_char(ssh_key_type(key)), print ? print : "?");
	ssh_clean_pubkey_hash(&hash);
	ssh_string_free_char(print);
	s->is_observer = rights == RIGHTS_LOOK;
	return succeed(s, how, user);
}

/* Without this a request for GSSAPI, which clients may send unasked, is left without an answer. */
static ssh_string on_gssapi(ssh_session handle, const char *user, int count, ssh_string *oids,
			    void *arg)
{
	(void)handle, (void)user, (void)count, (void)oids, (void)arg;
	return NULL;
}

static ssh_channel on_channel(ssh_session handle, void *arg)
{
	struct session *s = arg;

	(void)handle;
	return s->is_logged_in ? chan_open(s) : NULL;
}

/* Everything no callback took: forwardings, keyboard-interactive, whatever comes. 1 makes libssh refuse. */
static int on_message(ssh_session handle, ssh_message message, void *arg)
{
	(void)handle, (void)message, (void)arg;
	return 1;
}

void auth_set_up(struct session *s)
{
	int methods = 0;

	s->server_callbacks = (struct ssh_server_callbacks_struct){
		.userdata = s,
		.auth_password_function = on_password,
		.auth_none_function = on_none,
		.auth_pubkey_function = on_key,
		.channel_open_request_session_function = on_channel,
		.gssapi_select_oid_function = on_gssapi,
	};
	ssh_callbacks_init(&s->server_callbacks);
	ssh_set_server_callbacks(s->handle, &s->server_callbacks);
	ssh_set_message_callback(s->handle, on_message, s);
	if (s->config->keys->count > 0 || (s->config->observers && s->config->observers->count > 0))
		methods |= SSH_AUTH_METHOD_PUBLICKEY;
	if (s->config->password)
		methods |= SSH_AUTH_METHOD_PASSWORD;
	ssh_set_auth_methods(s->handle, methods);
}
