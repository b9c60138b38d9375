/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "init/console.h"

#define TAR \
	"tar --xattrs --xattrs-include='*' --acls --selinux --numeric-owner " \
	"--one-file-system --sparse -cpf - -C / ."

/* Adds text, cut into pieces of width columns at blanks where there are any. */
static int add_wrapped(struct strlist *lines, const char *indent, const char *text, unsigned width)
{
	size_t room = width - strlen(indent), len = strlen(text);

	do {
		size_t n = len;

		if (n > room) {
			for (n = room; n > room / 2 && text[n] != ' '; n--)
				;
			if (text[n] != ' ')
				n = room;
		}
		if (strlist_addf(lines, "%s%.*s", indent, (int)n, text) < 0)
			return -1;
		text += n;
		len -= n;
		while (*text == ' ') {
			text++;
			len--;
		}
	} while (len);
	return 0;
}

/* Untrusted text (states, errors name files): ASCII only, each line of it on its own. */
static int add_text(struct strlist *lines, const char *indent, const char *text, unsigned width)
{
	cleanup_strlist struct strlist parts = STRLIST_INIT;

	if (strlist_split(&parts, text, "\n") < 0)
		return -1;
	for (size_t i = 0; i < parts.count; i++) {
		char safe[1024];

		str_escape(safe, sizeof(safe), parts.items[i]);
		for (char *p = safe; *p; p++)
			if (*p & 0x80)
				*p = '?';
		if (add_wrapped(lines, indent, safe, width) < 0)
			return -1;
	}
	return 0;
}

/* The long command in lines that end in a backslash, so that it can be copied from the screen. */
static int add_continued(struct strlist *lines, const char *command, const char *last,
			 unsigned width)
{
	size_t room = width - 4;
	const char *rest = command;

	while (strlen(rest) > room) {
		size_t n = room;

		while (n > 1 && rest[n] != ' ')
			n--;
		if (rest[n] != ' ')
			break;
		if (strlist_addf(lines, "  %.*s \\", (int)n, rest) < 0)
			return -1;
		rest += n + 1;
	}
	/* The line with the address stays whole. */
	if (strlen(rest) + strlen(last) < room)
		return strlist_addf(lines, "  %s %s", rest, last);
	return strlist_addf(lines, "  %s \\", rest) < 0 ? -1 : strlist_addf(lines, "  %s", last);
}

static int add_commands(struct strlist *lines, const struct console_facts *f, unsigned width)
{
	cleanup_strbuf struct strbuf last = STRBUF_INIT;
	const char *address = f->addresses.items[0];
	char port[16] = "";

	if (f->port && f->port != 22)
		snprintf(port, sizeof(port), "-p %u ", f->port);
	strbuf_addf(&last, "| ssh %sroot@%s receive tar", port, address);
	if (strlist_add(lines, "On the source, as root, type:") < 0 ||
	    strlist_addf(lines, "  ssh %sroot@%s plan", port, address) < 0)
		return -1;
	return add_continued(lines, TAR, strbuf_str(&last), width);
}

static int add_login(struct strlist *lines, const struct console_facts *f)
{
	if (!str_is_empty(f->fingerprint) &&
	    strlist_addf(lines, "Host key: %s", f->fingerprint) < 0)
		return -1;
	if (f->keys)
		return strlist_addf(lines, "Login: root, %u SSH key%s", f->keys,
				    f->keys == 1 ? "" : "s");
	if (!str_is_empty(f->password))
		return strlist_addf(lines, "Login: root, one-time password: %s", f->password);
	return 0;
}

int console_render(struct strlist *lines, const struct console_facts *f, unsigned width)
{
	if (strlist_addf(lines, "rehost %s rescue, Linux %s", f->version, f->kernel) < 0)
		return -1;
	for (size_t i = 0; i < f->links.count; i++)
		if (add_text(lines, "  ", f->links.items[i], width) < 0)
			return -1;
	if (add_login(lines, f) < 0)
		return -1;
	if (!str_is_empty(f->seed) && add_text(lines, "Seed: ", f->seed, width) < 0)
		return -1;
	if (!str_is_empty(f->watchdog) && add_text(lines, "Watchdog: ", f->watchdog, width) < 0)
		return -1;
	if (!str_is_empty(f->state) && add_text(lines, "State: ", f->state, width) < 0)
		return -1;
	if (!str_is_empty(f->progress) && add_text(lines, "Now: ", f->progress, width) < 0)
		return -1;
	if (!str_is_empty(f->errors) && add_text(lines, "! ", f->errors, width) < 0)
		return -1;
	/* The command is worth showing when it would work. */
	if (f->addresses.count && !str_is_empty(f->fingerprint))
		return add_commands(lines, f, width);
	return 0;
}

/* Value of key in "key=value" lines, into ret; "" when absent. */
static void value_of(char *ret, size_t size, const char *text, const char *key)
{
	size_t n = strlen(key);

	ret[0] = 0;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n) == 0 && line[n] == '=') {
			snprintf(ret, size, "%.*s", (int)strcspn(line + n + 1, "\n"), line + n + 1);
			return;
		}
	}
}

static bool number_of(uint64_t *ret, const char *text, const char *key)
{
	char value[32];

	value_of(value, sizeof(value), text, key);
	return parse_u64(value, ret) == 0;
}

void console_progress(struct strbuf *ret, const char *text)
{
	char command[64], phase[64], a[32], b[32];
	uint64_t bytes, total, files, rate;

	value_of(command, sizeof(command), text, "command");
	value_of(phase, sizeof(phase), text, "phase");
	if (!command[0])
		return;
	strbuf_addf(ret, "%s%s%s", command, phase[0] ? ": " : "", phase);
	if (number_of(&files, text, "files"))
		strbuf_addf(ret, ", %llu files", (unsigned long long)files);
	if (number_of(&bytes, text, "bytes")) {
		strbuf_addf(ret, ", %s", format_bytes(a, sizeof(a), bytes));
		if (number_of(&total, text, "total") && total)
			strbuf_addf(ret, " of %s", format_bytes(b, sizeof(b), total));
	}
	if (number_of(&rate, text, "rate") && rate)
		strbuf_addf(ret, ", %s/s", format_bytes(a, sizeof(a), rate));
}

int console_news(struct strlist *ret, const struct strlist *before, const struct strlist *now)
{
	for (size_t i = 0; i < now->count; i++)
		if (!strlist_has(before, now->items[i]) && strlist_add(ret, now->items[i]) < 0)
			return -1;
	return 0;
}
