/* SPDX-License-Identifier: MIT
   The hash SHA-1 (FIPS 180-4), for names that the system makes with it; nothing is kept secret or proved by it.
   No Windows header. */
#ifndef PORTLISTENER_BASE_SHA1_H
#define PORTLISTENER_BASE_SHA1_H

#include <stddef.h>
#include <stdint.h>

enum { SHA1_SIZE = 20, SHA1_INPUT_MAX = 1024 };

/* sha1: of `length` bytes, at most SHA1_INPUT_MAX. */
void sha1(const uint8_t *at, size_t length, uint8_t hash_out[SHA1_SIZE]);

#endif
