/* SPDX-License-Identifier: MIT */
#include "job/machine.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <linux/cdrom.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>

/* Takes one level off a path; false at the top. */
static bool cut_last(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash)
		return false;
	*slash = '\0';
	return true;
}

/* sysfs class links are relative ("../../devices/..."): the real path below sys, by text alone. */
static int resolve_class(const struct root *sys, const char *device, char *path, size_t size)
{
	char text[PATH_MAX];
	const char *rest = text;

	if (snprintf(path, size, "%s", device) >= (int)size)
		return -1;
	if (root_readlink(sys, device, text, sizeof(text)) < 0)
		return 0; /* a folder itself */
	cut_last(path);
	while (str_starts(rest, "../")) {
		rest += 3;
		if (!cut_last(path))
			*path = '\0';
	}
	if (strlen(path) + strlen(rest) + 2 > size)
		return -1;
	if (*path)
		strcat(path, "/");
	strcat(path, rest);
	return 0;
}

int machine_add_drivers(const struct root *sys, const char *device, struct strlist *ret,
			struct err *e)
{
	char path[PATH_MAX], link[PATH_MAX + 32], text[PATH_MAX];

	if (resolve_class(sys, device, path, sizeof(path)) < 0)
		return err_set(e, ERR_FILE, ENAMETOOLONG, "/sys/%s", device);
	do {
		const char *name;

		snprintf(link, sizeof(link), "%s/driver/module", path);
		if (root_readlink(sys, link, text, sizeof(text)) < 0)
			continue;
		name = strrchr(text, '/');
		name = name ? name + 1 : text;
		if (*name && !strlist_has(ret, name) && strlist_add(ret, name) < 0)
			return err_set(e, ERR_NOMEM, 0, "drivers");
	} while (cut_last(path));
	return 0;
}

/* One line, trailing blanks off; "" when absent. */
static void read_line(const struct root *sys, const char *path, char *buf, size_t size)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	size_t len;

	buf[0] = '\0';
	if (root_read(sys, path, &text, 4096, NULL) < 0)
		return;
	len = strcspn(strbuf_str(&text), "\n");
	while (len && isspace((unsigned char)text.data[len - 1]))
		len--;
	snprintf(buf, size, "%.*s", (int)len, strbuf_str(&text));
}

json_t *machine_firmware(const struct root *sys)
{
	char vendor[128], product[128];

	read_line(sys, "class/dmi/id/sys_vendor", vendor, sizeof(vendor));
	read_line(sys, "class/dmi/id/product_name", product, sizeof(product));
	return json_pack("{s:b, s:o, s:o}", "uefi", root_is_dir(sys, "firmware/efi"), "vendor",
			 json_text(vendor), "product", json_text(product));
}

/* Addresses of global scope the kernel has on one interface. */
static json_t *addresses_of(const struct ifaddrs *all, const char *name)
{
	json_t *list = json_array();

	for (; all; all = all->ifa_next) {
		char text[INET6_ADDRSTRLEN];
		const void *addr = NULL;

		if (!all->ifa_addr || strcmp(all->ifa_name, name) != 0)
			continue;
		if (all->ifa_addr->sa_family == AF_INET) {
			addr = &((const struct sockaddr_in *)(const void *)all->ifa_addr)->sin_addr;
		} else if (all->ifa_addr->sa_family == AF_INET6) {
			addr = &((const struct sockaddr_in6 *)(const void *)all->ifa_addr)
					->sin6_addr;
			if (IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)addr))
				addr = NULL;
		}
		if (addr && inet_ntop(all->ifa_addr->sa_family, addr, text, sizeof(text)))
			json_array_append_new(list, json_string(text));
	}
	return list;
}

