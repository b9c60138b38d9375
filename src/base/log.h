/* SPDX-License-Identifier: MIT */
/*
 * The log: one line an event, for developers and operators after the fact. It never talks to the
 * operator by itself. Lines go to the file set by log_open() (append, O_APPEND, so that several
 * processes may share it) and, when verbose, to standard error. errno survives a call.
 *
 * The file lies in RAM, and strangers make lines (scans of the SSH port): at LOG_MAX bytes it becomes PATH.old, and the one
 * that was there goes.
 */
#pragma once

#include "base/cleanup.h"

#define LOG_MAX (1024 * 1024) /* bytes; twice as much is kept */
#define LOG_OLD ".old"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* path may be NULL: lines then go nowhere but to standard error when verbose. Never fails. */
void log_open(const char *path);
void log_set_verbose(int on);
void log_line(enum log_level level, const char *fmt, ...) printf_like(2, 3);

#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
