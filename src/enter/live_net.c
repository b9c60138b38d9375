/* SPDX-License-Identifier: MIT */
/* Reading: rtnetlink, and for what it does not tell sysfs and the procfs of VLANs. */
#include "enter/live_net.h"

#include <dirent.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/io.h"

#define FILE_LIMIT 65536

/* A file of a link below /sys/class/net, up to the first blank; "" when there is none. */
static const char *link_file(char *buf, size_t size, const char *name, const char *file)
{
	cleanup_strbuf struct strbuf text = STRBUF_INIT;
	char path[300];

	buf[0] = '\0';
	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", name, file);
	if (file_slurp(path, &text, FILE_LIMIT, NULL) == 0)
		snprintf(buf, size, "%.*s", (int)strcspn(strbuf_str(&text), " \n"),
			 strbuf_str(&text));
	return buf;
}

static bool has_device(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "/sys/class/net/%s/device", name);
	return access(path, F_OK) == 0;
}

/* ethtool(8) -P; a card that does not tell has the address it shows. */
static void read_permanent(struct live_link *l)
{
	_Alignas(struct ethtool_perm_addr)
		uint8_t buf[sizeof(struct ethtool_perm_addr) + 32] = { 0 };
	struct ethtool_perm_addr *answer = (struct ethtool_perm_addr *)buf;
	static const uint8_t none[6];
	struct ifreq request = { 0 };
	cleanup_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	answer->cmd = ETHTOOL_GPERMADDR;
	answer->size = 32;
	memcpy(l->permanent, l->link.mac, 6);
	memcpy(request.ifr_name, l->link.name, sizeof(request.ifr_name));
	request.ifr_data = (char *)answer;
	if (fd >= 0 && ioctl(fd, SIOCETHTOOL, &request) == 0 && answer->size == 6 &&
	    memcmp(answer->data, none, 6) != 0)
		memcpy(l->permanent, answer->data, 6);
}

/* ---- layers ---- */

static int index_of(const struct live_net *n, const char *name)
{
	for (size_t i = 0; i < n->nlinks; i++)
		if (strcmp(n->links[i].link.name, name) == 0)
			return n->links[i].link.ifindex;
	return 0;
}

/* The entries lower_NAME that the kernel makes in sysfs for whatever a link is built on. */
static void read_below(const struct live_net *n, struct live_link *l)
{
	char path[300];
	struct dirent *entry;
	DIR *d;

	snprintf(path, sizeof(path), "/sys/class/net/%s", l->link.name);
	d = opendir(path);
	while (d && (entry = readdir(d))) {
		int index = str_starts(entry->d_name, "lower_") ? index_of(n, entry->d_name + 6)
								: 0;

		if (index && l->nbelow < NET_BELOW_MAX)
			l->below[l->nbelow++] = index;
	}
	if (d)
		closedir(d);
}

/* "eth0.5  VID: 5	 REORDER_HDR: 1  dev->priv_flags: 1021" */
static unsigned read_vid(const char *name)
{
	cleanup_strbuf struct strbuf text = STRBUF_INIT;
	char path[300];
	const char *vid;

	snprintf(path, sizeof(path), "/proc/net/vlan/%s", name);
	if (file_slurp(path, &text, FILE_LIMIT, NULL) < 0 || !text.len ||
	    !(vid = strstr(text.data, "VID: ")))
		return 0;
	return (unsigned)strtoul(vid + 5, NULL, 10);
}

/* What the rescue's bond= understands, and what is not 0, which means off. */
static void read_bond(struct live_link *l)
{
	static const char *const names[] = { "mode",	  "miimon",	      "updelay",
					     "downdelay", "xmit_hash_policy", "fail_over_mac",
					     "lacp_rate", "ad_select",	      "min_links" };
	bool is_lacp = false;
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char file[64], value[64];
		bool is_of_lacp = strcmp(names[i], "lacp_rate") == 0 ||
				  strcmp(names[i], "ad_select") == 0;

		snprintf(file, sizeof(file), "bonding/%s", names[i]);
		link_file(value, sizeof(value), l->link.name, file);
		if (i == 0)
			is_lacp = strcmp(value, "802.3ad") == 0;
		if (!value[0] || strcmp(value, "0") == 0 || strcmp(value, "none") == 0 ||
		    (is_of_lacp && !is_lacp))
			continue;
		len += (size_t)snprintf(l->options + len, sizeof(l->options) - len, "%s%s=%s",
					len ? "," : "", names[i], value);
		if (len >= sizeof(l->options))
			return;
	}
}

static void read_more(const struct live_net *n, struct live_link *l)
{
	l->is_card = !l->link.kind[0] && has_device(l->link.name);
	read_permanent(l);
	if (strcmp(l->link.kind, "vlan") == 0)
		l->vid = read_vid(l->link.name);
	if (strcmp(l->link.kind, "bond") == 0)
		read_bond(l);
	if (l->link.kind[0])
		read_below(n, l);
}

/* ---- all ---- */

static void read_dns(struct live_net *n)
{
	cleanup_strbuf struct strbuf text = STRBUF_INIT;
	cleanup_strlist struct strlist words = STRLIST_INIT;

	if (file_slurp("/etc/resolv.conf", &text, FILE_LIMIT, NULL) < 0 ||
	    strlist_split(&words, strbuf_str(&text), " \t\n") < 0)
		return;
	for (size_t i = 0; i + 1 < words.count && n->ndns < NET_DNS_MAX; i++) {
		struct net_ip *ip = &n->dns[n->ndns];

		if (strcmp(words.items[i], "nameserver") != 0 ||
		    net_ip_parse(ip, words.items[i + 1]) < 0)
			continue;
		if (ip->family == AF_INET6 ||
		    ip->bytes[0] != 127) /* a resolver of its own stays behind */
			n->ndns++;
	}
}

int live_net_read(struct live_net *ret, struct err *e)
{
	struct rtnl_link links[LIVE_LINKS_MAX];
	cleanup_fd int fd = rtnl_open(0);
	int nlinks, naddrs, nroutes;

	memset(ret, 0, sizeof(*ret));
	if (fd < 0 || (nlinks = rtnl_links(fd, links, LIVE_LINKS_MAX)) < 0 ||
	    (naddrs = rtnl_addrs(fd, ret->addrs, LIVE_ADDRS_MAX)) < 0 ||
	    (nroutes = rtnl_routes(fd, ret->routes, LIVE_ROUTES_MAX)) < 0)
		return err_set(e, ERR_ENTER_NET, errno, "asking the kernel for its links");
	ret->nlinks = (size_t)nlinks;
	ret->naddrs = (size_t)naddrs;
	ret->nroutes = (size_t)nroutes;
	for (size_t i = 0; i < ret->nlinks; i++)
		ret->links[i].link = links[i];
	for (size_t i = 0; i < ret->nlinks; i++)
		read_more(ret, &ret->links[i]);
	read_dns(ret);
	return 0;
}
