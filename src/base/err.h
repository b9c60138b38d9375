/* SPDX-License-Identifier: MIT */
/*
 * The error object. It lives on the caller's stack, never allocates, and can be written through
 * a pipe as it is. The innermost function that knows what failed calls err_set() once; functions
 * on the way up add a noun with err_ctx(). Only cli, serve and init print it (base/report.h).
 */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"

enum err_code {
	ERR_NONE = 0,
#define ERR_ROW(name, id, severity, exit_code, title, advice) ERR_##name,
#include "base/err_codes.def"
#undef ERR_ROW
	ERR_CODE_COUNT
};

/* How serious: the ladder decides what the caller may do next. */
enum err_severity {
	SEV_RETRY,  /* transient, the same request may work */
	SEV_NOTE,   /* done, with something lost or skipped */
	SEV_FAILED, /* this step did not happen */
	SEV_FATAL,  /* target or session unusable */
};

/* How far the target's disk was changed. Stamped by job alone; the report always states it. */
enum err_extent {
	EXTENT_NOTHING, /* nothing has been written */
	EXTENT_STAGE, /* only the stage (beside the old system) was written, the old system is whole */
	EXTENT_SWITCHING, /* the switch is under way: boot the rescue and finish or undo it */
	EXTENT_SWITCHED,  /* the clone is in place, the old tree is kept */
	EXTENT_RELEASING, /* the clone is in place, the old tree is being deleted */
	EXTENT_UNKNOWN,	  /* cannot be told from here (for instance no disk is open) */
};

/* Exit codes, fixed and documented in rehost.8. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_UNTOUCHED = 1,  /* failed, the old system is untouched */
	EXIT_USAGE = 2,	     /* wrong words on the command line */
	EXIT_NOTES = 3,	     /* done, with notes */
	EXIT_INCOMPLETE = 4, /* failed, the target is incomplete and not bootable as the clone */
	EXIT_INTERNAL = 5,
};

#define ERR_CTX_MAX 6
#define ERR_CTX_LEN 256

struct err {
	enum err_code code;
	int sys; /* errno of the failing call, 0 when there was none */
	enum err_extent extent;
	unsigned nctx;
	char ctx[ERR_CTX_MAX][ERR_CTX_LEN]; /* innermost first */
};

#define ERR_INIT ((struct err){ .code = ERR_NONE })

/* One row of the table in err_codes.def. */
struct err_info {
	const char *name;
	const char *id; /* shown to people, stable: RH-AREA-NN */
	enum err_severity severity;
	enum exit_code exit_code;
	const char *title;  /* what did not happen, in the user's terms */
	const char *advice; /* what to type or do next; lines separated by \n, at most three */
};

/* Never NULL: an unknown code yields the row of ERR_INTERNAL. */
const struct err_info *err_info(enum err_code code);

/*
 * Records the cause. e may be NULL (the caller does not care). sys is an errno value or 0.
 * Control characters in the formatted text are escaped. Always returns -1, so that failing is
 * one statement: return err_set(e, ERR_DISK_READ, errno, "%s", path);
 */
int err_set(struct err *e, enum err_code code, int sys, const char *fmt, ...) printf_like(4, 5);

/* Adds "while doing this" on the way up. Returns -1. Dropped silently when the object is full. */
int err_ctx(struct err *e, const char *fmt, ...) printf_like(2, 3);

static inline bool err_is_set(const struct err *e)
{
	return e->code != ERR_NONE;
}

/* Clears an error that was handled. */
static inline void err_clear(struct err *e)
{
	*e = ERR_INIT;
}
