/* SPDX-License-Identifier: MIT */
/*
 * How many connections there may be. Those that have not logged in never take all places, and one source never takes
 * all of those: a machine on the internet is scanned within minutes, and the transfer must go on. Pure.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LIMITS_TOTAL 16		/* connections */
#define LIMITS_WAITING 8	/* of them before the login */
#define LIMITS_WAITING_SOURCE 4 /* of these from one source */
#define LIMITS_EVICT_MS 10000	/* a waiting connection this old gives way to a new one */

/* An address; IPv6 counts by /64, because a single customer has that many. */
struct source {
	uint8_t bytes[16];
};

struct source source_of(const struct sockaddr_storage *address);

struct limits_slot {
	pid_t pid; /* 0: free */
	struct source source;
	uint64_t since_ms;
};

struct limits {
	struct limits_slot slots[LIMITS_TOTAL];
	volatile uint8_t *logged_in; /* LIMITS_TOTAL flags, shared with the connection processes */
};

enum limits_verdict { LIMITS_OK, LIMITS_FULL, LIMITS_MANY_WAITING, LIMITS_MANY_OF_SOURCE };

const char *limits_text(enum limits_verdict v);

/*
 * May one more connection from here be served? With LIMITS_MANY_WAITING *ret_victim is a process to end so that the
 * next try succeeds, or 0 when all are too young.
 */
enum limits_verdict limits_judge(const struct limits *l, const struct source *from, uint64_t now_ms,
				 pid_t *ret_victim);

/* A free place with its flag cleared, or -1. It stays free until limits_enter. */
int limits_place(struct limits *l);
void limits_enter(struct limits *l, int place, pid_t pid, const struct source *from,
		  uint64_t now_ms);
void limits_leave(struct limits *l, pid_t pid);
