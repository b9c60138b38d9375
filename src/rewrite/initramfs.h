/* SPDX-License-Identifier: MIT */
/* Whether an initramfs that came with the source can start this machine as it is. Pure: the caller unpacks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/root.h"
#include "base/str.h"
#include "rewrite/facts.h"

struct initramfs_file {
	const char *path; /* without leading "./" or "/" */
	const char *data; /* content when initramfs_wants() said so; else NULL */
	size_t len;
};

/* Whether initramfs_fits() looks into the file of that path. */
bool initramfs_wants(const char *path);

/*
 * Judges an image, whatever program made it, for one kernel of the clone (with the edits applied). 1: it fits. 0: it does
 * not, and reason says why in one sentence: a driver of this machine's disk or root file system is missing (in the image and
 * in the kernel's modules.builtin), or it names a resume device, root, encrypted disk, array or network card of the
 * source, was given words for the kernel that do, or waits for its disk. -1: no memory.
 *
 * That our own .link file is not in it is no reason on a machine with one card: udev of systemd 240 and later names a card
 * again after the start (naming flag allow_rerenames). With several cards, or an older udev, it is one. NIC drivers
 * are not needed in it.
 */
int initramfs_fits(const struct initramfs_file *files, size_t count, const struct root *clone,
		   const char *kernel, const struct rewrite_facts *facts, struct strbuf *reason);
