/* SPDX-License-Identifier: MIT */
#include "init/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/report.h"
#include "init/cmdline.h"
#include "init/early.h"

#define FILE_LIMIT 65536

int settings_read(struct strlist *words, struct err *e)
{
	static const char *const files[] = { "/proc/cmdline", "/etc/rehost/cmdline" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		cleanup_strbuf struct strbuf text = STRBUF_INIT;

		if (file_slurp(files[i], &text, FILE_LIMIT, NULL) < 0)
			continue;
		if (cmdline_split(words, strbuf_str(&text)) < 0)
			return err_set(e, ERR_NOMEM, 0, "%s", files[i]);
	}
	return 0;
}

bool settings_is_port(const char *text)
{
	uint32_t port;

	return parse_u32(text, &port) == 0 && port > 0 && port <= 65535;
}

/* 32 characters: no l, o, 0, 1. */
void settings_password(char *ret, const unsigned char random[24])
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";

	for (int i = 0; i < 24; i++) {
		if (i && i % 4 == 0)
			*ret++ = '-';
		*ret++ = letters[random[i] % 32];
	}
	*ret = 0;
}

/* A planted rescue goes on with the password of the one that planted it. */
static bool kept_password(char ret[PASSWORD_LEN + 2])
{
	cleanup_strbuf struct strbuf text = STRBUF_INIT;

	if (file_slurp("/etc/rehost/password", &text, PASSWORD_LEN + 1, NULL) < 0 ||
	    text.len != PASSWORD_LEN + 1 || text.data[PASSWORD_LEN] != '\n' ||
	    strspn(text.data, "abcdefghijkmnpqrstuvwxyz23456789-") != PASSWORD_LEN)
		return false;
	memcpy(ret, text.data, PASSWORD_LEN + 2);
	return true;
}

static int write_password(struct err *e)
{
	unsigned char random[24];
	char password[PASSWORD_LEN + 2];

	if (kept_password(password))
		return file_replace(RUN_DIR_INIT "/password", password, strlen(password), 0600, e);
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return err_set(e, ERR_INTERNAL, errno, "getrandom");
	settings_password(password, random);
	strcat(password, "\n");
	return file_replace(RUN_DIR_INIT "/password", password, strlen(password), 0600, e);
}

/* For the console: a key with a typing error otherwise only looks like a refused login. */
static int note_skipped(unsigned skipped, struct err *e)
{
	char text[1024] = "";
	struct err note = ERR_INIT;
	FILE *f = fmemopen(text, sizeof(text) - 1, "w");

	if (!f)
		return err_set(e, ERR_NOMEM, errno, "key report");
	err_set(&note, ERR_INIT_KEY, 0, "%u of the lines given as keys", skipped);
	note.extent = EXTENT_NOTHING;
	report_error(f, &note);
	fclose(f);
	return file_replace(RUN_DIR_INIT "/key_error", text, strlen(text), 0600, e);
}

/* Those who may look only; a machine without any gets no file. */
static int write_observers(const struct strlist *words, unsigned *ret_skipped, struct err *e)
{
	cleanup_strbuf struct strbuf keys = STRBUF_INIT, file = STRBUF_INIT;
	int count;

	(void)!file_slurp("/etc/rehost/observer_keys", &file, FILE_LIMIT, NULL); /* optional */
	count = cmdline_keys(&keys, words, "rehost.observer_key", strbuf_str(&file), ret_skipped);
	if (count < 0)
		return err_set(e, ERR_NOMEM, 0, "keys");
	if (count == 0)
		return 0;
	return file_replace(RUN_DIR_INIT "/observer_keys", strbuf_str(&keys), keys.len, 0600, e);
}

int settings_write(const struct strlist *words, int *ret_keys, struct err *e)
{
	cleanup_strbuf struct strbuf options = STRBUF_INIT, keys = STRBUF_INIT;
	cleanup_strbuf struct strbuf options_file = STRBUF_INIT, keys_file = STRBUF_INIT;
	unsigned skipped, more;

	/* Both files are optional. */
	(void)!file_slurp("/etc/rehost/options", &options_file, FILE_LIMIT, NULL);
	(void)!file_slurp("/etc/rehost/authorized_keys", &keys_file, FILE_LIMIT, NULL);
	if (cmdline_options(&options, words, strbuf_str(&options_file)) < 0)
		return err_set(e, ERR_NOMEM, 0, "options");
	*ret_keys = cmdline_keys(&keys, words, "rehost.key", strbuf_str(&keys_file), &skipped);
	if (*ret_keys < 0)
		return err_set(e, ERR_NOMEM, 0, "keys");
	if (file_replace(RUN_DIR_INIT "/options", strbuf_str(&options), options.len, 0600, e) < 0 ||
	    file_replace(RUN_DIR_INIT "/authorized_keys", strbuf_str(&keys), keys.len, 0600, e) < 0)
		return -1;
	if (write_observers(words, &more, e) < 0)
		return -1;
	if (skipped + more && note_skipped(skipped + more, e) < 0)
		return -1;
	return *ret_keys ? 0 : write_password(e);
}
