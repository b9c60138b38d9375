/* SPDX-License-Identifier: MIT */
/*
 * The syntax of dhclient.conf(5) and dhclient.leases(5): statements that end with ';', blocks in braces, "strings" with
 * backslashes, # comments. Only as much of it as it takes to find a statement. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct dhclient_statement {
	size_t start, end; /* bytes of the text, the ';' included */
	size_t value,
		value_end; /* what follows the words, blanks off; value == value_end: nothing */
	unsigned depth;	   /* of braces around it */
};

/* How far a text was read; text and len are the caller's, the rest begins as zero. */
struct dhclient_scan {
	const char *text;
	size_t len, at;
	unsigned depth;
};

/*
 * The next statement that begins with the given words ("send dhcp-client-identifier": any blanks between them). False:
 * none. A string that never ends hides what it holds; a text with a zero byte has no statements.
 */
bool dhclient_next(struct dhclient_scan *scan, const char *words, struct dhclient_statement *ret);

/*
 * Whether the value may be written into another file as it is: one line of printable characters, at most 512 bytes.
 */
bool dhclient_value_is_plain(const char *value, size_t len);
