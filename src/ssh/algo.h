/* SPDX-License-Identifier: MIT */
/* Which algorithms are offered to which client, told by its banner. Pure. */
#pragma once

#include <stdbool.h>

/* Who is offered SHA-1 exchanges, ssh-rsa and hmac-sha1. */
enum algo_legacy {
	LEGACY_AUTO, /* clients whose banner says that they know nothing better */
	LEGACY_OFF,  /* nobody */
	LEGACY_ON,   /* everybody */
};

struct algo_lists {
	const char *kex;
	const char *host_keys;
	const char *ciphers;
	const char *macs;
	const char *user_keys; /* signature types accepted at login */
};

/*
 * Lists for a client. The client's order decides which cipher is used, and OpenSSH puts chacha20 and CTR before
 * GCM: so clients known to have AES-GCM are offered nothing else where the processor has AES instructions
 * (has_aes). OpenSSH 3 to 6 also gets what is old (enum algo_legacy), behind everything better.
 */
struct algo_lists algo_choose(const char *client_banner, bool has_aes, enum algo_legacy legacy);

/* Whether this processor has AES instructions. */
bool algo_has_aes(void);
