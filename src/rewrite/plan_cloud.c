/* SPDX-License-Identifier: MIT */
/* cloud-init on the clone: off, pinned to the instance that it was, or left on; never free to undo what was rewritten. */
#include <string.h>

#include "rewrite/net_priv.h"
#include "rewrite/plan_priv.h"
#include "rewrite/services.h"

#define DISABLED "/etc/cloud/cloud-init.disabled"
#define OWN_CFG "/etc/cloud/cloud.cfg.d/zz-rehost.cfg" /* the last file read counts */
#define ID_MAX 128

static const char disabled_text[] =
	"made by rehost: the network and the keys of this machine are set\n";

/* What holds whatever data source is found; the network can be changed by no user data. */
static const char guard_text[] = "network: {config: disabled}\n"
				 "preserve_hostname: true\n"
				 "manage_etc_hosts: false\n"
				 "manage_resolv_conf: false\n"
				 "ssh_deletekeys: false\n";

static bool is_installed(const struct planner *p)
{
	static const char *const programs[] = { "/usr/bin/cloud-init",
						"/usr/lib/python3/dist-packages/cloudinit", NULL };

	return net_any_exists(p->clone, programs) || root_is_dir(p->clone, "/etc/cloud");
}

/* Releases without the generator do not know the file: 0.7.6 and older, and scripts of other init systems. */
static int disable_services(struct planner *p)
{
	static const char *const generators[] = {
		"/lib/systemd/system-generators/cloud-init-generator",
		"/usr/lib/systemd/system-generators/cloud-init-generator", NULL
	};
	struct strbuf names cleanup_strbuf = STRBUF_INIT;

	if (net_any_exists(p->clone, generators))
		return 0;
	return plan_disable_matching(p,
				     "cloud-init cloud-init-local cloud-init-main "
				     "cloud-init-network cloud-config cloud-final "
				     "cloud-init-hotplugd.socket cloud-init-ds-identify",
				     "cloud-init would write the network configuration again",
				     &names);
}

static int switch_off(struct planner *p)
{
	if (plan_write(p, DISABLED, disabled_text, strlen(disabled_text), 0644,
		       "cloud-init would write the network configuration again") < 0)
		return -1;
	return disable_services(p);
}

/* The instance that the source was: what is done once for an instance was done for it. NULL: not known. To be freed. */
static char *read_instance(struct planner *p)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		"._:-";
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	size_t len;

	if (root_read(p->clone, "/var/lib/cloud/data/instance-id", &text, 4096, NULL) < 0)
		return NULL;
	len = strspn(strbuf_str(&text), allowed);
	if (len == 0 || len > ID_MAX || (text.data[len] && text.data[len] != '\n'))
		return NULL;
	return strndup(text.data, len);
}

/* Ours from an earlier run of another choice; somebody else's stays and means off. */
static int enable(struct planner *p)
{
	struct strbuf now cleanup_strbuf = STRBUF_INIT;

	if (root_read(p->clone, DISABLED, &now, 4096, NULL) < 0)
		return 0;
	if (strcmp(strbuf_str(&now), disabled_text) != 0)
		return plan_note(p, "cloud-init was switched off on the source and stays so");
	return plan_remove(p, DISABLED, "cloud-init is wanted on the clone");
}

/*
 * Not the data source None: its instance has a name of its own, for which everything would be done once more. NoCloud takes
 * the name from here, and with fs_label nothing from a disk that the host attaches.
 */
static int pin(struct planner *p)
{
	struct strbuf out cleanup_strbuf = STRBUF_INIT;
	char *id cleanup_free = read_instance(p);

	if (!id) {
		if (plan_note(p,
			      "cloud-init has never run on the source, so there is no instance to "
			      "pin it to: it is switched off") < 0)
			return -1;
		return switch_off(p);
	}
	strbuf_addf(&out,
		    "# made by rehost: to cloud-init this machine stays the instance that it was\n"
		    "datasource_list: [ NoCloud ]\n"
		    "datasource:\n"
		    "  NoCloud:\n"
		    "    fs_label: null\n"
		    "    meta-data: {instance-id: \"%s\", dsmode: local}\n"
		    "    user-data: \"\"\n"
		    "%s"
		    "growpart: {mode: \"off\"}\n"
		    "resize_rootfs: false\n",
		    id, guard_text);
	if (out.failed)
		return plan_nomem(p);
	if (enable(p) < 0)
		return -1;
	return plan_write(p, OWN_CFG, strbuf_str(&out), out.len, 0644,
			  "cloud-init runs, and finds nothing to do");
}

static int keep(struct planner *p)
{
	struct strbuf out cleanup_strbuf = STRBUF_INIT;

	strbuf_addf(&out, "# made by rehost: this machine's network, name and keys are set\n%s",
		    guard_text);
	if (out.failed)
		return plan_nomem(p);
	if (enable(p) < 0 ||
	    plan_note(p,
		      "cloud-init stays on and looks for a data source here; for a new instance it "
		      "acts as at a first boot: accounts, keys, packages, what user data says") < 0)
		return -1;
	return plan_write(p, OWN_CFG, strbuf_str(&out), out.len, 0644,
			  "cloud-init may not change network, name and host keys");
}

int plan_cloud(struct planner *p)
{
	if (!is_installed(p))
		return 0;
	switch (p->options->cloud_init) {
	case CLOUD_PIN:
		return pin(p);
	case CLOUD_KEEP:
		return keep(p);
	default:
		return switch_off(p);
	}
}
