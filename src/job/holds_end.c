/* SPDX-License-Identifier: MIT */
#include "job/holds_end.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/spawn.h"
#include "rewrite/holds.h"

#define START_S 60 /* for all units together: they are queued, not waited for */
#define SCRIPT_S 60

/* The first of the paths that can be run, or NULL. */
static const char *find_program(const char *const *paths)
{
	for (; *paths; paths++)
		if (access(*paths, X_OK) == 0)
			return *paths;
	return NULL;
}

static bool run(const char *const *argv, unsigned timeout_s)
{
	const struct spawn s = { .argv = argv, .stdin_fd = -1, .timeout_s = timeout_s };
	struct err ignored = ERR_INIT;

	return spawn_wait(&s, &ignored) == 0;
}

static bool start_units(const struct strlist *units)
{
	static const char *const paths[] = { "/usr/bin/systemctl", "/bin/systemctl", NULL };
	const char *systemctl = find_program(paths);
	const char **argv;
	size_t i;
	bool ok;

	if (!systemctl)
		return false;
	ok = run((const char *const[]){ systemctl, "daemon-reload", NULL }, START_S);
	argv = calloc(units->count + 5, sizeof(*argv));
	if (!argv)
		return false;
	argv[0] = systemctl;
	argv[1] = "start";
	argv[2] = "--no-block";
	argv[3] = "--";
	for (i = 0; i < units->count; i++)
		argv[4 + i] = units->items[i];
	ok = run(argv, START_S) && ok;
	free(argv);
	return ok;
}

static bool start_script(const char *name)
{
	static const char *const openrc[] = { "/sbin/rc-service", "/usr/sbin/rc-service", NULL };
	static const char *const sysv[] = { "/usr/sbin/service", "/sbin/service", NULL };
	const char *program = find_program(openrc);
	char script[300];

	if (!program)
		program = find_program(sysv);
	if (program)
		return run((const char *const[]){ program, name, "start", NULL }, SCRIPT_S);
	snprintf(script, sizeof(script), "/etc/init.d/%s", name);
	return run((const char *const[]){ script, "start", NULL }, SCRIPT_S);
}

static void print_names(FILE *out, const struct strlist *names)
{
	char safe[512];
	size_t i;

	for (i = 0; i < names->count; i++) {
		str_escape(safe, sizeof(safe), names->items[i]);
		fprintf(out, " %s", safe);
	}
}

static void start(const struct holds *h, FILE *out)
{
	bool ok = !h->units.count || start_units(&h->units);
	size_t i;

	for (i = 0; i < h->scripts.count; i++)
		ok = start_script(h->scripts.items[i]) && ok;
	fprintf(out, "Started, held until now:");
	print_names(out, &h->units);
	print_names(out, &h->scripts);
	fprintf(out, "\n");
	if (!ok)
		fprintf(out,
			"Not all of them could be started now (see 'log'); the next boot starts "
			"them.\n");
}

static int end(struct holds *h, const struct root *clone, const struct root *holder,
	       const char *path, struct err *e)
{
	if (holds_release(h, clone, holder, path, e) < 0)
		return err_ctx(e, "releasing what was held until the clone is confirmed");
	if (h->units.count + h->scripts.count > 0)
		log_info("released %zu units and scripts that were held",
			 h->units.count + h->scripts.count);
	return 0;
}

int holds_end(const struct root *running, FILE *out, struct err *e)
{
	struct holds h;

	if (end(&h, running, running, HOLDS_FILE, e) < 0)
		return -1;
	if (h.units.count + h.scripts.count > 0)
		start(&h, out);
	holds_done(&h);
	return 0;
}

int holds_end_offline(const struct root *clone, const struct root *holder, const char *path,
		      struct err *e)
{
	struct holds h;

	if (end(&h, clone, holder, path, e) < 0)
		return -1;
	holds_done(&h);
	return 0;
}
