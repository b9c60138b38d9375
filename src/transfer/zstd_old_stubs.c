/* SPDX-License-Identifier: MIT */
/*
 * Stand-ins for zstd's decoders of its formats before 1.0 (2015 and 2016), 80 KB of the static binary that nothing reaches: libarchive
 * takes a stream for zstd by the magic number of today's format alone. A frame of an old format behind a frame of today's is the
 * one way here, and gets what zstd makes of a decoder that cannot be had: an error. libzstd.a calls these with arguments
 * that are not needed to refuse, and the calling convention lets a callee ignore them.
 */
#include <stddef.h>

/* As zstd numbers its errors: a size_t just below zero. 14: unsupported version (zstd_errors.h). */
#define UNSUPPORTED ((size_t)-14)

#define OLD_ZSTD(v) \
	void *ZBUFFv##v##_createDCtx(void); \
	size_t ZBUFFv##v##_freeDCtx(void *); \
	size_t ZBUFFv##v##_decompressInitDictionary(void); \
	size_t ZBUFFv##v##_decompressContinue(void); \
	void *ZSTDv##v##_createDCtx(void); \
	size_t ZSTDv##v##_freeDCtx(void *); \
	size_t ZSTDv##v##_decompress_usingDict(void); \
	size_t ZSTDv##v##_getFrameParams(void); \
	void ZSTDv##v##_findFrameSizeInfoLegacy(const void *, size_t, size_t *, \
						unsigned long long *); \
	void *ZBUFFv##v##_createDCtx(void) \
	{ \
		return NULL; \
	} \
	size_t ZBUFFv##v##_freeDCtx(void *p) \
	{ \
		(void)p; \
		return 0; \
	} \
	size_t ZBUFFv##v##_decompressInitDictionary(void) \
	{ \
		return UNSUPPORTED; \
	} \
	size_t ZBUFFv##v##_decompressContinue(void) \
	{ \
		return UNSUPPORTED; \
	} \
	void *ZSTDv##v##_createDCtx(void) \
	{ \
		return NULL; \
	} \
	size_t ZSTDv##v##_freeDCtx(void *p) \
	{ \
		(void)p; \
		return 0; \
	} \
	size_t ZSTDv##v##_decompress_usingDict(void) \
	{ \
		return UNSUPPORTED; \
	} \
	size_t ZSTDv##v##_getFrameParams(void) \
	{ \
		return UNSUPPORTED; \
	} \
	void ZSTDv##v##_findFrameSizeInfoLegacy(const void *p, size_t n, size_t *ret_size, \
						unsigned long long *ret_bound) \
	{ \
		(void)p; \
		(void)n; \
		*ret_size = UNSUPPORTED; \
		*ret_bound = (unsigned long long)-2; /* ZSTD_CONTENTSIZE_ERROR */ \
	}

OLD_ZSTD(05)
OLD_ZSTD(06)
OLD_ZSTD(07)
