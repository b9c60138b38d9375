/* SPDX-License-Identifier: MIT */
/* The long-running roles: process 1, module loading, the SSH service. */
#include <string.h>
#include <sys/prctl.h>

#include "base/str.h"
#include "cli/commands.h"
#include "serve/serve.h"
#if __has_include("init/init.h")
#include "init/init.h"
#else
int init_main(int argc, char **argv);
int modprobe_main(int argc, char **argv);
#endif

int cmd_init(const struct command *c, int argc, char **argv)
{
	(void)c;
	return init_main(argc, argv);
}

int cmd_modprobe(const struct command *c, int argc, char **argv)
{
	(void)c;
	return modprobe_main(argc, argv);
}

int cmd_serve(const struct command *c, int argc, char **argv)
{
	const char *port = NULL, *grace = NULL;
	struct serve_options o = SERVE_OPTIONS_DEFAULT;
	const struct command_option options[] = {
		{ "listen", NULL, &port },
		{ "bind", NULL, &o.address },
		{ "authorized-keys", NULL, &o.authorized_keys },
		{ "run-dir", NULL, &o.run_dir },
		{ "allow-shell", &o.allow_shell, NULL },
		{ "grace", NULL, &grace },
		{ "observer-keys", NULL, &o.observer_keys },
		{ "disk", NULL, &o.disks },
	};
	struct err e = ERR_INIT;
	int rc = command_options(c, argc, argv, options, ARRAY_SIZE(options), NULL, 0, 0, NULL);

	if (rc >= 0)
		return rc;
	if (o.disks)
		o.port = SERVE_PORT_FOREIGN;
	if (port && (parse_u32(port, &o.port) < 0 || o.port > 65535))
		return command_usage(c, "--listen needs a port from 0 to 65535");
	if (grace && (parse_u32(grace, &o.grace_s) < 0 || o.grace_s < 1 || o.grace_s > 3600))
		return command_usage(c, "--grace needs seconds from 1 to 3600");
	if (o.run_dir && o.run_dir[0] != '/')
		return command_usage(c, "--run-dir needs an absolute path");
	prctl(PR_SET_NAME, "rehost-serve"); /* started by a link in /proc it would be "exe" */
	rc = serve_run(&o, &e);
	if (rc < 0)
		command_keep_report(SERVE_ERROR_FILE,
				    &e); /* its own output is not seen on the console */
	return command_end_offline(false, rc, &e);
}
