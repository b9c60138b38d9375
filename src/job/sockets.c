/* SPDX-License-Identifier: MIT */
#include "job/sockets.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define LISTENING 10

/* A line of /proc/net/tcp: "  0: 0100007F:0016 00000000:0000 0A ..."; state 0A is listening. */
void sockets_list(const char *table, struct strbuf *ret)
{
	const char *line;

	for (line = table; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		char hex[40] = "", text[INET6_ADDRSTRLEN];
		unsigned port, state, i;
		uint32_t words[4];
		size_t len;

		if (sscanf(line, " %*u: %32[0-9A-Fa-f]:%x %*32[0-9A-Fa-f]:%*x %x", hex, &port,
			   &state) != 3 ||
		    state != LISTENING)
			continue;
		len = strlen(hex);
		if (len != 8 && len != 32)
			continue;
		for (i = 0; i < len / 8; i++) /* each word in the machine's own order */
			sscanf(hex + (size_t)i * 8, "%8x", &words[i]);
		if (!inet_ntop(len == 8 ? AF_INET : AF_INET6, words, text, sizeof(text)))
			continue;
		strbuf_addf(ret, len == 8 ? " %s:%u" : " [%s]:%u", text, port);
	}
}
