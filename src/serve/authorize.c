/* SPDX-License-Identifier: MIT */
#include "serve/authorize.h"

#include <errno.h>
#include <unistd.h>

#include "base/authkeys.h"
#include "base/io.h"
#include "base/run.h"
#include "base/str.h"
#include "serve/serve_priv.h"

#define KEY_TEXT_MAX 16384 /* one line; RSA with 16,384 bits has 2.8 KiB */

const char *serve_temporary_path(char *buf, size_t size)
{
	return run_path(buf, size, "temporary_key");
}

int serve_authorize(int fd, struct err *e)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct authkeys keys;
	char path[512];
	size_t count;

	if (fd_slurp(fd, &text, KEY_TEXT_MAX, e) < 0)
		return err_ctx(e, "reading a public key from stdin");
	if (authkeys_parse(&keys, strbuf_str(&text), text.len, e) < 0)
		return -1;
	count = keys.count;
	authkeys_done(&keys);
	if (count != 1)
		return err_set(e, ERR_KEY, 0, "%s",
			       count ? "more than one came" : "what came on stdin is none");
	return file_replace(serve_temporary_path(path, sizeof(path)), text.data, text.len, 0600, e);
}

int serve_authorize_remove(struct err *e)
{
	char path[512];

	if (unlink(serve_temporary_path(path, sizeof(path))) < 0 && errno != ENOENT)
		return err_set(e, ERR_FILE, errno, "%s", path);
	return 0;
}
