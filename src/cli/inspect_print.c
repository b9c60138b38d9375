/* SPDX-License-Identifier: MIT */
/* The report of a tree in words. It is printed from the object that --json prints, so both say the same. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/inspect_print.h"

#define SHOWN_MAX 40 /* entries of a list; --json has all */

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static const char *or_none(const char *s, const char *none)
{
	return s && *s ? s : none;
}

/* What a tree says may hold control characters. */
static void field(const char *label, const char *fmt, ...) printf_like(2, 3);
static void field(const char *label, const char *fmt, ...)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	char safe[600];
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&text, fmt, ap);
	va_end(ap);
	str_escape(safe, sizeof(safe), strbuf_str(&text));
	printf("%-14s%s\n", label, safe);
}

/* The words of an array of strings, with ", " between them. */
static const char *join(const json_t *list, struct strbuf *out)
{
	json_t *v;
	size_t i;

	strbuf_done(out);
	json_array_foreach(list, i, v)
	{
		strbuf_addf(out, "%s%s", i ? ", " : "", json_string_value(v));
	}
	return strbuf_str(out);
}

static bool enough(const char *label, const json_t *list, size_t i)
{
	if (i == SHOWN_MAX)
		field(label, "and %zu more", json_array_size(list) - i);
	return i >= SHOWN_MAX;
}

static void print_system(const json_t *s)
{
	bool merged = json_is_true(json_object_get(s, "usr_merged"));

	if (!json_is_true(json_object_get(s, "is_linux_root")))
		field("", "this does not look like the root of an installed Linux system");
	field("system", "%s",
	      or_none(text_of(s, "pretty_name"), or_none(text_of(s, "name"), "unknown")));
	field("distribution", "%s %s (family %s, by %s)",
	      or_none(text_of(s, "distribution"), "unknown"), or_none(text_of(s, "version"), ""),
	      or_none(text_of(s, "family"), "unknown"), or_none(text_of(s, "told_by"), "no file"));
	field("architecture", "%s", or_none(text_of(s, "architecture"), "unknown"));
	field("init", "%s", or_none(text_of(s, "init"), "unknown"));
	field("packages", "%s", or_none(text_of(s, "package_manager"), "unknown"));
	field("usr", "%s%s", merged ? "/bin, /sbin and /lib lead into it" : "not merged",
	      json_is_true(json_object_get(s, "sbin_merged")) ? ", and sbin into bin" : "");
	field("hostname", "%s", or_none(text_of(s, "hostname"), "none"));
	field("machine-id", "%s", or_none(text_of(s, "machine_id"), "none"));
}

static void print_kernels(const json_t *report)
{
	const json_t *list = json_object_get(report, "kernels"),
		     *initramfs = json_object_get(report, "initramfs");
	struct strbuf words cleanup_strbuf = STRBUF_INIT;
	json_t *k;
	size_t i;

	json_array_foreach(list, i, k)
	{
		if (enough("kernel", list, i))
			break;
		field("kernel", "%s: %s, %s, %s", or_none(text_of(k, "version"), "?"),
		      or_none(text_of(k, "image"), "no image"),
		      or_none(text_of(k, "initramfs"), "no initramfs"),
		      or_none(text_of(k, "modules"), "no modules"));
	}
	field("initramfs by", "%s",
	      or_none(join(json_object_get(initramfs, "installed"), &words), "unknown"));
}

static void print_boot(const json_t *b)
{
	struct strbuf words cleanup_strbuf = STRBUF_INIT;
	const json_t *list = json_object_get(b, "loaders");
	json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
	{
		field("loader", "%s (%s)", text_of(o, "name"), text_of(o, "file"));
	}
	strbuf_done(&words);
	json_array_foreach(json_object_get(b, "grub_platforms"), i, o)
	{
		strbuf_addf(&words, "%s%s", i ? ", " : "", text_of(o, "folder"));
	}
	field("GRUB modules", "%s", or_none(strbuf_str(&words), "none"));
	list = json_object_get(b, "entries");
	json_array_foreach(list, i, o)
	{
		if (enough("boot entry", list, i))
			break;
		field("boot entry", "%s: %s", text_of(o, "file"),
		      or_none(text_of(o, "linux"), or_none(text_of(o, "efi"), "?")));
	}
	list = json_object_get(b, "efi_files");
	json_array_foreach(list, i, o)
	{
		if (enough("EFI program", list, i))
			break;
		field("EFI program", "%s", json_string_value(o));
	}
	json_array_foreach(json_object_get(b, "kernel_words"), i, o)
	{
		field("kernel words", "%s %s: %s", text_of(o, "file"),
		      or_none(text_of(o, "variable"), ""), text_of(o, "text"));
	}
}

static void print_storage(const json_t *report)
{
	const json_t *s = json_object_get(report, "storage"),
		     *list = json_object_get(report, "mounts");
	const json_t *lvm = json_object_get(s, "lvm");
	struct strbuf words cleanup_strbuf = STRBUF_INIT;
	json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
	{
		if (enough("mount", list, i))
			break;
		field("mount", "%s on %s, %s (%s)", text_of(o, "spec"), text_of(o, "mount"),
		      text_of(o, "type"), text_of(o, "options"));
	}
	json_array_foreach(json_object_get(s, "crypttab"), i, o)
	{
		field("encrypted", "%s as %s", text_of(o, "device"), text_of(o, "name"));
	}
	json_array_foreach(json_object_get(s, "arrays"), i, o)
	{
		field("array", "%s UUID %s", or_none(text_of(o, "device"), "?"),
		      or_none(text_of(o, "uuid"), "?"));
	}
	if (json_array_size(json_object_get(lvm, "volume_groups")))
		field("LVM", "volume groups %s",
		      join(json_object_get(lvm, "volume_groups"), &words));
	if (text_of(lvm, "devices_file"))
		field("LVM", "only the devices of %s", text_of(lvm, "devices_file"));
	json_array_foreach(json_object_get(lvm, "filters"), i, o)
	{
		field("LVM", "/etc/lvm/lvm.conf:%d: %s",
		      (int)json_integer_value(json_object_get(o, "line")), text_of(o, "text"));
	}
	if (json_array_size(json_object_get(s, "other_files")))
		field("disk names in", "%s", join(json_object_get(s, "other_files"), &words));
}

