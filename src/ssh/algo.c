/* SPDX-License-Identifier: MIT */
#include "ssh/algo.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define KEX_GOOD \
	"curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384," \
	"ecdh-sha2-nistp521,diffie-hellman-group18-sha512,diffie-hellman-group16-sha512," \
	"diffie-hellman-group-exchange-sha256,diffie-hellman-group14-sha256"
#define KEX_OLD "diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1"
#define HOST_KEYS_GOOD "ssh-ed25519,rsa-sha2-512,rsa-sha2-256"
#define MACS_GOOD \
	"hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512"
#define GCM "aes256-gcm@openssh.com,aes128-gcm@openssh.com"
#define CTR "aes256-ctr,aes192-ctr,aes128-ctr"
#define CHACHA "chacha20-poly1305@openssh.com"
#define USER_KEYS_GOOD \
	"ssh-ed25519,sk-ssh-ed25519@openssh.com,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384," \
	"ecdsa-sha2-nistp521,sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,rsa-sha2-256"

/* Major and minor of "SSH-2.0-OpenSSH_5.3p1 ..."; false for any other program. */
static bool openssh_version(const char *banner, unsigned *ret_major, unsigned *ret_minor)
{
	static const char name[] = "OpenSSH_";
	const char *at;
	char *end;

	if (!banner || !str_starts(banner, "SSH-"))
		return false;
	at = strstr(banner, name);
	if (!at)
		return false;
	at += sizeof(name) - 1;
	if (*at < '0' || *at > '9')
		return false;
	*ret_major = (unsigned)strtoul(at, &end, 10);
	*ret_minor = *end == '.' ? (unsigned)strtoul(end + 1, NULL, 10) : 0;
	return true;
}

static void add_legacy(struct algo_lists *a)
{
	a->kex = KEX_GOOD "," KEX_OLD;
	a->host_keys = HOST_KEYS_GOOD ",ssh-rsa";
	a->macs = MACS_GOOD ",hmac-sha1";
	a->user_keys = USER_KEYS_GOOD ",ssh-rsa";
}

struct algo_lists algo_choose(const char *client_banner, bool has_aes, enum algo_legacy legacy)
{
	struct algo_lists good = { KEX_GOOD, HOST_KEYS_GOOD, CHACHA "," GCM "," CTR, MACS_GOOD,
				   USER_KEYS_GOOD };
	unsigned major = 0, minor = 0;

	if (!openssh_version(client_banner, &major, &minor)) {
		if (has_aes)
			good.ciphers = GCM "," CHACHA "," CTR;
		if (legacy == LEGACY_ON)
			add_legacy(&good);
		return good;
	}
	if (major >= 3 && major <= 6) {
		/* No chacha20: these lack strict key exchange, and plain CTR with HMAC needs none. GCM since 6.2. */
		good.ciphers = major == 6 && minor >= 2 && has_aes ? GCM : CTR;
		if (legacy != LEGACY_OFF)
			add_legacy(&good);
		return good;
	}
	if (legacy == LEGACY_ON) {
		/* A client held to old lists by its configuration may know neither GCM nor chacha20. */
		add_legacy(&good);
		good.ciphers = GCM "," CTR;
	} else if (has_aes) {
		good.ciphers = GCM;
	}
	return good;
}

bool algo_has_aes(void)
{
	return __builtin_cpu_supports("aes");
}
