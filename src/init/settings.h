/* SPDX-License-Identifier: MIT */
/* What the operator gave with the boot, written to /run/rehost for the other processes. */
#pragma once

#include "base/err.h"
#include "base/str.h"

#define PASSWORD_LEN 29 /* six groups of four, dashes between */

/*
 * Reads /proc/cmdline and /etc/rehost/cmdline into words, in this order: of a word that may be
 * given once the last counts, so what is baked into an appended archive wins.
 */
int settings_read(struct strlist *words, struct err *e) must_check;

/*
 * Writes options, authorized_keys, observer_keys and, when there is no key that may write, password. *ret_keys is the number of
 * keys. What was skipped is reported in /run/rehost/key_error for the console.
 */
int settings_write(const struct strlist *words, int *ret_keys, struct err *e) must_check;

/* Whether text is a port that a service can listen on, 1 to 65535. */
bool settings_is_port(const char *text);

/*
 * A password from 24 random bytes: 24 letters and digits that are not mistaken for one another,
 * 120 bits. ret holds PASSWORD_LEN + 1.
 */
void settings_password(char *ret, const unsigned char random[24]);
