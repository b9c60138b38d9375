/* SPDX-License-Identifier: MIT */
#include "init/modload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "init/cmdline.h"
#include "init/init.h"

/* include/uapi/linux/module.h, Linux 5.17: the file is compressed as /sys/module/compression says. */
#define FINIT_COMPRESSED 4

#define CMDLINE_LIMIT 65536

/* Words that say "do not load", comma-separated names: the kernel's own, kmod's and dracut's. */
static int read_blacklists(struct modload *m)
{
	static const char *const keys[] = { "module_blacklist=", "modprobe.blacklist=",
					    "rd.driver.blacklist=" };

	for (size_t i = 0; i < m->words.count; i++)
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
			if (str_starts(m->words.items[i], keys[k]) &&
			    moddb_blacklist(&m->db, m->words.items[i] + strlen(keys[k])) < 0)
				return -1;
	return 0;
}

int modload_open(struct modload *ret, struct err *e)
{
	cleanup_strbuf struct strbuf line = STRBUF_INIT;
	struct utsname u;

	memset(ret, 0, sizeof(*ret));
	if (uname(&u) < 0)
		return err_set(e, ERR_INTERNAL, errno, "uname");
	snprintf(ret->folder, sizeof(ret->folder), "/lib/modules/%s", u.release);
	/* Without /proc there are no options, the modules load all the same. */
	if (file_slurp("/proc/cmdline", &line, CMDLINE_LIMIT, NULL) == 0 &&
	    cmdline_split(&ret->words, strbuf_str(&line)) < 0)
		return err_set(e, ERR_NOMEM, 0, "kernel command line");
	if (moddb_open(&ret->db, ret->folder, e) < 0)
		return -1;
	if (read_blacklists(ret) < 0)
		return err_set(e, ERR_NOMEM, 0, "module blacklist");
	return 0;
}

void modload_close(struct modload *m)
{
	moddb_done(&m->db);
	strlist_done(&m->words);
}

/* 1 loaded, 0 there already, -1 refused. */
static int load_file(struct modload *m, const char *path, struct err *e)
{
	cleanup_strbuf struct strbuf options = STRBUF_INIT;
	cleanup_fd int fd = -1;
	char full[512], name[MODULE_NAME_MAX];

	snprintf(full, sizeof(full), "%s/%s", m->folder, path);
	module_name_of(name, path);
	module_options(&options, &m->words, name);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, ERR_INIT_MODULES, errno, "%s", full);
	if (syscall(SYS_finit_module, fd, strbuf_str(&options),
		    str_ends(path, ".ko") ? 0 : FINIT_COMPRESSED) == 0) {
		log_debug("module %s loaded", name);
		return 1;
	}
	if (errno == EEXIST)
		return 0;
	return err_set(e, ERR_INIT_MODULES, errno, "module %s", name);
}

int modload_request(struct modload *m, const char *request, struct strlist *done, struct err *e)
{
	cleanup_strlist struct strlist paths = STRLIST_INIT;
	int answer = moddb_plan(&m->db, request, &paths), loaded = 0, failed = 0;

	if (answer < 0)
		return err_set(e, ERR_NOMEM, 0, "module %s", request);
	if (answer == MODDB_UNKNOWN)
		return err_set(e, ERR_INIT_MODULES, ENOENT, "%s", request);
	for (size_t i = 0; i < paths.count; i++) {
		struct err one = ERR_INIT;
		int n;

		if (done && strlist_has(done, paths.items[i]))
			continue;
		if (done && strlist_add(done, paths.items[i]) < 0)
			return err_set(e, ERR_NOMEM, 0, "module %s", request);
		n = load_file(m, paths.items[i], &one);
		if (n >= 0) {
			loaded += n;
			continue;
		}
		/* ENODEV: a driver built for a processor feature that is not there. */
		if (one.sys != ENODEV)
			log_warn("%s: errno %d", one.ctx[0], one.sys);
		if (!failed && e)
			*e = one;
		failed = 1;
	}
	return failed && !loaded ? -1 : loaded;
}

int modprobe_main(int argc, char **argv)
{
	struct modload m;
	struct err e = ERR_INIT;
	bool words_end = false;
	int rc = 0, names = 0;

	if (modload_open(&m, &e) < 0)
		return EXIT_UNTOUCHED;
	for (int i = 1; i < argc; i++) {
		if (!words_end && argv[i][0] == '-') {
			words_end = strcmp(argv[i], "--") == 0;
			continue;
		}
		names++;
		if (modload_request(&m, argv[i], NULL, NULL) < 0)
			rc = EXIT_UNTOUCHED;
	}
	modload_close(&m);
	return names ? rc : EXIT_USAGE;
}
