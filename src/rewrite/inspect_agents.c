/* SPDX-License-Identifier: MIT */
/* Programs of clouds and providers: found by their files or by dpkg's list of them, and whether init starts them. */
#include <limits.h>
#include <string.h>

#include "rewrite/inspect_priv.h"

/* What they change on a machine by themselves. */
#define NETWORK 1u
#define KEYS 2u	 /* SSH keys, users, passwords */
#define NAME 4u	 /* host name */
#define DISKS 8u /* swap, resource disks, growing */

/* One row for each; docs/adding.md. Also found when dpkg has a package of that name. */
static const struct agent {
	const char *name, *provider;
	unsigned changes;
	const char *files[4];
	const char *services[4];
} agents[] = {
	{ "cloud-init",
	  "any",
	  NETWORK | KEYS | NAME | DISKS,
	  { "/usr/bin/cloud-init" },
	  { "cloud-init*" } },
	{ "amazon-ssm-agent",
	  "aws",
	  0,
	  { "/usr/bin/amazon-ssm-agent", "/snap/amazon-ssm-agent" },
	  { "amazon-ssm-agent", "snap.amazon-ssm-agent*" } },
	{ "amazon-ec2-net-utils",
	  "aws",
	  NETWORK,
	  { "/usr/lib/systemd/network/80-ec2.network", "/usr/share/amazon-ec2-net-utils" },
	  { "policy-routes@*" } },
	{ "ec2-net-utils",
	  "aws",
	  NETWORK,
	  { "/etc/sysconfig/network-scripts/ec2net-functions", "/sbin/ec2ifup" },
	  { "elastic-network-interfaces" } },
	{ "ec2-instance-connect",
	  "aws",
	  KEYS,
	  { "/opt/aws/bin/eic_run_authorized_keys", "/usr/share/ec2-instance-connect" },
	  { "ec2-instance-connect" } },
	{ "ec2-hibinit-agent", "aws", DISKS, { "/usr/bin/hibinit-agent" }, { "hibinit-agent" } },
	{ "amazon-cloudwatch-agent",
	  "aws",
	  0,
	  { "/opt/aws/amazon-cloudwatch-agent" },
	  { "amazon-cloudwatch-agent" } },
	{ "aws-cfn-bootstrap", "aws", 0, { "/opt/aws/bin/cfn-init" }, { "cfn-hup" } },
	{ "walinuxagent",
	  "azure",
	  NETWORK | KEYS | NAME | DISKS,
	  { "/usr/sbin/waagent", "/usr/bin/waagent" },
	  { "walinuxagent", "waagent" } },
	{ "google-guest-agent",
	  "gce",
	  NETWORK | KEYS,
	  { "/usr/bin/google_guest_agent", "/usr/bin/google_guest_agent_manager" },
	  { "google-guest-agent*" } },
	{ "google-compute-engine",
	  "gce",
	  NETWORK | KEYS,
	  { "/usr/bin/google_accounts_daemon", "/usr/bin/google_set_multiqueue" },
	  { "google-accounts-daemon", "google-network-daemon", "google-startup-scripts" } },
	{ "google-compute-engine-oslogin",
	  "gce",
	  KEYS,
	  { "/usr/bin/google_authorized_keys" },
	  { "google-oslogin-cache" } },
	{ "google-osconfig-agent",
	  "gce",
	  0,
	  { "/usr/bin/google_osconfig_agent" },
	  { "google-osconfig-agent" } },
	{ "do-agent", "digitalocean", 0, { "/opt/digitalocean/bin/do-agent" }, { "do-agent" } },
	{ "droplet-agent",
	  "digitalocean",
	  KEYS,
	  { "/opt/digitalocean/bin/droplet-agent" },
	  { "droplet-agent" } },
	{ "hc-utils",
	  "hetzner",
	  NETWORK,
	  { "/usr/bin/hc-ifscan", "/usr/sbin/hc-ifscan" },
	  { "hc-net*" } },
	{ "oracle-cloud-agent",
	  "oracle",
	  0,
	  { "/usr/libexec/oracle-cloud-agent", "/snap/oracle-cloud-agent" },
	  { "oracle-cloud-agent", "snap.oracle-cloud-agent*" } },
	{ "oci-utils", "oracle", NETWORK, { "/usr/libexec/ocid", "/usr/sbin/ocid" }, { "ocid" } },
	{ "nova-agent",
	  "rackspace",
	  NETWORK | KEYS | NAME,
	  { "/usr/sbin/nova-agent", "/usr/share/nova-agent" },
	  { "nova-agent" } },
	{ "xe-guest-utilities",
	  "xen",
	  0,
	  { "/usr/sbin/xe-daemon", "/usr/sbin/xe-linux-distribution" },
	  { "xe-linux-distribution", "xe-daemon" } },
	{ "longview", "linode", 0, { "/opt/linode/longview" }, { "longview" } },
	{ "aliyun-assist",
	  "alibaba",
	  KEYS,
	  { "/usr/local/share/aliyun-assist", "/usr/sbin/aliyun-service" },
	  { "aliyun" } },
	{ "qcloud", "tencent", 0, { "/usr/local/qcloud" }, { "tat_agent" } },
	{ "qemu-guest-agent",
	  "kvm",
	  0,
	  { "/usr/sbin/qemu-ga", "/usr/bin/qemu-ga" },
	  { "qemu-guest-agent", "qemu-ga" } },
	{ "open-vm-tools",
	  "vmware",
	  0,
	  { "/usr/bin/vmtoolsd", "/usr/sbin/vmtoolsd" },
	  { "open-vm-tools", "vmtoolsd" } },
	{ "virtualbox-guest-utils",
	  "virtualbox",
	  0,
	  { "/usr/sbin/VBoxService" },
	  { "vboxadd-service", "virtualbox-guest-utils", "vboxservice" } },
	{ "hyperv-daemons",
	  "hyperv",
	  NETWORK,
	  { "/usr/sbin/hv_kvp_daemon", "/usr/sbin/hypervkvpd" },
	  { "hv-kvp-daemon", "hypervkvpd" } },
};

