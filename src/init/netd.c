/* SPDX-License-Identifier: MIT */
#include "init/netd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if_arp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"

#define PATIENCE_MS 10000 /* for a link of the name that was given */
#define DHCP_RETRY_MS 2000

/* Last component of a link's target, or "". */
static void link_base(char *ret, size_t size, const char *path)
{
	char text[PATH_MAX];
	ssize_t n = readlink(path, text, sizeof(text) - 1);

	ret[0] = 0;
	if (n <= 0)
		return;
	text[n] = 0;
	const char *slash = strrchr(text, '/');

	snprintf(ret, size, "%.*s", (int)size - 1, slash ? slash + 1 : text);
}

/* The hotplug slot at a PCI place "0000:00:03", -1 when there is none of that name. */
static int find_slot(const char *place)
{
	cleanup_dir DIR *d = opendir("/sys/bus/pci/slots");
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		char path[PATH_MAX], text[32];
		uint32_t slot;

		if (parse_u32(entry->d_name, &slot) < 0)
			continue;
		snprintf(path, sizeof(path), "/sys/bus/pci/slots/%s/address", entry->d_name);
		cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

		if (n > 0 && (size_t)n >= strlen(place) && strncmp(text, place, strlen(place)) == 0)
			return (int)slot;
	}
	return -1;
}

/* Names that the old system may use for this card, by its PCI place. */
static void read_names(struct net_link_id *id)
{
	char path[PATH_MAX], real[PATH_MAX], place[16];
	unsigned domain, bus, device, function;

	snprintf(path, sizeof(path), "/sys/class/net/%s/device", id->name);
	if (!realpath(path, real))
		return;
	for (char *slash; (slash = strrchr(real, '/')); *slash = 0) {
		if (sscanf(slash, "/%4x:%2x:%2x.%1u", &domain, &bus, &device, &function) != 4)
			continue;
		char domain_part[16] = "", function_part[16] = "";

		if (domain)
			snprintf(domain_part, sizeof(domain_part), "P%u", domain);
		if (function)
			snprintf(function_part, sizeof(function_part), "f%u", function);
		snprintf(id->path_name, sizeof(id->path_name), "en%.6sp%us%u%.2s", domain_part, bus,
			 device, function_part);
		snprintf(place, sizeof(place), "%04x:%02x:%02x", domain & 0xffff, bus & 0xff,
			 device & 0xff);
		int slot = find_slot(place);

		if (slot >= 0)
			snprintf(id->slot_name, sizeof(id->slot_name), "en%.6ss%d%.2s", domain_part,
				 slot, function_part);
		return;
	}
}

static struct netd_link *find_link(struct netd *n, const struct rtnl_link *l)
{
	for (size_t i = 0; i < n->nlinks; i++)
		if (n->links[i].ifindex == l->ifindex)
			return &n->links[i];
	if (n->nlinks == NET_LINKS_MAX)
		return NULL;
	struct netd_link *fresh = &n->links[n->nlinks++];
	char path[64];

	memset(fresh, 0, sizeof(*fresh));
	fresh->dhcp_fd = -1;
	fresh->ifindex = l->ifindex;
	memcpy(fresh->id.name, l->name, sizeof(fresh->id.name));
	snprintf(path, sizeof(path), "/sys/class/net/%s/device/driver", l->name);
	link_base(fresh->driver, sizeof(fresh->driver), path);
	read_names(&fresh->id);
	return fresh;
}

static void stop_dhcp(struct netd_link *l)
{
	if (l->dhcp_fd >= 0)
		close(l->dhcp_fd);
	l->dhcp_fd = -1;
	if (l->dhcp_pid > 0) {
		kill(l->dhcp_pid, SIGKILL);
		waitpid(l->dhcp_pid, NULL, 0);
	}
	l->dhcp_pid = 0;
}

/* Cards only: what we or a hypervisor driver put above or below a card is passed over. */
static bool is_usable(const struct rtnl_link *l)
{
	if (l->type != ARPHRD_ETHER || !l->has_mac || (l->flags & IFF_LOOPBACK) || l->master)
		return false;
	return !l->kind[0] || strcmp(l->kind, "veth") == 0;
}

