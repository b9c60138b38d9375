/* SPDX-License-Identifier: MIT */
/* What all commands share: options, --help, complaints, and the way a command ends. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/report.h"
#include "base/run.h"
#include "cli/commands.h"

#define OPTIONS_MAX 16

int command_help(const struct command *c)
{
	printf("rehost %s\n\n  %s\n", c->synopsis, c->summary);
	if (c->options)
		printf("\n%s", c->options);
	return EXIT_DONE;
}

int command_usage(const struct command *c, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "rehost %s: ", c->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nusage: rehost %s\n       'rehost help %s' says more\n", c->synopsis,
		c->name);
	return EXIT_USAGE;
}

static int bad_option(const struct command *c, int what, int argc, char **argv)
{
	const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";
	char shown[128];

	str_escape(shown, sizeof(shown), word);
	return command_usage(c, what == ':' ? "%s needs a value" : "unknown option: %s", shown);
}

int command_options(const struct command *c, int argc, char **argv,
		    const struct command_option *options, unsigned count, bool *json, int min,
		    int max, char ***ret_words)
{
	struct option table[OPTIONS_MAX + 3];
	unsigned i, n = 0;
	int index = 0, got;

	for (i = 0; i < count && i < OPTIONS_MAX; i++)
		table[n++] = (struct option){ .name = options[i].name,
					      .has_arg = options[i].text ? required_argument
									 : no_argument };
	table[n++] = (struct option){ .name = "help", .val = 'h' };
	if (json)
		table[n++] = (struct option){ .name = "json", .val = 'j' };
	table[n] = (struct option){ 0 };

	optind = 0; /* a fresh scan, also when main() has scanned before */
	opterr = 0;
	while ((got = getopt_long(argc, argv, ":h", table, &index)) != -1) {
		if (got == 'h')
			return command_help(c);
		if (got == 'j')
			*json = true;
		else if (got != 0)
			return bad_option(c, got, argc, argv);
		else if (options[index].text)
			*options[index].text = optarg;
		else
			*options[index].flag = true;
	}
	if (argc - optind < min)
		return command_usage(c, "something is missing");
	if (argc - optind > max) {
		char shown[128];

		str_escape(shown, sizeof(shown), argv[optind + max]);
		return command_usage(c, "one word too many: %s", shown);
	}
	if (ret_words)
		*ret_words = argv + optind;
	return -1;
}

int command_end_offline(bool json, int rc, const struct err *e)
{
	if (rc >= 0) {
		/* Output that was cut by a full disk or a closed pipe is not a success. */
		if (fflush(stdout) != 0 || ferror(stdout))
			return EXIT_UNTOUCHED;
		return rc;
	}
	if (json)
		json_print(stdout, json_pack("{s:o}", "error", report_error_json(e)));
	report_error(stderr, e);
	return report_exit_code(e);
}

/* Best effort: a run folder that cannot be written must not hide the error itself. */
void command_keep_report(const char *file, const struct err *e)
{
	char path[512];
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return;
	report_error(f, e);
	if (fclose(f) == 0 && *run_path(path, sizeof(path), file))
		(void)!file_replace(path, text, len, 0600, NULL);
	free(text);
}

int command_end(const struct command *c, bool json, int rc, const struct err *e)
{
	char path[512];
	int code = command_end_offline(json, rc, e);

	if (run_is_observer()) { /* what the operator is to see stays */
		log_info("%s: an observer's, ended with %d", c->name, code);
		return code;
	}
	if (rc < 0) {
		log_error("%s: %s [%s] %s", c->name, err_info(e->code)->title,
			  err_info(e->code)->id, e->nctx ? e->ctx[0] : "");
		command_keep_report("last_error", e);
		return code;
	}
	log_info("%s: ended with %d", c->name, code);
	if (*run_path(path, sizeof(path), "last_error"))
		unlink(path);
	return code;
}
