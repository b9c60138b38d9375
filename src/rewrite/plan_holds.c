/* SPDX-License-Identifier: MIT */
/* What of the clone must not act before it is confirmed: rewrite/holds.h. */
#include <limits.h>
#include <string.h>

#include "rewrite/holds.h"
#include "rewrite/leftovers.h"
#include "rewrite/plan_priv.h"
#include "rewrite/services.h"

static const char dropin[] = "# made by rehost: waits for 'confirm', which removes this file\n"
			     "[Unit]\n"
			     "ConditionPathExists=!" HOLDS_FILE "\n";

/* One more kind of service is one more row; patterns as services_match() takes them. */
struct hold_row {
	const char *what;
	const char *patterns;
	bool is_cluster; /* membership of a cluster: the operator has to say what is to become of it */
};

static const struct hold_row rows[] = {
	{ "scheduled jobs",
	  "cron crond cronie vixie-cron dcron bcron fcron mcron busybox-crond anacron "
	  "anacron.timer "
	  "atd cron.target",
	  false },
	{ "mail to others",
	  "postfix postfix@* exim exim4 exim4-base.timer sendmail sm-client opensmtpd smtpd "
	  "nullmailer qmail* msmtpd dma fetchmail getmail* mailman* mlmmj*",
	  false },
	{ "backups",
	  "bacula-* bareos-* borg* restic* rsnapshot* duplicity* duplicati* veeam* amanda* "
	  "urbackup* "
	  "backuppc burp* zrepl* sanoid* syncoid* pgbackrest* barman* kopia* rdiff-backup* "
	  "tarsnap* "
	  "crashplan* acronis* cdp-agent r1soft*",
	  false },
	{ "files kept alike on several machines", "lsyncd syncthing syncthing@* unison* csync2*",
	  false },
	{ "disks of other machines", "iscsi iscsid iscsid.socket open-iscsi nbd-client", false },
	{ "keys and tunnels of a VPN",
	  "wg-quick@* wg-quick.* wg-quick wireguard openvpn openvpn@* openvpn.* openvpn-client@* "
	  "openvpn-server@* strongswan strongswan-starter strongswan-swanctl ipsec libreswan tinc "
	  "tinc@* tinc.* tailscaled tailscale zerotier-one nebula nebula@* netbird* xl2tpd vpnc@* "
	  "autossh* stunnel stunnel4 stunnel@*",
	  false },
	{ "routes announced to others",
	  "frr bird bird6 quagga zebra bgpd ospfd ospf6d exabgp gobgpd babeld olsrd", false },
	{ "names pointed at this machine", "ddclient inadyn* ez-ipupdate noip2 noip-duc *-ddns*",
	  false },
	{ "configuration from a server",
	  "puppet puppet.timer pxp-agent mcollective chef-client cinc-client salt-minion cfengine3 "
	  "cf-* ansible-pull* landscape-client",
	  false },
	{ "jobs fetched from elsewhere",
	  "gitlab-runner actions.runner.* buildkite-agent jenkins-agent* drone-runner* act_runner* "
	  "forgejo-runner* woodpecker-agent celery* teamcity-agent*",
	  false },
	{ "membership of a cluster",
	  "corosync corosync-* pacemaker pacemaker_remote pcsd sbd heartbeat cman rgmanager "
	  "keepalived ucarp vrrpd conntrackd drbd drbd@* ctdb dlm lvmlockd o2cb ocfs2 glusterd "
	  "ceph-* ceph.target ceph etcd etcd-* consul nomad patroni repmgrd stolon-* zookeeper "
	  "kubelet "
	  "k3s k3s-agent rke2-* snap.microk8s.* pve-cluster pve-ha-* moosefs-*",
	  true },
};

/* Timers of the distribution and its packages that look after this machine alone. */
static const char own_timers[] =
	"systemd-* apt-daily* fstrim.timer logrotate.timer man-db.timer mandb.timer "
	"e2scrub_all.timer "
	"xfs_scrub_all.timer dpkg-db-backup.timer mdcheck_* mdmonitor-* raid-check.timer "
	"dnf-makecache.timer dnf5-makecache.timer dnf-automatic* unbound-anchor.timer "
	"plocate-updatedb.timer mlocate-updatedb.timer updatedb.timer sysstat-* "
	"phpsessionclean.timer "
	"motd-news.timer ua-* esm-cache.timer fwupd-refresh.timer snapd.* update-notifier-* "
	"shadow.timer archlinux-keyring-* btrfs-* btrfsmaintenance-* lvm2-* "
	"ntpsec-rotate-stats.timer "
	"apport-autoreport.timer pacman-filesdb-refresh.timer paccache.timer chrony-* "
	"check-battery.timer issue-generator* backup-rpmdb.timer backup-sysconfig.timer "
	"rpmconf* selinux-* tmpfiles-* pamac-* needrestart* debsecan* sanlock-* cockpit-motd*";