static void print_selinux(const json_t *s)
{
	if (json_is_object(s))
		field("SELinux", "%s, policy %s%s", or_none(text_of(s, "mode"), "unknown"),
		      or_none(text_of(s, "policy"), "unknown"),
		      json_is_true(json_object_get(s, "policy_installed")) ? ""
									   : " (not installed)");
	else
		field("SELinux", "not configured");
}

static void print_link(const json_t *link)
{
	struct strbuf words cleanup_strbuf = STRBUF_INIT;

	field("", "%s: IPv4 %s, IPv6 %s%s", text_of(link, "name"), text_of(link, "v4"),
	      text_of(link, "v6"),
	      json_is_true(json_object_get(link, "at_boot")) ? "" : ", not at boot");
	if (text_of(link, "mac"))
		field("", "  MAC %s", text_of(link, "mac"));
	if (json_array_size(json_object_get(link, "addresses")))
		field("", "  %s", join(json_object_get(link, "addresses"), &words));
	if (text_of(link, "gateway4"))
		field("", "  gateway %s", text_of(link, "gateway4"));
	if (text_of(link, "gateway6"))
		field("", "  gateway %s", text_of(link, "gateway6"));
	if (json_array_size(json_object_get(link, "dns")))
		field("", "  name servers %s", join(json_object_get(link, "dns"), &words));
}

static void print_network(const json_t *n)
{
	json_t *o;
	size_t i;

	field("network", "%s", or_none(text_of(n, "stack"), "no known configuration"));
	field("", "%s", or_none(text_of(n, "why"), ""));
	json_array_foreach(json_object_get(n, "links"), i, o)
	{
		print_link(o);
	}
	json_array_foreach(json_object_get(n, "notes"), i, o)
	{
		field("", "note: %s", json_string_value(o));
	}
}

static void print_agents(const json_t *report)
{
	const json_t *c = json_object_get(report, "cloud_init");
	struct strbuf words cleanup_strbuf = STRBUF_INIT;
	json_t *o;
	size_t i;

	json_array_foreach(json_object_get(report, "agents"), i, o)
	{
		const char *changes = join(json_object_get(o, "changes"), &words);

		field("agent", "%s (%s), %s%s%s", text_of(o, "name"), text_of(o, "provider"),
		      text_of(o, "started_by") ? "started" : "not started",
		      *changes ? ", changes " : "", changes);
	}
	if (!json_is_object(c))
		return;
	if (text_of(c, "disabled_by"))
		field("cloud-init", "switched off by %s", text_of(c, "disabled_by"));
	if (text_of(c, "datasource_list"))
		field("cloud-init", "data sources %s", text_of(c, "datasource_list"));
	if (text_of(c, "network_disabled_in"))
		field("cloud-init", "leaves the network alone (%s)",
		      text_of(c, "network_disabled_in"));
}

static void print_mentions(const json_t *m)
{
	const json_t *list = json_object_get(m, "places");
	json_t *o;
	size_t i;

	json_array_foreach(json_object_get(m, "addresses"), i, o)
	{
		field("own address", "%s (%s)", text_of(o, "address"), text_of(o, "from"));
	}
	json_array_foreach(list, i, o)
	{
		if (enough("named in", list, i))
			break;
		field("named in", "%s:%d: %s (%s)", text_of(o, "file"),
		      (int)json_integer_value(json_object_get(o, "line")), text_of(o, "address"),
		      text_of(o, "service"));
	}
	if (!json_is_true(json_object_get(m, "complete")))
		field("named in", "and more: not everything was searched");
}

static void print_device(const json_t *d)
{
	json_t *o;
	size_t i;

	if (!d)
		return;
	field("device", "%s, %s", text_of(d, "path"),
	      or_none(text_of(d, "table"), "no partition table"));
	json_array_foreach(json_object_get(d, "volumes"), i, o)
	{
		char size[32];

		field("volume", "%d: %s, %s%s%s%s%s",
		      (int)json_integer_value(json_object_get(o, "number")),
		      or_none(text_of(o, "type"), "unknown content"),
		      format_bytes(size, sizeof(size),
				   (uint64_t)json_integer_value(json_object_get(o, "size_bytes"))),
		      text_of(o, "uuid") ? ", UUID " : "", or_none(text_of(o, "uuid"), ""),
		      text_of(o, "mount") ? ", " : "", or_none(text_of(o, "mount"), ""));
	}
}

void inspect_print(const json_t *report)
{
	json_t *note;
	size_t i;

	print_device(json_object_get(report, "device"));
	print_system(json_object_get(report, "system"));
	print_kernels(report);
	print_boot(json_object_get(report, "boot"));
	print_storage(report);
	print_selinux(json_object_get(report, "selinux"));
	print_network(json_object_get(report, "network"));
	print_agents(report);
	print_mentions(json_object_get(report, "mentions"));
	json_array_foreach(json_object_get(report, "notes"), i, note)
	{
		field("note", "%s", json_string_value(note));
	}
}