json_t *machine_links(const struct root *sys)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	json_t *links = json_array();
	struct ifaddrs *all = NULL;
	size_t i;

	if (getifaddrs(&all) < 0)
		all = NULL;
	if (root_list(sys, "class/net", &names, NULL) < 0)
		names.count = 0;
	for (i = 0; i < names.count; i++) {
		char path[PATH_MAX], mac[32], driver[PATH_MAX];
		const char *base = NULL;

		snprintf(path, sizeof(path), "class/net/%s/device", names.items[i]);
		if (!root_exists(sys, path)) /* lo, bridges, tunnels */
			continue;
		snprintf(path, sizeof(path), "class/net/%s/address", names.items[i]);
		read_line(sys, path, mac, sizeof(mac));
		snprintf(path, sizeof(path), "class/net/%s/device/driver", names.items[i]);
		if (root_readlink(sys, path, driver, sizeof(driver)) == 0) {
			base = strrchr(driver, '/');
			base = base ? base + 1 : driver;
		}
		json_array_append_new(links,
				      json_pack("{s:o, s:o, s:o, s:o}", "name",
						json_text(names.items[i]), "mac", json_text(mac),
						"driver", json_text(base), "addresses",
						addresses_of(all, names.items[i])));
	}
	freeifaddrs(all);
	return json_pack("{s:o}", "links", links);
}

bool machine_has_disc(const struct root *sys)
{
	struct strlist names cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (root_list(sys, "block", &names, NULL) < 0)
		return false;
	for (i = 0; i < names.count; i++) {
		char path[64];
		int fd cleanup_fd = -1;

		if (!str_starts(names.items[i], "sr"))
			continue;
		snprintf(path, sizeof(path), "/dev/%.32s", names.items[i]);
		fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0 && ioctl(fd, CDROM_DRIVE_STATUS, CDSL_CURRENT) == CDS_DISC_OK)
			return true;
	}
	return false;
}

/* ---- the old system's boot configuration -------------------------------------------------------- */

char *grub_cfg_cmdline(const char *text)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	size_t i, k;

	if (strlist_split(&lines, text, "\r\n") < 0)
		return NULL;
	for (i = 0; i < lines.count; i++) {
		struct strlist words cleanup_strlist = STRLIST_INIT;
		struct strbuf out = STRBUF_INIT;

		if (strlist_split(&words, lines.items[i], " \t") < 0)
			return NULL;
		if (words.count < 2 || (strcmp(words.items[0], "linux") != 0 &&
					strcmp(words.items[0], "linux16") != 0 &&
					strcmp(words.items[0], "linuxefi") != 0))
			continue;
		for (k = 2; k < words.count; k++)
			strbuf_addf(&out, "%s%s", k > 2 ? " " : "", words.items[k]);
		return out.len ? strbuf_take(&out) : strdup("");
	}
	return NULL;
}

/* A shell assignment's value: quotes taken off, nothing expanded. */
static void add_assignment(struct strbuf *out, const char *line, const char *name, bool *found)
{
	size_t len = strlen(name);
	char quote;

	line += strspn(line, " \t");
	if (!str_starts(line, name) || line[len] != '=')
		return;
	line += len + 1;
	quote = *line == '"' || *line == '\'' ? *line++ : '\0';
	len = quote ? strcspn(line, quote == '"' ? "\"" : "'") : strcspn(line, " \t#;");
	if (out->len && len)
		strbuf_addc(out, ' ');
	strbuf_add(out, line, len);
	*found = true;
}

char *grub_default_cmdline(const char *text)
{
	struct strlist lines cleanup_strlist = STRLIST_INIT;
	struct strbuf out = STRBUF_INIT;
	bool found = false;
	size_t i;

	if (strlist_split(&lines, text, "\r\n") < 0)
		return NULL;
	for (i = 0; i < lines.count; i++) {
		add_assignment(&out, lines.items[i], "GRUB_CMDLINE_LINUX", &found);
		add_assignment(&out, lines.items[i], "GRUB_CMDLINE_LINUX_DEFAULT", &found);
	}
	if (found && out.len)
		return strbuf_take(&out);
	strbuf_done(&out);
	return found ? strdup("") : NULL;
}

int cmdline_consoles(const char *cmdline, struct strlist *ret, struct err *e)
{
	struct strlist words cleanup_strlist = STRLIST_INIT;
	size_t i;

	if (strlist_split(&words, cmdline, " \t") < 0)
		return err_set(e, ERR_NOMEM, 0, "consoles");
	for (i = 0; i < words.count; i++) {
		const char *value = words.items[i] + 8;

		if (!str_starts(words.items[i], "console=") || !*value || strlist_has(ret, value))
			continue;
		if (strlist_add(ret, value) < 0)
			return err_set(e, ERR_NOMEM, 0, "consoles");
	}
	return 0;
}