static const struct hold_row other_timer = { "timers that are not the system's own", NULL, false };

static const struct hold_row *find_row(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (services_match(rows[i].patterns, name))
			return &rows[i];
	return str_ends(name, ".timer") && !services_match(own_timers, name) ? &other_timer : NULL;
}

struct holding {
	struct planner *p;
	struct holds record;  /* what the file will say */
	struct strlist names; /* everything that starts by itself */
	bool is_systemd;
};

/* ---- one service ---- */

/* Whether a planner before this one has masked the unit. */
static bool is_off(const struct planner *p, const char *unit)
{
	char path[PATH_MAX];
	size_t i;

	snprintf(path, sizeof(path), UNIT_DIR "/%s", unit);
	for (i = 0; i < p->plan->edit_count; i++)
		if (p->plan->edits[i].kind == EDIT_SYMLINK &&
		    strcmp(p->plan->edits[i].path, path) == 0)
			return true;
	return false;
}

static int hold_unit(struct holding *h, const char *unit)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), UNIT_DIR "/%s.d/" HOLDS_DROPIN, unit);
	if (strlist_add(&h->record.units, unit) < 0)
		return plan_nomem(h->p);
	return plan_write(h->p, path, dropin, strlen(dropin), 0644,
			  "waits until the clone is confirmed");
}

static int hold_script(struct holding *h, const char *name)
{
	struct strlist links cleanup_strlist = STRLIST_INIT;
	char text[PATH_MAX];
	size_t i;

	if (services_links(&links, h->p->clone, name, h->p->e) < 0)
		return -1;
	if (!strlist_has(&h->record.scripts, name) && strlist_add(&h->record.scripts, name) < 0)
		return plan_nomem(h->p);
	for (i = 0; i < links.count; i++) {
		if (root_readlink(h->p->clone, links.items[i], text, sizeof(text)) < 0)
			continue;
		if (strlist_addf(&h->record.links, "%s %s", links.items[i], text) < 0)
			return plan_nomem(h->p);
		if (plan_remove(h->p, links.items[i], "waits until the clone is confirmed") < 0)
			return -1;
	}
	return 0;
}

/* Holds every service of the row; the note says which. */
static int hold_row(struct holding *h, const struct hold_row *row)
{
	struct strbuf said cleanup_strbuf = STRBUF_INIT;
	size_t i;

	for (i = 0; i < h->names.count; i++) {
		const char *name = h->names.items[i];

		if (find_row(name) != row || is_off(h->p, name))
			continue;
		if ((h->is_systemd ? hold_unit(h, name) : hold_script(h, name)) < 0)
			return -1;
		strbuf_addf(&said, " %s", name);
	}
	if (said.failed)
		return plan_nomem(h->p);
	return said.len ? plan_note(h->p, "held until 'confirm', %s:%s", row->what,
				    strbuf_str(&said))
			: 0;
}

/* ---- clusters ---- */

/* A data base that joins others as soon as it starts has no service of its own for that. */
static int find_galera(struct planner *p, struct strbuf *ret)
{
	static const char *const dirs[] = { "/etc/mysql", "/etc/my.cnf.d", NULL };
	struct strlist needles cleanup_strlist = STRLIST_INIT, hits cleanup_strlist = STRLIST_INIT;

	if (strlist_add(&needles, "wsrep_cluster_address") < 0)
		return plan_nomem(p);
	if (leftovers_scan(p->clone, dirs, &needles, &hits, p->e) < 0)
		return -1;
	if (hits.count)
		strbuf_addf(ret, " galera (%s)", hits.items[0]);
	return ret->failed ? plan_nomem(p) : 0;
}

