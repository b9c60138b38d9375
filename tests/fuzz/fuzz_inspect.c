/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as os-release, as a release file, and as a text that is searched for addresses: nothing is read outside, hits lie in
 * the text and name an address that inet_pton(3) knows.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "rewrite/inspect_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void search(const char *path, const char *text, size_t size)
{
	struct mentions m = { 0 };
	size_t i, lines = 1;

	for (i = 0; i < size; i++)
		lines += text[i] == '\n';
	if (mentions_add_own(&m, "192.0.2.10/24") < 0 || mentions_add_own(&m, "2001:db8::1") < 0 ||
	    mentions_add_own(&m, text) < 0 || mentions_scan_text(&m, path, text, size, NULL) < 0)
		abort();
	for (i = 0; i < m.count; i++) {
		unsigned char bytes[16];

		if (!m.items[i].line || m.items[i].line > lines ||
		    !memmem(text, size, m.items[i].address, strlen(m.items[i].address)) ||
		    inet_pton(strchr(m.items[i].address, ':') ? AF_INET6 : AF_INET,
			      m.items[i].address, bytes) != 1)
			abort();
	}
	mentions_done(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), *version;
	struct inspection i = { 0 };
	struct inspect_lines lines;
	struct strbuf b = STRBUF_INIT;

	if (!text)
		return 0;
	if (inspect_os_release(&i, (const char *)data, size, NULL) == 0 && i.id &&
	    strlen(i.id) > size)
		abort();
	inspect_done(&i);
	version = inspect_release_version(text);
	if (version && version[strspn(version, "0123456789.")])
		abort();
	free(version);
	strbuf_add(&b, data, size);
	inspect_lines_begin(&lines, &b);
	while (inspect_lines_entry(&lines))
		if (!lines.line[0] || lines.line[0] == '#' || lines.number > size + 1)
			abort();
	strbuf_done(&b);
	search("/etc/ssh/sshd_config", text, strlen(text));
	search("/etc/bind/db.example", text, strlen(text));
	free(text);
	return 0;
}
