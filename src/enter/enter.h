/* SPDX-License-Identifier: MIT */
/*
 * Entering the rescue from the target's running system: an entry for its own GRUB that is used at the next start and at no other.
 * Whatever fails there, the machine's next start is the old system again; so it is when nobody logs in (rehost.entered,
 * job/recover.h). Nothing but files below /boot is written.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#define ENTER_DIR "/boot/rehost-rescue"
#define ENTER_KERNEL ENTER_DIR "/vmlinuz"
#define ENTER_INITRD ENTER_DIR "/initrd"
#define ENTER_RAM_MIN (160ull << 20)

/* Where the entry goes. */
struct enter_place {
	char tools[8];	 /* "grub" or "grub2": what this system's GRUB programs begin with */
	char folder[32]; /* of grub.cfg: "/boot/grub" */
	char uuid[64];	 /* of the file system that /boot is on */
	char dir[256];	 /* ENTER_DIR as GRUB sees it there */
};

/*
 * Whether this system can do it, without a write: GRUB 2 that reads its environment, on a file system that it can write as well (or the entry would
 * stay), that started this very system; no Secure Boot that refuses Debian's kernel; no container, no clone; enough memory.
 * ERR_ENTER_LOADER, ERR_ENTER_HERE.
 */
int enter_look(struct enter_place *ret, struct err *e) must_check;

/* ERR_ENTER_ROOM unless /boot has that many bytes and some to spare; what ENTER_DIR holds already counts as free. */
int enter_room(uint64_t bytes, struct err *e) must_check;

/* Plants kernel and entry; ENTER_INITRD is there. The environment comes last: until then nothing starts differently. */
int enter_plant(const struct enter_place *p, const char *kernel, struct err *e) must_check;

/* Takes entry and files back; that there are none is no error. *ret_was: there was something. */
int enter_cancel(bool *ret_was, struct err *e) must_check;

/* ---- parts, for tests ---- */

/* The entry, between lines that mark it as ours. cmdline: the running kernel's, for its consoles. */
void enter_entry_text(struct strbuf *ret, const struct enter_place *p, const char *cmdline);
/* custom.cfg with our entry taken out (entry NULL) or replaced. -1: a mark without its end. */
int enter_custom_text(struct strbuf *ret, const char *old, const char *entry) must_check;
/* True when a grub.cfg uses next_entry and reads custom.cfg. */
bool enter_menu_fits(const char *text);
