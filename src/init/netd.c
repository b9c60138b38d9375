/* SPDX-License-Identifier: MIT */
#include "init/netd.h"
#include "init/seed.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"

#define PATIENCE_MS 10000 /* for a link of the name that was given */
#define DHCP_RETRY_MS 2000

static void start_dhcp(struct netd *n, struct netd_link *l, uint64_t now)
{
	int pair[2];

	if (l->dhcp_pid > 0 || now < l->dhcp_retry_ms)
		return;
	l->dhcp_retry_ms = now + DHCP_RETRY_MS;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	l->dhcp_pid = fork();
	if (l->dhcp_pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		prctl(PR_SET_NAME, "rehost-dhcp", 0, 0, 0);
		close(pair[0]);
		close(n->fd);
		close(n->events);
		close(n->seed_watch);
		_exit(dhcp_run(l->ifindex, l->id.name, l->id.mac, pair[1]));
	}
	close(pair[1]);
	l->dhcp_fd = pair[0];
	if (l->dhcp_pid < 0) {
		l->dhcp_pid = 0;
		netd_stop_dhcp(l);
	}
}

/* What the boot line wants of each link; without any ip= it is DHCP everywhere. */
static void assign(struct netd *n, uint64_t now, int target[NET_WANTS_MAX])
{
	struct net_link_id ids[NET_LINKS_MAX];
	bool named[NET_LINKS_MAX] = { false };

	for (size_t i = 0; i < n->nlinks; i++) {
		ids[i] = n->links[i].id;
		n->links[i].want_dhcp = n->conf->nwants == 0 && !ids[i].taken;
		n->links[i].want_off = false;
		n->links[i].want6 = NET_DHCP;
	}
	netconf_assign(n->conf, ids, n->nlinks, now - n->began_ms < PATIENCE_MS, target);
	/* A static want stays with the link that took it. */
	for (size_t w = 0; w < n->conf->nwants; w++)
		for (size_t i = 0; i < n->nlinks; i++)
			if (n->links[i].applied[w])
				target[w] = (int)i;
	for (size_t w = 0; w < n->conf->nwants; w++)
		if (target[w] >= 0)
			named[target[w]] = true;
	for (size_t w = 0; w < n->conf->nwants; w++)
		for (size_t i = 0; i < n->nlinks; i++) {
			bool all = target[w] == NET_ALL_LINKS && !named[i] && !ids[i].taken;
			enum net_method method = n->conf->wants[w].method;

			if (!all && target[w] != (int)i)
				continue;
			n->links[i].want_dhcp |= method == NET_DHCP;
			n->links[i].want_off |= method == NET_OFF;
			if (method >= NET_AUTO6 && method <= NET_LINK6)
				n->links[i].want6 = method;
		}
}

/* All are taken up: carrier can be seen only then. What is made on others comes up after them. */
static void raise_links(struct netd *n)
{
	for (size_t i = 0; i < n->nlinks; i++) {
		struct netd_link *l = &n->links[i];
		bool first = !l->ipv6_set;

		if (l->raised || l->want_off)
			continue;
		if (first)
			netd_apply_ipv6(n, l);
		l->ipv6_set = true;
		l->raised = rtnl_link_up(n->fd, l->ifindex, 0, NULL) == 0;
		if (!l->raised && first)
			log_warn("network: %s stays down: %s", l->id.name, strerror(errno));
	}
}

static void bring_up(struct netd *n, uint64_t now)
{
	int target[NET_WANTS_MAX];

	assign(n, now, target);
	raise_links(n);
	for (size_t i = 0; i < n->nlinks; i++) {
		struct netd_link *l = &n->links[i];

		for (size_t w = 0; w < n->conf->nwants; w++) {
			const struct net_want *want = &n->conf->wants[w];

			if (target[w] != (int)i || l->applied[w] || want->method == NET_OFF)
				continue;
			l->applied[w] = true;
			if (want->method == NET_STATIC)
				netd_apply_static(n, l, want);
			else if (want->mtu || want->has_mac)
				rtnl_link_up(n->fd, l->ifindex, want->mtu,
					     want->has_mac ? want->mac : NULL);
		}
		if (l->want_dhcp && l->id.carrier)
			start_dhcp(n, l, now);
		else if (!l->want_dhcp && l->dhcp_pid > 0)
			netd_stop_dhcp(l);
	}
	netd_apply_routes(n);
}

static void take_dhcp_event(struct netd *n, struct netd_link *l)
{
	struct dhcp_event e;
	ssize_t got = recv(l->dhcp_fd, &e, sizeof(e), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got != sizeof(e)) {
		log_warn("network: the DHCP client of %s ended", l->id.name);
		netd_stop_dhcp(l);
		return;
	}
	if (e.kind == DHCP_EV_LEASE) {
		log_info("network: %s: %u.%u.%u.%u/%u from DHCP", l->id.name, e.lease.address[0],
			 e.lease.address[1], e.lease.address[2], e.lease.address[3],
			 e.lease.prefix);
		netd_apply_lease(n, l, &e.lease);
	} else if (e.kind == DHCP_EV_NO_ANSWER) {
		l->dhcp_silence_s = e.seconds ? e.seconds : 1;
	} else {
		log_warn("network: %s: the lease was %s", l->id.name,
			 e.kind == DHCP_EV_EXPIRED ? "not renewed, the address is kept"
						   : "refused");
	}
}

