/* SPDX-License-Identifier: MIT */
/*
 * Stand-ins for libext2fs's tables of case folding (67 KB of Unicode data). They are for hashing a name in a folder
 * that ignores case; this program reads folders from the first entry to the last and never makes one. With no table,
 * libext2fs leaves the encoding of an opened file system unset. Declarations as in its ext2fsP.h.
 */
#include <errno.h>
#include <stddef.h>

const void *ext2fs_load_nls_table(int encoding);
int ext2fs_check_encoded_name(const void *table, char *name, size_t len, char **ret_where);
int ext2fs_casefold_cmp(const void *table, const unsigned char *a, size_t a_len,
			const unsigned char *b, size_t b_len);

const void *ext2fs_load_nls_table(int encoding)
{
	(void)encoding;
	return NULL;
}

int ext2fs_check_encoded_name(const void *table, char *name, size_t len, char **ret_where)
{
	(void)table;
	(void)name;
	(void)len;
	(void)ret_where;
	return EINVAL;
}

int ext2fs_casefold_cmp(const void *table, const unsigned char *a, size_t a_len,
			const unsigned char *b, size_t b_len)
{
	(void)table;
	(void)a;
	(void)a_len;
	(void)b;
	(void)b_len;
	return -EINVAL;
}
