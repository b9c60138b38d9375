/* SPDX-License-Identifier: MIT */
#include "base/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/str.h"

const char *run_dir(void)
{
	const char *dir = getenv("REHOST_RUN_DIR");

	return dir && dir[0] == '/' ? dir : RUN_DIR_DEFAULT;
}

const char *run_path(char *buf, size_t size, const char *name)
{
	int n = snprintf(buf, size, "%s/%s", run_dir(), name);

	if (n < 0 || (size_t)n >= size)
		buf[0] = '\0';
	return buf;
}

char *run_option(const char *key)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	char path[256];
	size_t len = strlen(key), i;

	if (file_slurp(run_path(path, sizeof(path), "options"), &text, 65536, NULL) < 0 ||
	    strlist_split(&lines, strbuf_str(&text), "\r\n") < 0)
		return NULL;
	for (i = lines.count; i-- > 0;) {
		if (strncmp(lines.items[i], key, len) == 0 && lines.items[i][len] == '=')
			return strdup(lines.items[i] + len + 1);
	}
	return NULL;
}

bool run_is_observer(void)
{
	return getenv(RUN_OBSERVER_ENV) != NULL;
}
