/* SPDX-License-Identifier: MIT */
/*
 * J and S of a real migration's moment, with bytes changed anywhere: what the rescue decides, says and offers fits what is
 * really on the disk, or it decides nothing (tests/lib/history.h). Input: moment, S, flags, a
 * state to be forged, then edits: where (16 bits), how many, bytes.
 */
#include <stdint.h>

#include "history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	history_record();
	return 0;
}

/* The newest record with another state: the only lie whose form is right, and so the only one worth telling. */
static void forge(uint8_t state)
{
	struct strbuf slot cleanup_strbuf = STRBUF_INIT;
	struct record r;
	uint64_t sequence;

	if (record_decode(&r, history_image, sizeof(history_image), NULL) < 0)
		return;
	sequence = r.sequence;
	r.state = (enum job_state)(state % JOB_STATE_COUNT);
	if (sequence < 1000 && record_encode_slot(&r, sequence + 2, &slot, NULL) == 0)
		memcpy(history_image + (state & 0x80 ? RECORD_SLOT_BYTES : 0), slot.data, slot.len);
	record_done(&r);
}

/* Edits of both slots and of S as one piece of memory. */
static void edit(const uint8_t *data, size_t size, char s[LOADER_S_BYTES])
{
	while (size >= 4) {
		size_t at = data[0] | (size_t)data[1] << 8, n = data[2] % 16 + 1, i;

		data += 3;
		size -= 3;
		for (i = 0; i < n && i < size; i++) {
			size_t where = (at + i) % (2 * HISTORY_SLOT + LOADER_S_BYTES);

			if (where < HISTORY_SLOT)
				history_image[where] = data[i];
			else if (where < 2 * HISTORY_SLOT)
				history_image[RECORD_SLOT_BYTES + where - HISTORY_SLOT] = data[i];
			else
				s[where - 2 * HISTORY_SLOT] = (char)data[i];
		}
		data += i;
		size -= i;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct moment *m;
	char s[LOADER_S_BYTES];
	const char *wrong;

	if (size < 5)
		return 0;
	m = &history[(data[0] | data[1] << 8) % history_count];
	history_load(m);
	if (data[2] % 8 < LOADER_CHOICES)
		loader_s_encode((enum loader_choice)(data[2] % 8), s);
	else
		memcpy(s, m->s, sizeof(s));
	if (data[3] & 1)
		forge(data[4]);
	edit(data + 5, size - 5, s);
	wrong = history_judge(m, history_image, s,
			      data[3] & 2 ? size % (sizeof(s) + 1) : sizeof(s));
	if (wrong) {
		fprintf(stderr, "moment %u: %s\n", (unsigned)(m - history), wrong);
		abort();
	}
	return 0;
}
