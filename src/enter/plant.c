/* SPDX-License-Identifier: MIT */
/* Planting the entry and taking it back. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/root.h"
#include "enter/enter_priv.h"

#define CUSTOM_LIMIT (1u << 20)
#define COPY_BYTES (256u << 10)

static int copy_kernel(const char *from, struct err *e)
{
	static char buf[COPY_BYTES];
	cleanup_fd int in = open(from, O_RDONLY | O_CLOEXEC);
	cleanup_fd int out = -1;
	ssize_t n;

	if (in < 0)
		return err_set(e, ERR_ENTER_IMAGE, errno, "%s", from);
	if (unlink(ENTER_KERNEL) < 0 && errno != ENOENT)
		return err_set(e, ERR_FILE, errno, ENTER_KERNEL);
	out = open(ENTER_KERNEL, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return err_set(e, ERR_FILE, errno, ENTER_KERNEL);
	while ((n = read_full(in, buf, sizeof(buf))) > 0)
		if (write_all(out, buf, (size_t)n) < 0)
			return err_set(e, ERR_FILE, errno, ENTER_KERNEL);
	if (n < 0)
		return err_set(e, ERR_ENTER_IMAGE, errno, "%s", from);
	return fsync(out) < 0 ? err_set(e, ERR_FILE, errno, ENTER_KERNEL) : 0;
}

/* Our entry in custom.cfg, or none (entry NULL). A file that holds nothing then is removed. */
static int set_custom(const char *folder, const char *entry, bool *ret_changed, struct err *e)
{
	cleanup_strbuf struct strbuf old = STRBUF_INIT, new = STRBUF_INIT;
	struct root boot cleanup_root = ROOT_INIT;

	if (root_open(&boot, folder, e) < 0)
		return -1;
	if (root_exists(&boot, "custom.cfg") &&
	    root_read(&boot, "custom.cfg", &old, CUSTOM_LIMIT, e) < 0)
		return -1;
	if (enter_custom_text(&new, strbuf_str(&old), entry) < 0)
		return err_set(e, ERR_PARSE, 0,
			       "%s/custom.cfg: the end of rehost's entry is missing", folder);
	if (new.failed)
		return err_set(e, ERR_NOMEM, 0, "%s/custom.cfg", folder);
	if (new.len == old.len && (!new.len || memcmp(new.data, old.data, new.len) == 0))
		return 0;
	*ret_changed = true;
	if (!new.len)
		return root_remove(&boot, "custom.cfg", e);
	return root_replace(&boot, "custom.cfg", new.data, new.len, NULL, e);
}

enum next { NEXT_OTHER, NEXT_EMPTY, NEXT_RESCUE };

/* What the environment block says the next start is. GRUB leaves an empty word behind when it has used one. */
static int read_next(const struct enter_place *p, const char *env, enum next *ret, struct err *e)
{
	const char *const list[] = { env, "list", NULL };
	cleanup_strbuf struct strbuf said = STRBUF_INIT;

	*ret = NEXT_OTHER;
	if (access(env, F_OK) < 0)
		return 0;
	if (enter_run(p, "editenv", list, &said, e) < 0)
		return -1;
	if (strstr(strbuf_str(&said), "next_entry=rehost-rescue\n"))
		*ret = NEXT_RESCUE;
	else if (strstr(strbuf_str(&said), "next_entry=\n"))
		*ret = NEXT_EMPTY;
	return 0;
}

int enter_plant(const struct enter_place *p, const char *kernel, struct err *e)
{
	cleanup_strbuf struct strbuf cmdline = STRBUF_INIT, entry = STRBUF_INIT, said = STRBUF_INIT;
	char env[64];
	const char *const set[] = { env, "set", "next_entry=rehost-rescue", NULL };
	bool changed = false;
	enum next next;

	snprintf(env, sizeof(env), "%s/grubenv", p->folder);
	if (copy_kernel(kernel, e) < 0 || file_slurp("/proc/cmdline", &cmdline, 65536, e) < 0)
		return -1;
	enter_entry_text(&entry, p, strbuf_str(&cmdline));
	if (entry.failed)
		return err_set(e, ERR_NOMEM, 0, "boot entry");
	if (set_custom(p->folder, strbuf_str(&entry), &changed, e) < 0)
		return -1;
	sync();
	if (enter_run(p, "editenv", set, &said, e) < 0 || read_next(p, env, &next, e) < 0)
		return -1;
	if (next != NEXT_RESCUE)
		return err_set(e, ERR_ENTER_LOADER, 0, "%s does not keep next_entry", env);
	sync();
	return 0;
}

int enter_cancel(bool *ret_was, struct err *e)
{
	static const char *const names[] = { "grub", "grub2" };
	struct root boot cleanup_root = ROOT_INIT;

	*ret_was = false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct enter_place p = { 0 };
		char path[64], env[64];
		const char *const unset[] = { env, "unset", "next_entry", NULL };
		enum next next = NEXT_OTHER;

		snprintf(p.folder, sizeof(p.folder), "/boot/%s", names[i]);
		snprintf(env, sizeof(env), "%s/grubenv", p.folder);
		if (access(p.folder, F_OK) < 0)
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			snprintf(p.tools, sizeof(p.tools), "%s", names[k]);
			if (enter_tool(&p, "editenv", path, sizeof(path)))
				break;
		}
		if (enter_tool(&p, "editenv", path, sizeof(path)) &&
		    read_next(&p, env, &next, e) < 0)
			return -1;
		if (next != NEXT_OTHER && enter_run(&p, "editenv", unset, NULL, e) < 0)
			return -1;
		*ret_was |= next == NEXT_RESCUE;
		if (set_custom(p.folder, NULL, ret_was, e) < 0)
			return -1;
	}
	if (root_open(&boot, "/boot", e) < 0)
		return -1;
	*ret_was |= root_exists(&boot, strrchr(ENTER_DIR, '/'));
	return root_remove_tree(&boot, strrchr(ENTER_DIR, '/'), e);
}
