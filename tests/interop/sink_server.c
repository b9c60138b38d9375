/* SPDX-License-Identifier: MIT */
/*
 * The real SSH service around commands that do simple things, so that test_ssh.py can look at the service alone. The
 * service starts /proc/self/exe: that is this program.
 *   receive tar [FILE]   hashes stdin, prints bytes and SHA-256; notes in FILE how it ended
 *   status CODE          exits with CODE
 *   log BYTES            writes so many bytes to stdout and some to stderr
 *   check                dies by SIGKILL
 *   rewrite FILE         takes a second, then makes FILE
 *   plan MS              pauses, then counts stdin
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/report.h"
#include "base/str.h"
#include "serve/serve.h"

static const char *note_path;

static void note(const char *text)
{
	FILE *f = note_path ? fopen(note_path, "w") : NULL;

	if (!f)
		return;
	fputs(text, f);
	fclose(f);
}

static void on_term(int sig)
{
	(void)sig;
	note("terminated\n"); /* nothing else runs in this process: good enough for a test */
	_exit(1);
}

static int sink(void)
{
	static char chunk[1 << 18];
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX_LEN + 1];
	struct sha256 *h = getenv("SINK_PLAIN") ? NULL : sha256_new();
	unsigned long long total = 0;
	ssize_t n;

	signal(SIGTERM, on_term);
	note("running\n");
	while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0) {
		if (h)
			sha256_add(h, chunk, (size_t)n);
		total += (unsigned long long)n;
	}
	if (h) {
		sha256_finish(h, digest);
		hex_of(digest, sizeof(digest), hex);
	}
	note("end of file\n");
	printf("%llu %s\n", total, h ? hex : "-");
	return n < 0 ? 1 : 0;
}

static int discard(void)
{
	static char chunk[1 << 18];
	unsigned long long total = 0;
	ssize_t n;

	while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0)
		total += (unsigned long long)n;
	printf("%llu\n", total);
	return 0;
}

static int give(unsigned long long bytes)
{
	static char chunk[65536];

	memset(chunk, 'x', sizeof(chunk));
	fputs("noise on stderr\n", stderr);
	while (bytes > 0) {
		size_t n = bytes < sizeof(chunk) ? (size_t)bytes : sizeof(chunk);

		if (write_all(STDOUT_FILENO, chunk, n) < 0)
			return 1;
		bytes -= n;
	}
	return 0;
}

static int serve(char **argv)
{
	struct serve_options o = SERVE_OPTIONS_DEFAULT;
	struct err e = ERR_INIT;

	o.port = 0;
	o.address = "127.0.0.1";
	o.run_dir = argv[2];
	o.grace_s = (uint32_t)atoi(argv[3]);
	if (serve_run(&o, &e) == 0)
		return 0;
	report_error(stderr, &e);
	return report_exit_code(&e);
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";
	const char *word = argc > 2 ? argv[2] : "";

	signal(SIGPIPE, SIG_IGN);
	if (strcmp(command, "serve") == 0 && argc == 4)
		return serve(argv);
	if (strcmp(command, "receive") == 0) {
		note_path = argc > 3 ? argv[3] : NULL;
		return strcmp(word, "discard") == 0 ? discard() : sink();
	}
	if (strcmp(command, "status") == 0)
		return atoi(word);
	if (strcmp(command, "log") == 0)
		return give(strtoull(word, NULL, 10));
	if (strcmp(command, "check") == 0)
		raise(SIGKILL);
	if (strcmp(command, "rewrite") == 0) {
		sleep(1);
		puts("output that nobody may be there to read");
		note_path = word;
		note("done\n");
		return 0;
	}
	if (strcmp(command, "plan") == 0) {
		usleep((useconds_t)atoi(word) * 1000);
		return discard();
	}
	printf("command '%s'\n", command);
	return 0;
}
