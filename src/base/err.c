/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/str.h"

static const struct err_info table[] = {
	[ERR_NONE] = { "NONE", "RH-OK", SEV_NOTE, EXIT_DONE, "no error", "" },
#define ERR_ROW(name, id, severity, exit_code, title, advice) \
	[ERR_##name] = { #name, id, severity, exit_code, title, advice },
#include "base/err_codes.def"
#undef ERR_ROW
};

const struct err_info *err_info(enum err_code code)
{
	if ((int)code < 0 || code >= ERR_CODE_COUNT)
		return &table[ERR_INTERNAL];
	return &table[code];
}

static printf_like(2, 0) void push(struct err *e, const char *fmt, va_list ap)
{
	char raw[ERR_CTX_LEN];

	if (e->nctx >= ERR_CTX_MAX)
		return;
	vsnprintf(raw, sizeof(raw), fmt, ap);
	str_escape(e->ctx[e->nctx++], ERR_CTX_LEN, raw);
}

int err_set(struct err *e, enum err_code code, int sys, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -1;
	*e = ERR_INIT;
	e->code = code;
	e->sys = sys;
	e->extent = EXTENT_UNKNOWN;
	va_start(ap, fmt);
	push(e, fmt, ap);
	va_end(ap);
	return -1;
}

int err_ctx(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -1;
	va_start(ap, fmt);
	push(e, fmt, ap);
	va_end(ap);
	return -1;
}
