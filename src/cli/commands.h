/* SPDX-License-Identifier: MIT */
/*
 * The command line: one table of commands, one file for each. A command parses its words, calls one
 * function of the layer below, and turns the result into output and an exit code. It knows nothing else.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

enum command_place {
	PLACE_TARGET,	/* on the target, also over the rescue's SSH */
	PLACE_ANYWHERE, /* wherever the binary runs */
	PLACE_INTERNAL, /* started by rehost itself; not listed */
};

struct command {
	const char *name;
	enum command_place place;
	int (*run)(const struct command *c, int argc, char **argv); /* returns the exit code */
	const char *synopsis;					    /* without "rehost " */
	const char *summary;					    /* one line */
	const char *options; /* lines for --help; NULL: none */
};

extern const struct command commands[]; /* ends with name NULL */
const struct command *command_find(const char *name);

/* Answers --help: prints the command's synopsis, summary and options to stdout. Returns EXIT_DONE. */
int command_help(const struct command *c);

/* Complains about the words of a command on stderr. Returns EXIT_USAGE. */
int command_usage(const struct command *c, const char *fmt, ...) printf_like(2, 3);

/* One long option without argument, or with a text argument when text is given. */
struct command_option {
	const char *name; /* without -- */
	bool *flag;
	const char **text;
};

/*
 * Reads options (--help and --json come by themselves when wanted: json NULL means the command has none) and demands
 * between min and max other words, which ret_words points at. Returns -1 to go on, or the exit code to end with.
 */
int command_options(const struct command *c, int argc, char **argv,
		    const struct command_option *options, unsigned count, bool *json, int min,
		    int max, char ***ret_words);

/*
 * The end of a command that works on the target: logs, reports e on stderr (an error object on stdout with
 * json), keeps or removes last_error. rc is what the job function returned: negative, 0 or EXIT_NOTES.
 */
int command_end(const struct command *c, bool json, int rc, const struct err *e);

/* Puts the report of e into a file of the run folder, for the consoles. */
void command_keep_report(const char *file, const struct err *e);

/* The same for commands that have nothing to do with a target: no log, no last_error. */
int command_end_offline(bool json, int rc, const struct err *e);

/* The binary's own options before any command. */
int main_help(bool over_ssh);

int cmd_serve(const struct command *c, int argc, char **argv);
int cmd_init(const struct command *c, int argc, char **argv);
int cmd_modprobe(const struct command *c, int argc, char **argv);
int cmd_help(const struct command *c, int argc, char **argv);
int cmd_no_command(const struct command *c, int argc, char **argv);
int cmd_shell(const struct command *c, int argc, char **argv);
int cmd_plan(const struct command *c, int argc, char **argv);
int cmd_status(const struct command *c, int argc, char **argv);
int cmd_identity(const struct command *c, int argc, char **argv);
int cmd_report(const struct command *c, int argc, char **argv);
int cmd_receive(const struct command *c, int argc, char **argv);
int cmd_authorize(const struct command *c, int argc, char **argv);
int cmd_rsync(const struct command *c, int argc, char **argv);
int cmd_rewrite(const struct command *c, int argc, char **argv);
int cmd_inspect(const struct command *c, int argc, char **argv);
int cmd_check(const struct command *c, int argc, char **argv);
int cmd_switch(const struct command *c, int argc, char **argv);
int cmd_rollback(const struct command *c, int argc, char **argv);
int cmd_release(const struct command *c, int argc, char **argv);
int cmd_log(const struct command *c, int argc, char **argv);
int cmd_reboot(const struct command *c, int argc, char **argv);
int cmd_send(const struct command *c, int argc, char **argv);
int cmd_rescue(const struct command *c, int argc, char **argv);
int cmd_rescue_image(const struct command *c, int argc, char **argv);
int cmd_image_area(const struct command *c, int argc, char **argv);
int cmd_explain(const struct command *c, int argc, char **argv);
int cmd_confirm(const struct command *c, int argc, char **argv);
int cmd_recover(const struct command *c, int argc, char **argv);
int cmd_storage(const struct command *c, int argc, char **argv);
int cmd_unlock(const struct command *c, int argc, char **argv);
int cmd_guard(const struct command *c, int argc, char **argv);
