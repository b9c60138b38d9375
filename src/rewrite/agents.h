/* SPDX-License-Identifier: MIT */
/* Programs of clouds, providers and hypervisors that a system may have: one table for inspect and for the rewriting. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* What they change on a machine by themselves. */
#define AGENT_NETWORK 1u
#define AGENT_KEYS 2u  /* SSH keys, users, passwords */
#define AGENT_NAME 4u  /* host name */
#define AGENT_DISKS 8u /* swap, resource disks, growing */

struct agent_row {
	const char *name, *provider;
	const char
		*vendor;  /* how the firmware of that provider's machines begins; NULL: not known */
	unsigned changes; /* AGENT_*; 0: nothing, or not known */
	bool is_kept; /* the rewriting leaves it alone: it serves any host of the kind, or is decided elsewhere */
	const char *patterns; /* of services that start it, as services_match() takes them */
	const char *files[4]; /* that show that it is installed; NULL at the end */
	const char *package;  /* of Debian; NULL: none, or none that is known */
};

/* In the order in which they are told. */
extern const struct agent_row agent_rows[];
extern const size_t agent_count;
