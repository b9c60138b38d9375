/* SPDX-License-Identifier: MIT */
/*
 * Holds: what of the clone acts towards others (cron, mail, backups, clusters, VPN) waits until the clone is confirmed. Under
 * systemd a drop-in of each unit has a condition that HOLDS_FILE is not there; under sysvinit and OpenRC the links that start
 * a script are taken away and kept in that file. Planned by plan_holds(), released by confirm and by release.
 *
 * The file has one line each: "unit NAME", "script NAME", "link PATH TEXT". Whoever deletes it by hand releases the units.
 */
#pragma once

#include "base/err.h"
#include "base/root.h"
#include "base/str.h"

#define HOLDS_FILE "/var/lib/rehost/holds"
#define HOLDS_DROPIN "50-rehost-hold.conf"

struct holds {
	struct strlist units;	/* "cron.service" */
	struct strlist scripts; /* "cron" */
	struct strlist links;	/* "/etc/rc2.d/S01cron ../init.d/cron" */
};

void holds_done(struct holds *h);
/* Lines that could not be ours are passed over. */
int holds_parse(struct holds *ret, const char *text, struct err *e) must_check;
/* The record at path below holder; where there is none nothing is held. */
int holds_read(struct holds *ret, const struct root *holder, const char *path,
	       struct err *e) must_check;

/*
 * Takes away drop-ins, links and file, the file last, and gives what was held, to be started. Absence is success, and
 * a release that was cut is done again. What was started or enabled by hand meanwhile stays. holder and path: where HOLDS_FILE
 * lies, which is another root while the file systems of the clone are mounted apart.
 */
int holds_release(struct holds *ret, const struct root *clone, const struct root *holder,
		  const char *path, struct err *e) must_check;
