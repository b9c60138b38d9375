/* SPDX-License-Identifier: MIT */
/* The identity given out: a summary for people, everything but secrets for programs. */
#include <errno.h>
#include <string.h>

#include "job/identity.h"

#define FILE_MAX (1024 * 1024)
#define DEPTH_MAX 16

/* Private host keys and what only root may read for another reason: named, not shown. */
static bool is_secret(const struct root *files, const char *path)
{
	struct stat st;

	return root_stat(files, path, &st) < 0 || !(st.st_mode & S_IROTH);
}

static int add_files(const struct root *files, const char *dir, json_t *out, int depth,
		     struct err *e)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (depth > DEPTH_MAX || root_list(files, *dir ? dir : "/", &names, e) < 0)
		return depth > DEPTH_MAX ? err_set(e, ERR_LIMIT, 0, "%s", dir) : -1;
	for (i = 0; i < names.count; i++) {
		struct strbuf path cleanup_strbuf = STRBUF_INIT;
		struct strbuf text cleanup_strbuf = STRBUF_INIT;

		strbuf_addf(&path, "%s/%s", dir, names.items[i]);
		if (root_is_dir(files, strbuf_str(&path))) {
			if (add_files(files, strbuf_str(&path), out, depth + 1, e) < 0)
				return -1;
		} else if (is_secret(files, strbuf_str(&path))) {
			json_object_set_new(out, strbuf_str(&path), json_null());
		} else {
			if (root_read(files, strbuf_str(&path), &text, FILE_MAX, e) < 0)
				return -1;
			json_object_set_new(out, strbuf_str(&path), json_text(strbuf_str(&text)));
		}
	}
	return 0;
}

static int open_files(struct root *ret, struct err *e)
{
	char path[256];

	return root_open(ret, run_path(path, sizeof(path), "identity/files"), e);
}

static void print_value(FILE *out, const char *label, const char *value)
{
	char safe[1024];

	str_escape(safe, sizeof(safe), value && *value ? value : "-");
	fprintf(out, "%-13s %s\n", label, safe);
}

static void print_list(FILE *out, const char *label, const json_t *list, const char *const *keys)
{
	size_t i, k;

	for (i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		struct strbuf line cleanup_strbuf = STRBUF_INIT;

		if (json_is_string(o))
			strbuf_adds(&line, json_string_value(o));
		for (k = 0; json_is_object(o) && keys[k]; k++) {
			const char *s = json_string_value(json_object_get(o, keys[k]));

			if (s && *s)
				strbuf_addf(&line, "%s%s", line.len ? "  " : "", s);
		}
		print_value(out, i ? "" : label, strbuf_str(&line));
	}
}

static int print_text(FILE *out, const json_t *identity, struct err *e)
{
	static const char *const keys[] = { "hostname",	    "distribution", "machine_id",
					    "collected_at", "token",	    "kernel_cmdline" };
	static const char *const disk[] = { "path", "table", "model", "serial", NULL };
	static const char *const fs[] = { "mount", "device", "type", "uuid", "options", NULL };
	static const char *const swap[] = { "device", "uuid", NULL };
	static const char *const link[] = { "name", "mac", "driver", "gateway", NULL };
	struct root files cleanup_root = ROOT_INIT;
	json_t *list = json_object();
	const char *path;
	json_t *content;
	bool first = true;
	size_t i;

	if (!list || open_files(&files, e) < 0 || add_files(&files, "", list, 0, e) < 0) {
		json_decref(list);
		return -1;
	}
	if (json_is_true(json_object_get(identity, "provisional")))
		fputs("provisional: a journal is dirty, some of this may be out of date\n", out);
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		print_value(out, keys[i], json_string_value(json_object_get(identity, keys[i])));
	print_list(out, "disk", json_object_get(identity, "disks"), disk);
	print_list(out, "file systems", json_object_get(identity, "filesystems"), fs);
	print_list(out, "swap", json_object_get(identity, "swaps"), swap);
	print_list(out, "links", json_object_get(identity, "links"), link);
	print_list(out, "consoles", json_object_get(identity, "consoles"), disk);
	json_object_foreach(list, path, content)
	{
		print_value(out, first ? "files" : "", path);
		first = false;
	}
	json_decref(list);
	return 0;
}

int identity_print(FILE *out, bool json, json_t *identity, struct err *e)
{
	struct root files cleanup_root = ROOT_INIT;
	json_t *list, *all;

	if (!json)
		return print_text(out, identity, e);
	list = json_object();
	if (!list || open_files(&files, e) < 0 || add_files(&files, "", list, 0, e) < 0) {
		json_decref(list);
		return -1;
	}
	all = json_copy(identity);
	json_object_set_new(all, "files", list);
	return json_print(out, all) < 0 ? err_set(e, ERR_FILE, errno, "printing the identity") : 0;
}
