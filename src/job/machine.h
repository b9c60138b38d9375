/* SPDX-License-Identifier: MIT */
/* Facts about the machine that come from sysfs, and readers of the old system's boot configuration. */
#pragma once

#include "base/err.h"
#include "base/json.h"
#include "base/root.h"
#include "base/str.h"

/*
 * Adds the modules of every driver on the way from a device to its bus, e.g. "class/block/vda2" gives
 * virtio_blk and virtio_pci, "class/net/eth0" virtio_net. sys: a handle on /sys. Built-in drivers have no
 * module and are left out; what is listed already is not repeated.
 */
int machine_add_drivers(const struct root *sys, const char *device, struct strlist *ret,
			struct err *e) must_check;

/* {"uefi": bool, "vendor": text, "product": text} */
json_t *machine_firmware(const struct root *sys);

/* net.json's shape from sysfs, for when init wrote none: {"links": [{name, mac, driver, addresses}]}. */
json_t *machine_links(const struct root *sys);

/* A medium lies in some optical drive (the rescue's ISO, for instance). */
bool machine_has_disc(const struct root *sys);

/* Arguments of the first "linux" line of a grub.cfg, or NULL. Owned by the caller. */
char *grub_cfg_cmdline(const char *text);
/* GRUB_CMDLINE_LINUX and GRUB_CMDLINE_LINUX_DEFAULT of /etc/default/grub, joined; NULL when neither is there. */
char *grub_default_cmdline(const char *text);
/* The values of all console= words. */
int cmdline_consoles(const char *cmdline, struct strlist *ret, struct err *e) must_check;