static json_t *changes_json(unsigned changes)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {
		{ NETWORK, "network" }, { KEYS, "keys" }, { NAME, "hostname" }, { DISKS, "disks" }
	};
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (changes & words[i].bit)
			json_array_append_new(list, json_text(words[i].word));
	return list;
}

static const char *find_agent(const struct inspect_look *l, const struct agent *a, char *buf,
			      size_t size)
{
	const char *file = inspect_first(l->root, a->files);

	if (file)
		return file;
	/* removed packages keep configuration files, and their list only then: it names nothing but those */
	snprintf(buf, size, "/var/lib/dpkg/info/%s.md5sums", a->name);
	return root_is_file(l->root, buf) ? buf : NULL;
}

json_t *inspect_agents(struct inspect_look *l)
{
	json_t *list = json_array();
	char buf[PATH_MAX];
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(agents); i++) {
		const char *file = find_agent(l, &agents[i], buf, sizeof(buf)), *start = NULL;
		json_t *o;

		if (!file)
			continue;
		for (n = 0; n < ARRAY_SIZE(agents[i].services) && agents[i].services[n] && !start;
		     n++)
			start = inspect_started(l, agents[i].services[n]);
		o = json_object();
		json_object_set_new(o, "name", json_text(agents[i].name));
		json_object_set_new(o, "provider", json_text(agents[i].provider));
		json_object_set_new(o, "file", json_text(file));
		json_object_set_new(o, "started_by", json_text(start));
		json_object_set_new(o, "changes", changes_json(agents[i].changes));
		json_array_append_new(list, o);
	}
	return list;
}

/* The line of a key in cloud-init's files, the last file wins: they are merged in the order of their names. */
json_t *inspect_cloud_init(struct inspect_look *l)
{
	static const char off[] = "/etc/cloud/cloud-init.disabled";
	struct strlist files cleanup_strlist = STRLIST_INIT;
	char sources[256] = "", sources_at[PATH_MAX] = "", network_at[PATH_MAX] = "";
	json_t *o;
	size_t i;

	if (!root_is_dir(l->root, "/etc/cloud"))
		return json_null();
	inspect_glob(l->root, "/etc/cloud", "cloud.cfg", &files);
	inspect_glob(l->root, "/etc/cloud/cloud.cfg.d", "*.cfg", &files);
	for (i = 0; i < files.count; i++) {
		struct strbuf text cleanup_strbuf = STRBUF_INIT;
		struct inspect_lines s;

		if (!inspect_read(l, files.items[i], &text))
			continue;
		inspect_lines_begin(&s, &text);
		while (inspect_lines_entry(&s)) {
			if (str_starts(s.line, "datasource_list:")) {
				const char *value = s.line + strlen("datasource_list:");

				snprintf(sources, sizeof(sources), "%s",
					 value + strspn(value, " "));
				snprintf(sources_at, sizeof(sources_at), "%s", files.items[i]);
			}
			if (strcmp(s.line, "network: {config: disabled}") == 0)
				snprintf(network_at, sizeof(network_at), "%s", files.items[i]);
		}
	}
	o = json_object();
	json_object_set_new(o, "disabled_by", json_text(root_exists(l->root, off) ? off : NULL));
	json_object_set_new(o, "datasource_list", json_text(*sources ? sources : NULL));
	json_object_set_new(o, "datasource_list_in", json_text(*sources_at ? sources_at : NULL));
	json_object_set_new(o, "network_disabled_in", json_text(*network_at ? network_at : NULL));
	return o;
}
