/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "init/dhcp.h"

#define REQUEST_TRIES 4
#define NO_ANSWER_AFTER 3 /* messages */
#define WAIT_MAX_MS 16000
#define RENEW_MIN_MS 60000

/* Numerical Recipes' generator: spreads retries and ids, protects nothing. */
static uint32_t next_random(struct dhcp_client *c)
{
	c->seed = c->seed * 1664525U + 1013904223U;
	return c->seed ^ c->seed >> 16;
}

static void enter(struct dhcp_client *c, enum dhcp_state state, uint64_t now)
{
	c->state = state;
	c->tries = 0;
	c->next_ms = now;
	if (state != DHCP_S_REQUESTING) /* the request carries the offer's id */
		c->xid = next_random(c);
}

/* 1, 2, 4, 8, 16 s, each an eighth more or less. */
static uint64_t backoff(struct dhcp_client *c)
{
	uint64_t wait = 1000ULL << (c->tries < 5 ? c->tries : 5);

	if (wait > WAIT_MAX_MS)
		wait = WAIT_MAX_MS;
	return wait - wait / 8 + next_random(c) % (wait / 4);
}

void dhcp_client_init(struct dhcp_client *c, const uint8_t mac[6], uint32_t seed, uint64_t now_ms)
{
	memset(c, 0, sizeof(*c));
	memcpy(c->mac, mac, 6);
	c->seed = seed;
	c->began_ms = now_ms;
	enter(c, DHCP_S_SELECTING, now_ms);
}

static uint64_t lease_end(const struct dhcp_client *c, uint32_t seconds)
{
	return seconds == UINT32_MAX ? UINT64_MAX : c->bound_ms + seconds * 1000ULL;
}

static void fill_query(struct dhcp_client *c, uint64_t now, struct dhcp_out *ret)
{
	uint64_t elapsed = (now - c->began_ms) / 1000;

	memset(ret, 0, sizeof(*ret));
	ret->query.xid = c->xid;
	ret->query.seconds = (uint16_t)(elapsed > 0xffff ? 0xffff : elapsed);
	memcpy(ret->query.mac, c->mac, 6);
	ret->query.type = c->state == DHCP_S_SELECTING ? DHCP_DISCOVER : DHCP_REQUEST;
	switch (c->state) {
	case DHCP_S_SELECTING:
		/* After a loss we would like the old address back. */
		memcpy(ret->query.requested, c->lease.address, 4);
		break;
	case DHCP_S_REQUESTING:
		memcpy(ret->query.requested, c->lease.address, 4);
		memcpy(ret->query.server, c->lease.server, 4);
		break;
	case DHCP_S_RENEWING:
		ret->unicast = true;
		memcpy(ret->to, c->lease.server, 4);
		memcpy(ret->query.ciaddr, c->lease.address, 4);
		break;
	default:
		memcpy(ret->query.ciaddr, c->lease.address, 4);
		break;
	}
}

/* RFC 2131 4.4.5: half of what remains until the limit, at least a minute. */
static void plan_renewal(struct dhcp_client *c, uint64_t now, uint64_t limit)
{
	uint64_t wait = limit > now ? (limit - now) / 2 : 0;

	if (wait < RENEW_MIN_MS)
		wait = RENEW_MIN_MS;
	c->next_ms = now + wait < limit ? now + wait : limit;
}

/* Moves on when a time limit of the lease has passed. True when *e holds news. */
static bool pass_limits(struct dhcp_client *c, uint64_t now, struct dhcp_event *e)
{
	if (c->state == DHCP_S_BOUND && now >= lease_end(c, c->lease.t1)) {
		c->began_ms = now;
		enter(c, DHCP_S_RENEWING, now);
	}
	if (c->state == DHCP_S_RENEWING && now >= lease_end(c, c->lease.t2))
		enter(c, DHCP_S_REBINDING, now);
	if (c->state == DHCP_S_REBINDING && now >= lease_end(c, c->lease.seconds)) {
		c->has_lease = false;
		enter(c, DHCP_S_SELECTING, now);
		e->kind = DHCP_EV_EXPIRED;
		e->lease = c->lease;
		return true;
	}
	if (c->state == DHCP_S_REQUESTING && c->tries >= REQUEST_TRIES)
		enter(c, DHCP_S_SELECTING, now);
	return false;
}

bool dhcp_client_tick(struct dhcp_client *c, uint64_t now_ms, struct dhcp_out *ret,
		      struct dhcp_event *ret_event, bool *ret_has_event)
{
	*ret_has_event = false;
	if (now_ms < c->next_ms)
		return false;
	memset(ret_event, 0, sizeof(*ret_event));
	*ret_has_event = pass_limits(c, now_ms, ret_event);
	if (c->state == DHCP_S_BOUND) {
		c->next_ms = lease_end(c, c->lease.t1);
		return false;
	}
	fill_query(c, now_ms, ret);
	if (c->state == DHCP_S_RENEWING)
		plan_renewal(c, now_ms, lease_end(c, c->lease.t2));
	else if (c->state == DHCP_S_REBINDING)
		plan_renewal(c, now_ms, lease_end(c, c->lease.seconds));
	else
		c->next_ms = now_ms + backoff(c);
	c->tries++;
	if (c->state == DHCP_S_SELECTING && !*ret_has_event && c->tries > NO_ANSWER_AFTER) {
		ret_event->kind = DHCP_EV_NO_ANSWER;
		ret_event->seconds = (unsigned)((now_ms - c->began_ms) / 1000);
		*ret_has_event = true;
	}
	return true;
}

bool dhcp_client_reply(struct dhcp_client *c, const struct dhcp_reply *r, uint64_t now_ms,
		       struct dhcp_event *ret_event)
{
	bool asked = c->state == DHCP_S_REQUESTING || c->state == DHCP_S_RENEWING ||
		     c->state == DHCP_S_REBINDING;

	memset(ret_event, 0, sizeof(*ret_event));
	if (r->type == DHCP_OFFER && c->state == DHCP_S_SELECTING) {
		c->lease = r->lease;
		enter(c, DHCP_S_REQUESTING, now_ms);
		return false;
	}
	if (r->type == DHCP_NAK && asked) {
		memset(&c->lease.address, 0, 4);
		c->has_lease = false;
		c->began_ms = now_ms;
		enter(c, DHCP_S_SELECTING, now_ms);
		c->next_ms = now_ms +
			     1000; /* a server that always refuses is not asked in a loop */
		ret_event->kind = DHCP_EV_REFUSED;
		return true;
	}
	if (r->type != DHCP_ACK || !asked)
		return false;
	uint8_t server[4];

	memcpy(server, c->lease.server, 4);
	c->lease = r->lease;
	if (c->lease.server[0] == 0)
		memcpy(c->lease.server, server, 4);
	c->has_lease = true;
	c->bound_ms = now_ms;
	c->state = DHCP_S_BOUND;
	c->next_ms = lease_end(c, c->lease.t1);
	ret_event->kind = DHCP_EV_LEASE;
	ret_event->lease = c->lease;
	return true;
}

void dhcp_client_relink(struct dhcp_client *c, uint64_t now_ms)
{
	c->began_ms = now_ms;
	if (c->has_lease)
		enter(c, DHCP_S_REBINDING, now_ms);
	else
		enter(c, DHCP_S_SELECTING, now_ms);
}
