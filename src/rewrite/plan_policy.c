/* SPDX-License-Identifier: MIT */
/* What is bound to the machine and no edit can change: SELinux labels, licences, registrations. */
#include <string.h>
#include <sys/xattr.h>
#include <fcntl.h>

#include "rewrite/net_priv.h"
#include "rewrite/plan_priv.h"
#include "rewrite/shellfile.h"

#define SELINUX_CONFIG "/etc/selinux/config"
#define AUTORELABEL \
	"/.autorelabel" /* the guard of the trial knows it, too: a relabelling ends with a restart */

/* ---- SELinux ---- */

/* The value of a setting, to be freed; NULL: absent or not understood. */
static char *selinux_setting(const char *text, size_t len, const char *name)
{
	const struct shell_var *v;
	struct shell_file f;
	char *ret = NULL;

	if (shell_file_parse(&f, text, len, NULL) < 0)
		return NULL;
	v = shell_file_find(&f, name);
	if (v)
		ret = shell_var_decode(v);
	shell_file_done(&f);
	return ret;
}

static bool has_label(const struct planner *p)
{
	int fd cleanup_fd = root_openat(p->clone, "/etc/passwd", O_RDONLY | O_NONBLOCK, 0, NULL);

	return fd >= 0 && fgetxattr(fd, "security.selinux", NULL, 0) > 0;
}

/*
 * Labels are kept from the transfer, but what is new here has none: the host keys, the network's files, the guard. All of
 * them are labelled by the clone itself at its first boot, as after any repair from outside.
 */
static int plan_relabel(struct planner *p, bool enforcing)
{
	static const char *const programs[] = {
		"/usr/lib/systemd/system/selinux-autorelabel.service",
		"/lib/systemd/system/selinux-autorelabel.service",
		"/etc/init.d/selinux-autorelabel",
		"/etc/init.d/selinux-basics",
		"/etc/rc.d/rc.sysinit",
		NULL
	};

	if (!net_any_exists(p->clone, programs))
		return plan_note(
			p,
			"SELinux is %s, and nothing in the tree labels files at the start%s: "
			"after the first boot run 'fixfiles -F restore'",
			enforcing ? "enforcing" : "permissive",
			has_label(p) ? "" : "; the files that came have no labels");
	if (plan_write(p, AUTORELABEL, "", 0, 0644,
		       "SELinux: files that are new here get their labels at the first boot") < 0)
		return -1;
	return plan_note(p, "SELinux: the first boot labels all files and restarts once%s",
			 has_label(p) ? "" : "; those that came have no labels, so let it finish");
}

static int plan_selinux(struct planner *p)
{
	struct strbuf text cleanup_strbuf = STRBUF_INIT;
	int rc = plan_read(p, SELINUX_CONFIG, &text);
	char *mode cleanup_free = NULL;

	if (rc <= 0)
		return rc;
	mode = selinux_setting(strbuf_str(&text), text.len, "SELINUX");
	if (!mode || strcmp(mode, "disabled") == 0)
		return 0;
	/* a file that only a package left behind: there is no policy */
	if (!root_exists(p->clone, "/usr/sbin/load_policy") &&
	    !root_exists(p->clone, "/sbin/load_policy"))
		return 0;
	return plan_relabel(p, strcmp(mode, "enforcing") == 0);
}

/* ---- licences and registrations ---- */

static int note_bound(struct planner *p)
{
	static const struct {
		const char *path, *what;
		bool copy_only; /* harmless while the source is off */
	} bound[] = {
		{ "/etc/pki/consumer/cert.pem", "Red Hat's subscription", true },
		{ "/etc/sysconfig/rhn/systemid",
		  "the registration with RHN, Spacewalk or CloudLinux", true },
		{ "/etc/zypp/credentials.d/SCCcredentials", "the registration with SUSE", true },
		{ "/var/lib/ubuntu-advantage/private/machine-token.json", "Ubuntu Pro", true },
		{ "/var/lib/landscape/client", "Landscape", true },
		{ "/usr/local/cpanel/cpanel.lisc", "cPanel's licence (by address)", false },
		{ "/etc/sw/keys/keys", "Plesk's licence", false },
		{ "/usr/local/directadmin/conf/license.key", "DirectAdmin's licence (by address)",
		  false },
		{ "/etc/virtualmin-license", "Virtualmin's licence", false },
		{ "/var/imunify360/license.json", "Imunify360's licence", false },
		{ "/usr/local/lsws/conf/license.key", "LiteSpeed's licence (by address)", false },
		{ "/usr/local/flexlm", "FlexLM (by hardware address or host id)", false },
		{ "/opt/splunk/etc/instance.cfg", "Splunk's GUID", true },
		{ "/opt/splunkforwarder/etc/instance.cfg", "Splunk's GUID", true },
		{ "/etc/puppetlabs/puppet/ssl", "Puppet's certificate", true },
		{ "/etc/chef/client.pem", "Chef's key", true },
		{ "/etc/salt/pki/minion/minion.pem", "Salt's key", true },
		{ "/var/lib/mysql/auto.cnf",
		  "MySQL's server_uuid, which replication tells servers by", true },
		{ "/etc/hostid", "the host id, which licences and ZFS look at", true },
		{ "/var/lib/systemd/credential.secret", "systemd's key for credentials", true },
		{ "/etc/iscsi/initiatorname.iscsi", "the name by which iSCSI storage knows it",
		  true },
		{ "/etc/nvme/hostnqn", "the name by which NVMe storage knows it", true },
		{ "/var/lib/tailscale/tailscaled.state", "Tailscale's node key", true },
		{ "/var/lib/zerotier-one/identity.secret", "ZeroTier's identity", true },
	};
	bool copy = p->options->intent == INTENT_COPY;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bound); i++) {
		if ((bound[i].copy_only && !copy) || !root_exists(p->clone, bound[i].path))
			continue;
		if (plan_note(p, "bound to the machine: %s (%s)%s", bound[i].what, bound[i].path,
			      copy ? "; the source keeps the same one"
				   : "; renew it if it is refused") < 0)
			return -1;
	}
	return 0;
}

int plan_policy(struct planner *p)
{
	return plan_selinux(p) < 0 || note_bound(p) < 0 ? -1 : 0;
}