static int refresh_links(struct netd *n)
{
	static struct rtnl_link found[64];
	int count = rtnl_links(n->fd, found, ARRAY_SIZE(found));

	if (count < 0)
		return -1;
	for (size_t i = 0; i < n->nlinks; i++)
		n->links[i].seen = false;
	for (int i = 0; i < count; i++) {
		struct netd_link *l = is_usable(&found[i]) ? find_link(n, &found[i]) : NULL;

		if (!l)
			continue;
		/* A link that came back may have been given another address meanwhile. */
		if (found[i].carrier && !l->id.carrier && l->dhcp_pid > 0)
			kill(l->dhcp_pid, SIGUSR1);
		l->seen = true;
		l->mtu = found[i].mtu;
		l->id.carrier = found[i].carrier;
		memcpy(l->id.mac, found[i].mac, 6);
	}
	for (size_t i = n->nlinks; i > 0; i--)
		if (!n->links[i - 1].seen) {
			stop_dhcp(&n->links[i - 1]);
			n->links[i - 1] = n->links[--n->nlinks];
		}
	return 0;
}

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
		_exit(dhcp_run(l->ifindex, l->id.name, l->id.mac, pair[1]));
	}
	close(pair[1]);
	l->dhcp_fd = pair[0];
	if (l->dhcp_pid < 0) {
		l->dhcp_pid = 0;
		stop_dhcp(l);
	}
}

/* What the boot line wants of each link; without any ip= it is DHCP everywhere. */
static void assign(struct netd *n, uint64_t now, int target[NET_WANTS_MAX])
{
	struct net_link_id ids[NET_LINKS_MAX];
	bool named[NET_LINKS_MAX] = { false };

	for (size_t i = 0; i < n->nlinks; i++) {
		ids[i] = n->links[i].id;
		n->links[i].want_dhcp = n->conf->nwants == 0;
		n->links[i].want_off = false;
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
			bool all = target[w] == NET_ALL_LINKS && !named[i];

			if (!all && target[w] != (int)i)
				continue;
			n->links[i].want_dhcp |= n->conf->wants[w].method == NET_DHCP;
			n->links[i].want_off |= n->conf->wants[w].method == NET_OFF;
		}
}

static void bring_up(struct netd *n, uint64_t now)
{
	int target[NET_WANTS_MAX];

	assign(n, now, target);
	for (size_t i = 0; i < n->nlinks; i++) {
		struct netd_link *l = &n->links[i];

		/* All are taken up: carrier can be seen only then. */
		if (!l->raised && !l->want_off) {
			if (rtnl_link_up(n->fd, l->ifindex, 0, NULL) < 0)
				log_warn("network: %s stays down: %s", l->id.name, strerror(errno));
			l->raised = true;
		}
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
		stop_dhcp(l);
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
		if (!addrs[i].is_link_scope)
			return true;
	return false;
}

/* One round: wait for news, look at everything, set what is missing. */
static int turn(struct netd *n, int timeout)
{
	struct pollfd fds[NET_LINKS_MAX + 1] = { { n->events, POLLIN, 0 } };
	int ifindex[NET_LINKS_MAX + 1];
	char scrap[8192];
	nfds_t count = 1;

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
	for (nfds_t i = 1; i < count; i++)
		for (size_t k = 0; fds[i].revents && k < n->nlinks; k++)
			if (n->links[k].ifindex == ifindex[i] && n->links[k].dhcp_fd >= 0)
				take_dhcp_event(n, &n->links[k]);
	return refresh_links(n);
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
	if (n.fd < 0 || n.events < 0) {
		log_error("network: netlink: %s", strerror(errno));
		return EXIT_UNTOUCHED;
	}
	if (rtnl_link_up(n.fd, 1, 0, NULL) < 0) /* lo */
		log_warn("network: lo: %s", strerror(errno));
	while (turn(&n, timeout) == 0) {
		uint64_t now = now_ms();

		bring_up(&n, now);
		bool up = has_address(&n);

		netd_write_state(&n);
		netd_write_error(&n, up, now);
		timeout = up && now - n.began_ms > PATIENCE_MS ? 30000 : 1000;
	}
	log_error("network: %s", strerror(errno));
	return EXIT_UNTOUCHED;
}
