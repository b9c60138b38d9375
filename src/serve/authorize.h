/* SPDX-License-Identifier: MIT */
/*
 * The temporary key: who has logged in may hand over one public key that may log in from then on, so that a script is asked for the
 * one-time password once. It lies in the run folder alone: the next boot has forgotten it.
 */
#pragma once

#include "base/err.h"

/* Reads one public key from fd and takes it in the place of the last one. ERR_KEY: what came is not one key. */
int serve_authorize(int fd, struct err *e) must_check;

/* Takes the key away; not being there is fine. */
int serve_authorize_remove(struct err *e) must_check;
