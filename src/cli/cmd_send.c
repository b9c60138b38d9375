/* SPDX-License-Identifier: MIT */
/* send: this machine's tree on stdout, for 'receive tar' at the other end of a connection. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "send/send.h"

struct request {
	struct strlist excludes, mounts;
	const char *root;
};

static int read_patterns(struct strlist *list, const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int rc = f ? 0 : -1;

	while (rc == 0 && (n = getline(&line, &size, f)) > 0) {
		if (line[n - 1] == '\n')
			line[--n] = '\0';
		if (n)
			rc = strlist_add(list, line);
	}
	free(line);
	if (f)
		fclose(f);
	return rc;
}

/* -1 to go on, or the exit code to end with. */
static int read_words(struct request *r, const struct command *c, int argc, char **argv)
{
	static const struct option table[] = {
		{ "root", required_argument, NULL, 'r' },
		{ "exclude", required_argument, NULL, 'x' },
		{ "exclude-from", required_argument, NULL, 'X' },
		{ "mount", required_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	char shown[128];
	int got;

	optind = 0;
	opterr = 0;
	while ((got = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
		str_escape(shown, sizeof(shown), argv[optind - 1]);
		switch (got) {
		case 'r':
			r->root = optarg;
			break;
		case 'x':
			if (strlist_add(&r->excludes, optarg) < 0)
				return EXIT_INTERNAL;
			break;
		case 'X':
			if (read_patterns(&r->excludes, optarg) < 0)
				return command_usage(c, "--exclude-from: %s cannot be read", shown);
			break;
		case 'm':
			if (strlist_add(&r->mounts, optarg) < 0)
				return EXIT_INTERNAL;
			break;
		case 'h':
			return command_help(c);
		default:
			return command_usage(c,
					     got == ':' ? "%s needs a value" : "unknown option: %s",
					     shown);
		}
	}
	if (argc - optind != 1 || strcmp(argv[optind], "tree") != 0)
		return command_usage(c, "the word is: tree");
	for (size_t i = 0; i < r->excludes.count; i++)
		if (r->excludes.items[i][0] != '/')
			return command_usage(c,
					     "--exclude: a pattern begins with /, as /var/cache/*");
	if (isatty(STDOUT_FILENO))
		return command_usage(
			c, "stdout is a terminal; let it lead to: ssh root@TARGET receive tar");
	return -1;
}

static int send(const struct request *r, struct err *e)
{
	const struct send_options o = { r->root ? r->root : "/", &r->excludes, &r->mounts };
	struct send_result result;
	char bytes[32];
	int rc = send_tree(&o, STDOUT_FILENO, &result, e);

	for (size_t i = 0; i < result.notes.count; i++)
		fprintf(stderr, "rehost send: %s\n", result.notes.items[i]);
	if (result.note_count > result.notes.count)
		fprintf(stderr, "rehost send: and %llu more\n",
			(unsigned long long)(result.note_count - result.notes.count));
	if (rc == 0)
		fprintf(stderr, "rehost send: %llu entries, %s in files\n",
			(unsigned long long)result.entries,
			format_bytes(bytes, sizeof(bytes), result.file_bytes));
	if (rc == 0 && result.unread)
		rc = err_set(e, ERR_SEND_READ, 0, "%llu files; the first are named above",
			     (unsigned long long)result.unread);
	else if (rc == 0 && result.note_count)
		rc = EXIT_NOTES;
	send_result_done(&result);
	return rc;
}

int cmd_send(const struct command *c, int argc, char **argv)
{
	struct request r = { 0 };
	struct err e = ERR_INIT;
	int rc = read_words(&r, c, argc, argv);

	if (rc < 0)
		rc = command_end_offline(false, send(&r, &e), &e);
	strlist_done(&r.excludes);
	strlist_done(&r.mounts);
	return rc;
}
