/* SPDX-License-Identifier: MIT */
/* Between the parts of enter: GRUB's own programs, which know its formats best. */
#pragma once

#include "base/spawn.h"
#include "enter/enter.h"

/* Path of a program of GRUB ("editenv") in buf, NULL when it is not installed. */
const char *enter_tool(const struct enter_place *p, const char *name, char *buf, size_t size);

/* Runs it with at most six arguments, NULL-terminated. ERR_ENTER_LOADER when it fails. */
int enter_run(const struct enter_place *p, const char *name, const char *const *arguments,
	      struct strbuf *output, struct err *e) must_check;
