/* SPDX-License-Identifier: MIT */
/* The kernel's tables of TCP sockets, /proc/net/tcp and tcp6, as text. Pure. */
#pragma once

#include "base/str.h"

/* Appends " 0.0.0.0:22 [::]:80": what is listened on. */
void sockets_list(const char *table, struct strbuf *ret);
