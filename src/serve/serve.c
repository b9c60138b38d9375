/* SPDX-License-Identifier: MIT */
#include "serve/serve.h"

int serve_run(const struct serve_options *o, struct err *e)
{
	(void)o;
	return err_set(e, ERR_INTERNAL, 0, "the SSH service is not in this build");
}