static bool has_address(struct netd *n)
{
	static struct rtnl_addr addrs[64];
	int count = rtnl_addrs(n->fd, addrs, ARRAY_SIZE(addrs));

	for (int i = 0; i < count; i++)
		if (!addrs[i].is_link_scope && !addrs[i].is_tentative)
			return true;
	return false;
}

/*
 * Words of a seed, once, when the boot line says nothing itself. Links that they do not name go on
 * asking DHCP: a seed may be another machine's.
 */
static void take_seed(struct netd *n, const struct strlist *boot_words)
{
	cleanup_strbuf struct strbuf text = STRBUF_INIT;
	cleanup_strlist struct strlist words = STRLIST_INIT;
	static struct net_conf conf;

	if (n->conf->nwants || n->conf->nlayers ||
	    file_slurp(SEED_NETWORK, &text, SEED_FILE_MAX, NULL) < 0)
		return;
	for (size_t i = 0; i < boot_words->count; i++)
		if (strlist_add(&words, boot_words->items[i]) < 0)
			return;
	if (strlist_split(&words, strbuf_str(&text), "\n") < 0 ||
	    strlist_add(&words, "ip=dhcp") < 0 || netconf_parse(&conf, &words) < 0)
		return;
	for (size_t i = boot_words->count; i < words.count; i++)
		log_info("network: the seed says %s", words.items[i]);
	n->conf = &conf;
	n->began_ms = now_ms(); /* names get their time to appear */
}

/* One round: wait for news, look at everything, set what is missing. */
static int turn(struct netd *n, int timeout)
{
	struct pollfd fds[NET_LINKS_MAX + 2] = { { n->events, POLLIN, 0 },
						 { n->seed_watch, POLLIN, 0 } };
	int ifindex[NET_LINKS_MAX + 2];
	char scrap[8192];
	nfds_t count = 2;

	for (size_t i = 0; i < n->nlinks; i++)
		if (n->links[i].dhcp_fd >= 0) {
			ifindex[count] = n->links[i].ifindex;
			fds[count++] = (struct pollfd){ n->links[i].dhcp_fd, POLLIN, 0 };
		}
	if (poll(fds, count, timeout) < 0 && errno != EINTR)
		return -1;
	/* What the messages say is read from the kernel again, so lost ones do not matter. */
	while (fds[0].revents && recv(n->events, scrap, sizeof(scrap), MSG_DONTWAIT) >= 0)
		;
	if (fds[1].revents && read(n->seed_watch, scrap, sizeof(scrap)) < 0)
		log_debug("network: inotify: %s", strerror(errno));
	for (nfds_t i = 2; i < count; i++)
		for (size_t k = 0; fds[i].revents && k < n->nlinks; k++)
			if (n->links[k].ifindex == ifindex[i] && n->links[k].dhcp_fd >= 0)
				take_dhcp_event(n, &n->links[k]);
	return netd_refresh_links(n);
}

/* A descriptor that is readable when a seed's words were put in place; -1: there will be none. */
static int watch_seed(void)
{
	cleanup_fd int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (mkdir(SEED_DIR, 0700) < 0 && errno != EEXIST)
		return -1;
	if (fd < 0 || inotify_add_watch(fd, SEED_DIR, IN_MOVED_TO) < 0)
		return -1;
	return fd_take(&fd);
}

int netd_run(const struct strlist *words)
{
	struct net_conf conf;
	static struct netd n;
	int timeout = 0;

	if (netconf_parse(&conf, words) < 0)
		return EXIT_UNTOUCHED;
	for (size_t i = 0; i < conf.ignored.count; i++)
		log_warn("network: not understood: %s", conf.ignored.items[i]);
	n.conf = &conf;
	n.began_ms = now_ms();
	n.fd = rtnl_open(0);
	n.events = rtnl_open(RTNL_LISTEN_LINKS);
	n.seed_watch = watch_seed();
	if (n.fd < 0 || n.events < 0) {
		log_error("network: netlink: %s", strerror(errno));
		return EXIT_UNTOUCHED;
	}
	if (rtnl_link_up(n.fd, 1, 0, NULL) < 0) /* lo */
		log_warn("network: lo: %s", strerror(errno));
	while (turn(&n, timeout) == 0) {
		uint64_t now = now_ms();

		take_seed(&n, words);
		while (netd_build_layers(&n, now - n.began_ms < PATIENCE_MS))
			if (netd_refresh_links(&n) < 0)
				break;
		bring_up(&n, now);
		bool up = has_address(&n);

		netd_write_state(&n);
		netd_write_error(&n, up, now);
		timeout = up && now - n.began_ms > PATIENCE_MS ? 30000 : 1000;
	}
	log_error("network: %s", strerror(errno));
	return EXIT_UNTOUCHED;
}
