/* SPDX-License-Identifier: MIT */
/*
 * What people see while a command runs: the run folder's "progress" file for consoles and status, and lines on the
 * client's stderr. The file holds one key=value per line: command, phase, files, bytes, total (0:
 * unknown), rate (bytes of data per second over the last seconds), started (seconds since 1970).
 */
#pragma once

#include <pthread.h>
#include <stdio.h>

#include "transfer/tar.h"

#define PROGRESS_FILE "progress"

struct progress {
	const char *command; /* static text */
	const struct tar_progress *counters;
	uint64_t total_bytes; /* of file data; 0: unknown */
	FILE *client;	      /* may be NULL */
	/* private */
	char phase[32];
	uint64_t started_ms, shown_ms, next_ms;
	int64_t started_unix;
	struct {
		uint64_t ms, bytes;
	} sample[8]; /* of the last seconds, for the rate */
	unsigned sample_count;
	unsigned lines;
	bool on_line; /* the cursor is behind a \r line */
	bool has_thread, must_end;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
};

/*
 * Starts a thread that shows the counters twice a second: a line over itself when client is a terminal, else
 * a line after 2, 5 and 10 seconds and every 10 seconds from then on. Never fails: without a thread nothing is shown.
 * command, counters and client are borrowed until progress_end().
 */
void progress_begin(struct progress *p, const char *command, const char *phase,
		    uint64_t total_bytes, const struct tar_progress *counters, FILE *client);
void progress_phase(struct progress *p, const char *phase);
/* Ends the thread and the line; leaves the file for the command's end. */
void progress_end(struct progress *p);

/* For commands of a few steps: writes the file with this phase, no thread. Never fails. */
void progress_note(const char *command, const char *phase);
/* Removes the file: no command is running. */
void progress_clear(void);

/* The text of a line ("1,234 files, 1.4 GB, 23 MB/s, 40 s, about 2 min 05 s left"), for tests. */
void progress_format(char *buf, size_t size, uint64_t files, uint64_t bytes, uint64_t total,
		     uint64_t rate, uint64_t seconds);
