/* SPDX-License-Identifier: MIT */
/* Between scan.c and stack.c. */
#pragma once

#include "disk/scan.h"

/* One line of the attribute name of a sysfs folder, blanks trimmed; NULL when absent or empty. Owned by the caller. */
char *scan_attr(const char *dir, const char *name);
/* The same as a number; 0 when it is none. */
uint64_t scan_number(const char *dir, const char *name);
/* A zeroed volume of the scan, valid until the next; NULL with e set. */
struct volume *scan_add_volume(struct disk_scan *scan, struct err *e);
/* major and minor from the attribute dev. */
void scan_devno(const char *dir, struct volume *v);
/* What is on v->path, by its superblocks. */
void scan_content(struct volume *v);

/* Adds the devices of device-mapper and md whose parts are in the scan. */
int scan_stacked(struct disk_scan *scan, struct err *e) must_check;
