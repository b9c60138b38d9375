/* SPDX-License-Identifier: MIT */
#include "job/address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

void address_of_target(const json_t *identity, char *buf, size_t size)
{
	const json_t *links = json_object_get(identity, "links");
	int best = 0;
	size_t i, k;

	snprintf(buf, size, "TARGET");
	for (i = 0; i < json_array_size(links); i++) {
		const json_t *o = json_array_get(links, i);
		const json_t *list = json_object_get(o, "addresses");

		for (k = 0; k < json_array_size(list); k++) {
			const char *s = json_string_value(json_array_get(list, k));
			int rank = 1;

			if (!s)
				continue;
			rank += *text_of(o, "gateway") ? 2 : 0;
			rank += strchr(s, ':') ? 0 : 1;
			if (rank <= best)
				continue;
			best = rank;
			snprintf(buf, size, "%.*s", (int)strcspn(s, "/"), s);
		}
	}
}

static int add_links(const json_t *links, struct strlist *ret, struct err *e)
{
	size_t i, k;

	for (i = 0; i < json_array_size(links); i++) {
		const json_t *list = json_object_get(json_array_get(links, i), "addresses");

		for (k = 0; k < json_array_size(list); k++) {
			const char *s = json_string_value(json_array_get(list, k));

			if (s && strlist_addn(ret, s, strcspn(s, "/")) < 0)
				return err_set(e, ERR_NOMEM, 0, "addresses");
		}
	}
	return 0;
}

int address_list(const json_t *identity, struct strlist *ret, struct err *e)
{
	const json_t *network = json_object_get(identity, "network");

	if (add_links(json_object_get(identity, "links"), ret, e) < 0)
		return -1;
	return add_links(json_object_get(network, "links"), ret, e);
}

int address_list_own(struct strlist *ret, struct err *e)
{
	struct ifaddrs *all = NULL, *a;
	int rc = 0;

	if (getifaddrs(&all) < 0)
		return err_set(e, ERR_CONFIRM, 0, "the machine's own addresses cannot be listed");
	for (a = all; a && rc == 0; a = a->ifa_next) {
		char text[INET6_ADDRSTRLEN] = "";
		const void *at = NULL;

		if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET)
			at = &((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr;
		else if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET6)
			at = &((const struct sockaddr_in6 *)(const void *)a->ifa_addr)->sin6_addr;
		if (at && inet_ntop(a->ifa_addr->sa_family, at, text, sizeof(text)))
			rc = strlist_add(ret, text);
	}
	freeifaddrs(all);
	return rc < 0 ? err_set(e, ERR_NOMEM, 0, "addresses") : 0;
}

/* Any spelling to 16 bytes; IPv4 as ::ffff:a.b.c.d; a zone ("%eth0") is cut. false: no address. */
static bool parse(const char *text, struct in6_addr *ret)
{
	char plain[INET6_ADDRSTRLEN + 1];
	size_t n = strcspn(text, "%");
	struct in_addr v4;

	if (n >= sizeof(plain))
		return false;
	memcpy(plain, text, n);
	plain[n] = '\0';
	if (inet_pton(AF_INET6, plain, ret) == 1)
		return true;
	if (inet_pton(AF_INET, plain, &v4) != 1)
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->s6_addr[10] = ret->s6_addr[11] = 0xff;
	memcpy(&ret->s6_addr[12], &v4, 4);
	return true;
}

static bool is_loopback(const struct in6_addr *a)
{
	return IN6_IS_ADDR_LOOPBACK(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
}

static bool is_among(const struct in6_addr *a, const struct strlist *list)
{
	struct in6_addr b;
	size_t i;

	for (i = 0; i < list->count; i++)
		if (parse(list->items[i], &b) && memcmp(a, &b, sizeof(b)) == 0)
			return true;
	return false;
}

int address_judge(const char *ssh_connection, const struct strlist *targets,
		  const struct strlist *own, struct err *e)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	struct in6_addr peer, local;

	if (!ssh_connection || !*ssh_connection)
		return err_set(e, ERR_CONFIRM, 0,
			       "this is no SSH session, as far as SSH_CONNECTION tells (sudo takes "
			       "it away)");
	if (strlist_split(&words, ssh_connection, " ") < 0)
		return err_set(e, ERR_NOMEM, 0, "SSH_CONNECTION");
	if (words.count != 4 || !parse(words.items[0], &peer) || !parse(words.items[2], &local))
		return err_set(e, ERR_CONFIRM, 0, "SSH_CONNECTION is not understood: %s",
			       ssh_connection);
	if (is_loopback(&peer) || is_among(&peer, own) || memcmp(&peer, &local, 16) == 0)
		return err_set(e, ERR_CONFIRM, 0,
			       "the session comes from this machine itself (%s), which proves "
			       "nothing about the way to it",
			       words.items[0]);
	if (is_loopback(&local) || !is_among(&local, targets))
		return err_set(e, ERR_CONFIRM, 0,
			       "the session came in at %s, which is none of this machine's "
			       "addresses from before the migration",
			       words.items[2]);
	return 0;
}
