/* SPDX-License-Identifier: MIT */
/* Shared by the parsers of network words. */
#pragma once

#include "init/netconf.h"

/* A word for a link as it is kept: a MAC in lower case with colons, else the word. -1: too long, '/'. */
int netconf_link_word(char ret[64], const char *word) must_check;
