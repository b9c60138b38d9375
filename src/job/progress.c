/* SPDX-License-Identifier: MIT */
#include "job/progress.h"

#include <string.h>
#include <time.h>

#include "base/io.h"
#include "base/run.h"
#include "base/str.h"

#define TICK_MS 500
#define RATE_WINDOW 8 /* samples of a second each */

static void group_digits(char *buf, size_t size, uint64_t n)
{
	char plain[24];
	size_t len = (size_t)snprintf(plain, sizeof(plain), "%llu", (unsigned long long)n), i,
	       o = 0;

	for (i = 0; i < len && o + 2 < size; i++) {
		if (i && (len - i) % 3 == 0)
			buf[o++] = ',';
		buf[o++] = plain[i];
	}
	buf[o] = '\0';
}

void progress_format(char *buf, size_t size, uint64_t files, uint64_t bytes, uint64_t total,
		     uint64_t rate, uint64_t seconds)
{
	char count[32], data[32], of[32] = "", speed[32], time_text[32], left[48] = "";

	group_digits(count, sizeof(count), files);
	format_bytes(data, sizeof(data), bytes);
	format_bytes(speed, sizeof(speed), rate);
	format_seconds(time_text, sizeof(time_text), seconds);
	if (total > bytes) {
		char total_text[24], left_text[32];

		snprintf(of, sizeof(of), " of %s",
			 format_bytes(total_text, sizeof(total_text), total));
		if (rate)
			snprintf(left, sizeof(left), ", about %s left",
				 format_seconds(left_text, sizeof(left_text),
						(total - bytes) / rate));
	}
	snprintf(buf, size, "%s files, %s%s, %s/s, %s%s", count, data, of, speed, time_text, left);
}

static void write_file(const char *command, const char *phase, uint64_t files, uint64_t bytes,
		       uint64_t total, uint64_t rate, int64_t started)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char path[256];
	struct err ignored = ERR_INIT;

	strbuf_addf(&text, "command=%s\nphase=%s\nfiles=%llu\nbytes=%llu\ntotal=%llu\nrate=%llu\n",
		    command, phase, (unsigned long long)files, (unsigned long long)bytes,
		    (unsigned long long)total, (unsigned long long)rate);
	strbuf_addf(&text, "started=%lld\n", (long long)started);
	if (!text.failed && file_replace(run_path(path, sizeof(path), PROGRESS_FILE),
					 strbuf_str(&text), text.len, 0600, &ignored) < 0)
		err_clear(&ignored); /* only a display: the work goes on */
}

void progress_note(const char *command, const char *phase)
{
	write_file(command, phase, 0, 0, 0, 0, (int64_t)time(NULL));
}

void progress_clear(void)
{
	char path[256];

	unlink(run_path(path, sizeof(path), PROGRESS_FILE));
}

/* Bytes per second over the samples kept; one sample a second. */
static uint64_t rate_of(struct progress *p, uint64_t now, uint64_t bytes)
{
	unsigned last = p->sample_count % RATE_WINDOW;
	unsigned first = p->sample_count > RATE_WINDOW ? last : 0;
	unsigned newest = (p->sample_count + RATE_WINDOW - 1) % RATE_WINDOW;
	uint64_t ms;

	if (!p->sample_count || now - p->sample[newest].ms >= 1000) {
		p->sample[last].ms = now;
		p->sample[last].bytes = bytes;
		p->sample_count++;
		first = p->sample_count > RATE_WINDOW ? p->sample_count % RATE_WINDOW : 0;
	}
	ms = now - p->sample[first].ms;
	if (ms < 500) { /* at the very start: the average so far */
		ms = now - p->started_ms;
		return ms ? bytes * 1000 / ms : 0;
	}
	return (bytes - p->sample[first].bytes) * 1000 / ms;
}

static bool is_terminal(FILE *f)
{
	return f && isatty(fileno(f));
}

static void show_client(struct progress *p, const char *text, uint64_t now)
{
	if (!p->client)
		return;
	if (is_terminal(p->client)) {
		fprintf(p->client, "\r%s: %s\033[K", p->phase, text);
		fflush(p->client);
		p->on_line = true;
		return;
	}
	if (now < p->next_ms)
		return;
	p->lines++;
	p->next_ms += p->lines == 1 ? 3000 : p->lines == 2 ? 5000 : 10000;
	fprintf(p->client, "%s: %s\n", p->phase, text);
	fflush(p->client);
}

/* With the mutex held. */
static void show(struct progress *p)
{
	uint64_t now = now_ms();
	uint64_t bytes = p->counters->file_bytes, files = p->counters->entries;
	uint64_t rate = rate_of(p, now, bytes);
	char text[160];

	progress_format(text, sizeof(text), files, bytes, p->total_bytes, rate,
			(now - p->started_ms) / 1000);
	write_file(p->command, p->phase, files, bytes, p->total_bytes, rate, p->started_unix);
	show_client(p, text, now);
}

static void *run(void *arg)
{
	struct progress *p = arg;

	pthread_mutex_lock(&p->mutex);
	while (!p->must_end) {
		struct timespec until;

		show(p);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += TICK_MS * 1000000l;
		if (until.tv_nsec >= 1000000000l) {
			until.tv_nsec -= 1000000000l;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&p->wake, &p->mutex, &until);
	}
	pthread_mutex_unlock(&p->mutex);
	return NULL;
}

void progress_begin(struct progress *p, const char *command, const char *phase,
		    uint64_t total_bytes, const struct tar_progress *counters, FILE *client)
{
	pthread_condattr_t attr;

	*p = (struct progress){
		.command = command,
		.counters = counters,
		.total_bytes = total_bytes,
		.client = client,
		.started_ms = now_ms(),
		.started_unix = (int64_t)time(NULL),
	};
	p->next_ms = p->started_ms + 2000;
	snprintf(p->phase, sizeof(p->phase), "%s", phase);
	pthread_mutex_init(&p->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &attr);
	pthread_condattr_destroy(&attr);
	p->has_thread = pthread_create(&p->thread, NULL, run, p) == 0;
}

void progress_phase(struct progress *p, const char *phase)
{
	pthread_mutex_lock(&p->mutex);
	snprintf(p->phase, sizeof(p->phase), "%s", phase);
	show(p);
	pthread_mutex_unlock(&p->mutex);
}

void progress_end(struct progress *p)
{
	pthread_mutex_lock(&p->mutex);
	p->must_end = true;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->mutex);
	if (p->has_thread)
		pthread_join(p->thread, NULL);
	show(p);
	if (p->on_line)
		fputc('\n', p->client);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->mutex);
}
