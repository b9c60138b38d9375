/* SPDX-License-Identifier: MIT */
/* The links of the machine and the names they may be called by. */
#include <fcntl.h>
#include <limits.h>
#include <net/if_arp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/netd.h"

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

struct netd_link *netd_link_at(struct netd *n, int ifindex)
{
	for (size_t i = 0; i < n->nlinks; i++)
		if (n->links[i].ifindex == ifindex)
			return &n->links[i];
	return NULL;
}

static struct netd_link *find_link(struct netd *n, const struct rtnl_link *l, bool made)
{
	struct netd_link *fresh = netd_link_at(n, l->ifindex);
	char path[64];

	if (fresh || n->nlinks == NET_LINKS_MAX)
		return fresh;
	fresh = &n->links[n->nlinks++];
	memset(fresh, 0, sizeof(*fresh));
	fresh->id.made = made;
	fresh->dhcp_fd = -1;
	fresh->ifindex = l->ifindex;
	memcpy(fresh->id.name, l->name, sizeof(fresh->id.name));
	if (made) {
		snprintf(fresh->driver, sizeof(fresh->driver), "%s", l->kind);
		return fresh;
	}
	snprintf(path, sizeof(path), "/sys/class/net/%s/device/driver", l->name);
	link_base(fresh->driver, sizeof(fresh->driver), path);
	read_names(&fresh->id);
	return fresh;
}

void netd_stop_dhcp(struct netd_link *l)
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

static bool is_made(const struct netd *n, const struct rtnl_link *l)
{
	static const char *const kinds[] = { "vlan", "bond", "bridge" };
	const struct net_layer *layer = netconf_layer(n->conf, l->name);

	return layer && strcmp(l->kind, kinds[layer->kind]) == 0;
}

/* Cards, and what we made: what a hypervisor's driver put above or below a card is passed over. */
static bool is_usable(struct netd *n, const struct rtnl_link *l, const struct rtnl_link *all,
		      int count)
{
	bool port = false;

	if (l->type != ARPHRD_ETHER || !l->has_mac || (l->flags & IFF_LOOPBACK))
		return false;
	for (int i = 0; l->master && i < count; i++)
		port |= all[i].ifindex == l->master && is_made(n, &all[i]);
	if (l->master && !port)
		return false;
	return !l->kind[0] || strcmp(l->kind, "veth") == 0 || is_made(n, l);
}

int netd_refresh_links(struct netd *n)
{
	static struct rtnl_link found[64];
	int count = rtnl_links(n->fd, found, ARRAY_SIZE(found));

	if (count < 0)
		return -1;
	for (size_t i = 0; i < n->nlinks; i++)
		n->links[i].seen = false;
	for (int i = 0; i < count; i++) {
		struct netd_link *l = NULL;

		if (is_usable(n, &found[i], found, count))
			l = find_link(n, &found[i], is_made(n, &found[i]));
		if (!l)
			continue;
		/* A link that came back may have been given another address meanwhile. */
		if (found[i].carrier && !l->id.carrier && l->dhcp_pid > 0)
			kill(l->dhcp_pid, SIGUSR1);
		l->seen = true;
		l->mtu = found[i].mtu;
		l->ra = found[i].ra;
		l->master = found[i].master;
		l->id.carrier = found[i].carrier;
		/* The ports of a bond all get its address: words mean the one they had. */
		if (!l->master)
			memcpy(l->id.mac, found[i].mac, 6);
	}
	for (size_t i = n->nlinks; i > 0; i--)
		if (!n->links[i - 1].seen) {
			netd_stop_dhcp(&n->links[i - 1]);
			n->links[i - 1] = n->links[--n->nlinks];
		}
	return 0;
}
