/* SPDX-License-Identifier: MIT */
/* Keys, password and options that the service finds in the run folder. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/authkeys.h"
#include "base/io.h"
#include "base/log.h"
#include "base/run.h"
#include "base/str.h"
#include "serve/serve_priv.h"

#define BAKED_ED25519 "/etc/rehost/ssh_host_ed25519_key"
#define ROOTS_KEYS "/root/.ssh/authorized_keys"
#define BAKED_RSA "/etc/rehost/ssh_host_rsa_key"
#define RSA_DELAY_S 5 /* the first connection is more urgent */

const char *serve_keys_path(const struct serve_options *o, char *buf, size_t size)
{
	if (o->authorized_keys)
		return o->authorized_keys;
	run_path(buf, size, "authorized_keys");
	/* Who may log in as root there may do so here. */
	if (o->disks && access(buf, F_OK) < 0)
		return ROOTS_KEYS;
	return buf;
}

const char *serve_observers_path(const struct serve_options *o, char *buf, size_t size)
{
	if (o->observer_keys)
		return o->observer_keys;
	return run_path(buf, size, "observer_keys");
}

bool serve_password(char *ret, size_t size)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char path[512];

	if (file_slurp(run_path(path, sizeof(path), "password"), &text, size - 1, NULL) < 0)
		return false;
	snprintf(ret, size, "%s", strbuf_str(&text));
	ret[strcspn(ret, "\r\n")] = '\0';
	explicit_bzero(text.data, text.len);
	return ret[0] != '\0';
}

static bool is_yes(const char *value)
{
	static const char *const yes[] = { "1", "yes", "on", "true" }; /* as process 1 reads it */
	size_t i;

	for (i = 0; value && i < ARRAY_SIZE(yes); i++)
		if (strcmp(value, yes[i]) == 0)
			return true;
	return false;
}

bool serve_option_is_set(const char *key)
{
	char *value cleanup_free = run_option(key);

	return is_yes(value);
}

enum algo_legacy serve_legacy(void)
{
	char *value cleanup_free = run_option("legacy_ssh");

	if (!value || strcmp(value, "auto") == 0)
		return LEGACY_AUTO;
	return is_yes(value) ? LEGACY_ON : LEGACY_OFF;
}

static int load_or_make(struct hostkey **ret, struct err *e)
{
	char path[512];
	struct err why = ERR_INIT;
	const char *const paths[] = { BAKED_ED25519, run_path(path, sizeof(path), "host_key") };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		if (hostkey_load(ret, paths[i], HOSTKEY_ED25519, &why) == 0)
			return 0;
		/* A key that is there but broken: another one would look like an attack to the clients. */
		if (why.sys != ENOENT && why.sys != ENOTDIR) {
			*e = why;
			return -1;
		}
		err_clear(&why);
	}
	return hostkey_make(ret, path, HOSTKEY_ED25519, e);
}

int serve_load_keys(struct server *s, struct err *e)
{
	struct authkeys keys;
	char path[512], password[256], print[HOSTKEY_FINGERPRINT_MAX];
	const char *file = serve_keys_path(&s->options, path, sizeof(path));
	bool has_password = serve_password(password, sizeof(password));
	size_t count;

	explicit_bzero(password, sizeof(password));
	if (authkeys_load(&keys, file, e) < 0)
		return -1;
	count = keys.count;
	if (count == 0 && !has_password)
		err_set(e, ERR_NO_LOGIN, 0, "no usable key in %s", file);
	authkeys_done(&keys);
	if (err_is_set(e))
		return -1;
	if (load_or_make(&s->ed25519, e) < 0 || hostkey_fingerprint(s->ed25519, print, e) < 0)
		return err_ctx(e, "preparing the host key");
	log_info("serve: host key %s, %zu user keys%s", print, count,
		 has_password ? ", one-time password" : "");
	strcat(print, "\n");
	return file_replace(run_path(path, sizeof(path), "fingerprint"), print, strlen(print), 0644,
			    e);
}

struct hostkey *serve_rsa(void)
{
	struct hostkey *k = NULL;
	char path[512];

	if (hostkey_load(&k, BAKED_RSA, HOSTKEY_RSA, NULL) == 0)
		return k;
	if (hostkey_load(&k, run_path(path, sizeof(path), "host_key_rsa"), HOSTKEY_RSA, NULL) == 0)
		return k;
	return NULL;
}

/*
 * Only OpenSSH before 6.5 and clients in FIPS mode need an RSA key. Making one takes seconds on a small machine,
 * so it is made beside the service, at the lowest priority.
 */
void serve_make_rsa(struct server *s)
{
	struct hostkey *k = serve_rsa();
	char path[512];

	if (k) {
		hostkey_free(k);
		return;
	}
	s->key_maker = fork();
	if (s->key_maker != 0)
		return;
	close(s->listener); /* the port must be free for the next worker */
	close(s->signals);
	refuse_forget(&s->turned_away);
	if (nice(19) < 0)
		log_debug("serve: nice: %s", strerror(errno));
	if (serve_legacy() != LEGACY_ON)
		sleep(RSA_DELAY_S);
	if (hostkey_make(&k, run_path(path, sizeof(path), "host_key_rsa"), HOSTKEY_RSA, NULL) == 0)
		log_info("serve: made an RSA host key for old clients");
	_exit(0);
}