static int judge_cluster(struct holding *h, const struct hold_row *row, bool *ret_hold)
{
	struct strbuf found cleanup_strbuf = STRBUF_INIT;
	size_t i;

	*ret_hold = h->p->options->cluster == CLUSTER_HOLD;
	for (i = 0; i < h->names.count; i++)
		if (find_row(h->names.items[i]) == row)
			strbuf_addf(&found, " %s", h->names.items[i]);
	if (find_galera(h->p, &found) < 0)
		return -1;
	if (!found.len)
		return 0;
	switch (h->p->options->cluster) {
	case CLUSTER_HOLD:
		if (strstr(strbuf_str(&found), " galera ("))
			return plan_note(
				h->p, "the data base is a member of a cluster and is not held:%s",
				strbuf_str(&found));
		return 0;
	case CLUSTER_START:
		return plan_note(h->p, "starts with the clone, before anybody confirms:%s",
				 strbuf_str(&found));
	default:
		return plan_block(h->p,
				  "the source belongs to a cluster:%s. Say what these do on the "
				  "clone: --cluster hold (wait for 'confirm') or --cluster start",
				  strbuf_str(&found));
	}
}

/* ---- all ---- */

/* What an earlier run took away is not in the tree any more; it stays in the file. */
static int load_record(struct holding *h)
{
	struct holds before = { 0 };
	size_t i;
	int rc = 0;

	if (h->is_systemd || !h->p->is_ours)
		return 0;
	if (holds_read(&before, h->p->clone, HOLDS_FILE, h->p->e) < 0)
		return -1;
	for (i = 0; rc == 0 && i < before.scripts.count; i++)
		rc = strlist_add(&h->record.scripts, before.scripts.items[i]);
	for (i = 0; rc == 0 && i < before.links.count; i++)
		rc = strlist_add(&h->record.links, before.links.items[i]);
	holds_done(&before);
	return rc < 0 ? plan_nomem(h->p) : 0;
}

static void print_lines(struct strbuf *out, const char *word, const struct strlist *l)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		strbuf_addf(out, "%s %s\n", word, l->items[i]);
}

static int write_record(struct holding *h)
{
	struct strbuf out cleanup_strbuf = STRBUF_INIT;

	print_lines(&out, "unit", &h->record.units);
	print_lines(&out, "script", &h->record.scripts);
	print_lines(&out, "link", &h->record.links);
	if (out.failed)
		return plan_nomem(h->p);
	if (!out.len)
		return plan_remove(h->p, HOLDS_FILE, "nothing is held in this clone");
	return plan_write(h->p, HOLDS_FILE, strbuf_str(&out), out.len, 0644,
			  "what waits until the clone is confirmed");
}

/* Services of users start with the machine as well, each by its own manager. */
static int note_linger(struct planner *p)
{
	struct strlist users cleanup_strlist = STRLIST_INIT;
	struct strbuf said cleanup_strbuf = STRBUF_INIT;
	size_t i;

	if (!root_is_dir(p->clone, "/var/lib/systemd/linger"))
		return 0;
	if (root_list(p->clone, "/var/lib/systemd/linger", &users, p->e) < 0)
		return -1;
	for (i = 0; i < users.count && i < 10; i++)
		strbuf_addf(&said, " %s", users.items[i]);
	if (said.failed)
		return plan_nomem(p);
	return users.count
		       ? plan_note(
				 p,
				 "services of these users start with the clone and are not held:%s",
				 strbuf_str(&said))
		       : 0;
}

static int hold_all(struct holding *h)
{
	bool hold_cluster = false, is_trial = h->p->facts->rehost_binary != NULL;
	size_t i;

	if (services_list(&h->names, h->p->clone, h->p->tree.init, h->p->e) < 0 ||
	    load_record(h) < 0)
		return -1;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].is_cluster && judge_cluster(h, &rows[i], &hold_cluster) < 0)
			return -1;
		if ((rows[i].is_cluster ? hold_cluster : is_trial) && hold_row(h, &rows[i]) < 0)
			return -1;
	}
	/* without our program in the clone nobody could confirm: only what was asked for is held */
	if (is_trial && (hold_row(h, &other_timer) < 0 || note_linger(h->p) < 0))
		return -1;
	return write_record(h);
}

int plan_holds(struct planner *p)
{
	struct holding h = { .p = p };
	int rc;

	h.is_systemd = p->tree.init && strcmp(p->tree.init, "systemd") == 0;
	rc = hold_all(&h);
	holds_done(&h.record);
	strlist_done(&h.names);
	return rc;
}
