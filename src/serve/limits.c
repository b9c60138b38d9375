/* SPDX-License-Identifier: MIT */
#include "serve/limits.h"

#include <string.h>

struct source source_of(const struct sockaddr_storage *address)
{
	struct source s = { { 0 } };

	if (address->ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;

		s.bytes[10] = s.bytes[11] = 0xff;
		memcpy(s.bytes + 12, &v4->sin_addr, 4);
	} else if (address->ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
		bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);

		memcpy(s.bytes, &v6->sin6_addr, mapped ? 16 : 8);
	}
	return s;
}

const char *limits_text(enum limits_verdict v)
{
	switch (v) {
	case LIMITS_OK:
		break;
	case LIMITS_FULL:
		return "too many connections";
	case LIMITS_MANY_WAITING:
		return "too many connections that have not logged in";
	case LIMITS_MANY_OF_SOURCE:
		return "too many connections from your address that have not logged in";
	}
	return "";
}

enum limits_verdict limits_judge(const struct limits *l, const struct source *from, uint64_t now_ms,
				 pid_t *ret_victim)
{
	const struct limits_slot *oldest = NULL;
	unsigned i, total = 0, waiting = 0, same = 0;

	*ret_victim = 0;
	for (i = 0; i < LIMITS_TOTAL; i++) {
		const struct limits_slot *slot = &l->slots[i];

		if (!slot->pid)
			continue;
		total++;
		if (l->logged_in[i])
			continue;
		waiting++;
		same += memcmp(&slot->source, from, sizeof(*from)) == 0;
		if (!oldest || slot->since_ms < oldest->since_ms)
			oldest = slot;
	}
	if (total >= LIMITS_TOTAL)
		return LIMITS_FULL;
	if (same >= LIMITS_WAITING_SOURCE)
		return LIMITS_MANY_OF_SOURCE;
	if (waiting < LIMITS_WAITING)
		return LIMITS_OK;
	if (now_ms - oldest->since_ms >= LIMITS_EVICT_MS)
		*ret_victim = oldest->pid;
	return LIMITS_MANY_WAITING;
}

int limits_place(struct limits *l)
{
	int i;

	for (i = 0; i < LIMITS_TOTAL; i++)
		if (!l->slots[i].pid) {
			l->logged_in[i] = 0;
			return i;
		}
	return -1;
}

void limits_enter(struct limits *l, int place, pid_t pid, const struct source *from,
		  uint64_t now_ms)
{
	l->slots[place] = (struct limits_slot){ .pid = pid, .source = *from, .since_ms = now_ms };
}

void limits_leave(struct limits *l, pid_t pid)
{
	unsigned i;

	for (i = 0; i < LIMITS_TOTAL; i++)
		if (l->slots[i].pid == pid)
			l->slots[i] = (struct limits_slot){ 0 };
}
