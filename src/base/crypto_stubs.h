/* SPDX-License-Identifier: MIT */
/* Nothing to call: a name for the static link to ask for (crypto_stubs.c). */
#pragma once

extern const char crypto_stand_ins;
