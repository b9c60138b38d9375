/* SPDX-License-Identifier: MIT */
/*
 * Between the parts of the private loader. loader.c chooses the backend, loader_state.c is S, loader_store.c the payload,
 * loader_config.c writes grub.cfg and conf.cpio. A backend is one struct loader_ops, named in loader_ops_of().
 */
#pragma once

#include "job/loader.h"

#define LOADER_LIST \
	"list" /* the payload's own list of files, in LOADER_PAYLOAD_DIR and LOADER_DIR */
#define LOADER_CFG LOADER_DIR "/grub.cfg"
#define LOADER_CONF LOADER_DIR "/conf.cpio"

struct loader_ops {
	enum loader_kind kind;
	/*
	 * What loader_assess() has to know of the layout; the payload and its room are looked at by the caller. ret is
	 * filled as if all were well. Sets kind NONE and why when it is not; fails only when something could not be read.
	 */
	int (*assess)(const struct target *t, struct loader_verdict *ret, struct err *e);
	/* As in loader.h; the payload is stored, r->loader is what it was in J. */
	int (*plant)(const struct target *t, struct record *r, struct err *e);
	int (*finish)(const struct root *fs, const struct record *r, struct strlist *notes,
		      struct err *e);
	int (*restore)(const struct target *t, const struct record *r, struct err *e);
	/* Files of the payload it cannot do without, beside vmlinuz and initrd; NULL-terminated. */
	const char *const *needs;
};

extern const struct loader_ops loader_bios_ops;
extern const struct loader_ops loader_uefi_ops;

/* Kind NONE, and why. Returns 0. */
int loader_say_no(struct loader_verdict *ret, const char *fmt, ...) printf_like(2, 3);
/* Part of assess: whether GRUB can read the file system of LOADER_DIR and write S on it. */
int loader_assess_fs(const struct target *t, struct loader_verdict *ret, struct err *e) must_check;

/* The file system of loader_fs(). */
const struct target_fs *loader_target_fs(const struct target *t);
/* finish on a disk that is known; for tests. */
int loader_bios_finish_on(const struct disk_scan *scan, unsigned disk, const struct root *fs,
			  const struct record *r, struct err *e) must_check;

/* NULL: no backend for this firmware. */
const struct loader_ops *loader_ops_of(enum loader_kind kind);
/* False: nothing can be planted here, whatever the payload. */
bool loader_layout_fits(const struct target *t);

/* ---- S ---- */

#define LOADER_S_BYTES 512

void loader_s_encode(enum loader_choice c, char ret[LOADER_S_BYTES]);
/* Only the very bytes that loader_s_encode() or GRUB's save_env make. ERR_LOADER_S else. */
int loader_s_decode(const void *data, size_t len, enum loader_choice *ret,
		    struct err *e) must_check;
/* Makes S when it is missing, allocated and durable, with this word; else loader_select(). */
int loader_s_make(const struct root *fs, enum loader_choice c, struct err *e) must_check;

/* ---- the payload ---- */

#define LOADER_FILES_MAX 16
#define LOADER_FILE_MAX (512ull << 20) /* bytes of one file */

struct loader_file {
	char name[32];
	uint64_t bytes;
	char sha256[65];
};

struct loader_list {
	struct loader_file files[LOADER_FILES_MAX];
	unsigned count;
	uint64_t bytes; /* of all files */
};

/*
 * The list: "rehost-loader 1", then lines "SHA256 BYTES NAME". Names are of letters, digits, dots, dashes and
 * underscores and begin with a letter. ERR_LOADER_PAYLOAD.
 */
int loader_list_parse(struct loader_list *ret, const char *text, size_t len,
		      struct err *e) must_check;
const struct loader_file *loader_list_find(const struct loader_list *l, const char *name);
/* The list of the folder dir below r, whose files are all there with their sizes; ERR_LOADER_PAYLOAD. */
int loader_list_read(struct loader_list *ret, const struct root *r, const char *dir,
		     struct err *e) must_check;

/* ---- grub.cfg and conf.cpio ---- */

/*
 * Lines of GRUB's script that start the old system or the clone; they fall through when that fails. What they may use:
 * $root and ($rehost_home) the file system of LOADER_DIR, $rehost_dir "(that)/.rehost/boot", and what the backend sets before it
 * sources grub.cfg (BIOS: $rehost_drive, "hd0"). Each line ends with a newline.
 */
struct loader_script {
	const char *start_old, *start_clone;
};

/*
 * Writes conf.cpio and grub.cfg into LOADER_DIR, for a rescue like the one that runs: its kernel words with the old
 * system's consoles, its keys, options, host keys, password and network words. Each is atomic, durable and read back. The planted
 * rescue is told by rehost.wanted=WORD what the loader was to start; another word than "rescue" there means that it could not.
 */
int loader_write_config(const struct target *t, const struct loader_script *s,
			struct err *e) must_check;
/* A private file of ours, atomic, durable, read back past the cache. */
int loader_put(const struct root *fs, const char *path, const struct strbuf *data,
	       struct err *e) must_check;

/* The parts, for tests. */
int loader_split_words(struct strlist *ret, const char *text, struct err *e) must_check;
int loader_sort_words(const char *cmdline, struct strlist *ret_kernel, struct strlist *ret_own,
		      struct err *e) must_check;
void loader_cfg_text(struct strbuf *ret, const struct strlist *words,
		     const struct strlist *consoles, const struct loader_script *s);
int loader_conf_make(struct strbuf *ret, const struct strlist *own, struct err *e) must_check;
