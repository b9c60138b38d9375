/* SPDX-License-Identifier: MIT */
/* What a clone leaves behind that nobody confirmed: bounded in size and time, the sum of it in the last lines. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/spawn.h"
#include "job/address.h"
#include "job/guard.h"
#include "job/sockets.h"
#include "job/trial.h"

#define PROGRAM_S 15
#define SECTION_MAX (48 * 1024)
#define JOURNAL_MAX (96 * 1024)
#define TCP_LIMIT (256 * 1024)

/* Folders where a program may be; no search path of the clone is trusted to be set. */
static const char *const folders[] = { "/usr/bin", "/bin", "/usr/sbin", "/sbin" };

/* The end of a text counts: that is where it went wrong. Starts at a line. */
static void add_end(struct strbuf *log, const char *text, size_t len, size_t limit)
{
	const char *from = text;

	if (len > limit) {
		from = text + len - limit;
		from += strcspn(from, "\n");
		from += *from == '\n';
		strbuf_adds(log, "...\n");
	}
	strbuf_add(log, from, len - (size_t)(from - text));
	if (log->len && log->data[log->len - 1] != '\n')
		strbuf_addc(log, '\n');
}

/* words[0] is the program's name. False when there is no such program or it failed to start. */
static bool run(const char *const *words, struct strbuf *ret)
{
	const char *argv[12] = { NULL };
	char path[64];
	size_t i, n;

	for (n = 0; words[n] && n + 1 < ARRAY_SIZE(argv); n++)
		argv[n] = words[n];
	for (i = 0; i < ARRAY_SIZE(folders); i++) {
		struct spawn s = {
			.argv = argv, .stdin_fd = -1, .output = ret, .timeout_s = PROGRAM_S
		};

		snprintf(path, sizeof(path), "%s/%s", folders[i], words[0]);
		argv[0] = path;
		if (access(path, X_OK) == 0)
			return spawn_wait(&s, NULL) >= 0;
	}
	return false;
}

static void add_program(struct strbuf *log, const char *title, const char *const *words,
			size_t limit)
{
	struct strbuf said cleanup_strbuf = STRBUF_INIT;

	if (!run(words, &said) || said.len == 0)
		return;
	strbuf_addf(log, "== %s\n", title);
	add_end(log, strbuf_str(&said), said.len, limit);
}

/* The end of a log file of any size. */
static void add_file(struct strbuf *log, const char *path, size_t limit)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	int fd cleanup_fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || (lseek(fd, -(off_t)limit, SEEK_END) < 0 && lseek(fd, 0, SEEK_SET) < 0) ||
	    fd_slurp(fd, &text, 2 * limit, NULL) < 0 || text.len == 0)
		return;
	strbuf_addf(log, "== %s\n", path);
	add_end(log, strbuf_str(&text), text.len, limit);
}

static void add_journal(struct strbuf *log)
{
	static const char *const journal[] = {
		"journalctl", "-b", "-n", "800", "--no-pager", NULL
	};
	static const char *const kernel[] = { "dmesg", NULL };
	static const char *const files[] = { "/var/log/syslog", "/var/log/messages",
					     "/var/log/daemon.log", "/var/log/auth.log" };
	size_t before = log->len, i;

	add_program(log, "journal", journal, JOURNAL_MAX);
	if (log->len > before)
		return;
	for (i = 0; i < ARRAY_SIZE(files); i++)
		add_file(log, files[i], SECTION_MAX / 2);
	add_program(log, "kernel", kernel, SECTION_MAX / 2);
}

/* A line of words out of lines. */
static void add_joined(struct strbuf *log, const char *label, const char *text)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	size_t i;

	strbuf_addf(log, "%s", label);
	if (strlist_split(&lines, text, "\n") < 0)
		log->failed = true;
	for (i = 0; i < lines.count && i < 12; i++)
		strbuf_addf(log, "%s%.160s", i ? ", " : " ", lines.items[i]);
	strbuf_adds(log, lines.count ? "\n" : " none\n");
}

static void add_addresses(struct strbuf *log)
{
	struct strlist own cleanup_strlist = STRLIST_INIT;
	size_t i;

	strbuf_adds(log, "addresses:");
	if (address_list_own(&own, NULL) < 0)
		own.count = 0;
	for (i = 0; i < own.count && i < 16; i++)
		strbuf_addf(log, " %s", own.items[i]);
	strbuf_addc(log, '\n');
}

static void add_sum(struct strbuf *log, const struct record *r, uint64_t uptime_s, bool is_over)
{
	static const char *const failed[] = { "systemctl", "--failed",	 "--no-legend",
					      "--plain",   "--no-pager", NULL };
	static const char *const routes[] = { "ip", "route", "show", "default", NULL };
	struct strbuf units cleanup_strbuf = STRBUF_INIT, way cleanup_strbuf = STRBUF_INIT;
	struct strbuf v4 cleanup_strbuf = STRBUF_INIT, v6 cleanup_strbuf = STRBUF_INIT;
	struct strbuf ports cleanup_strbuf = STRBUF_INIT;
	char ran[32];

	strbuf_adds(log, "== in short\n");
	add_addresses(log);
	if (run(routes, &way))
		add_joined(log, "default route:", strbuf_str(&way));
	if (file_slurp("/proc/net/tcp", &v4, TCP_LIMIT, NULL) == 0)
		sockets_list(strbuf_str(&v4), &ports);
	if (file_slurp("/proc/net/tcp6", &v6, TCP_LIMIT, NULL) == 0)
		sockets_list(strbuf_str(&v6), &ports);
	strbuf_addf(log, "listening:%.600s\n", ports.len ? strbuf_str(&ports) : " nothing");
	if (run(failed, &units))
		add_joined(log, "failed units:", strbuf_str(&units));
	format_seconds(ran, sizeof(ran), uptime_s);
	if (is_over)
		strbuf_addf(log, "nobody confirmed within %s of the start (trial %u)\n", ran,
			    r->trials);
	else
		strbuf_addf(log,
			    "noted %s after the start (trial %u); when this is the end, the clone "
			    "stopped later without a word\n",
			    ran, r->trials);
}

int guard_save_log(const struct root *running, const struct record *r, uint64_t uptime_s,
		   bool is_over, struct err *e)
{
	static const char *const units[] = { "systemctl", "--failed", "--no-pager", NULL };
	static const char *const sshd[] = { "systemctl", "status", "ssh",	 "sshd",
					    "-n",	 "20",	   "--no-pager", NULL };
	static const char *const links[] = { "ip", "address", NULL };
	static const char *const routes[] = { "ip", "route", NULL };
	static const char *const nft[] = { "nft", "list", "ruleset", NULL };
	static const char *const iptables[] = { "iptables", "-S", NULL };
	static const struct root_meta meta = { .mode = 0600 };
	struct strbuf log cleanup_strbuf = STRBUF_INIT;

	add_journal(&log);
	add_program(&log, "firewall (nft)", nft, SECTION_MAX / 4);
	add_program(&log, "firewall (iptables)", iptables, SECTION_MAX / 4);
	add_program(&log, "failed units", units, SECTION_MAX / 4);
	add_program(&log, "sshd", sshd, SECTION_MAX / 4);
	add_program(&log, "links", links, SECTION_MAX / 4);
	add_program(&log, "routes", routes, SECTION_MAX / 4);
	add_sum(&log, r, uptime_s, is_over);
	if (log.failed)
		return err_set(e, ERR_NOMEM, 0, "the log of the trial");
	return root_replace(running, TRIAL_LOG, log.data, log.len, &meta, e);
}
