/* SPDX-License-Identifier: MIT
   Bytes for a client to send and to know again: each place of each stream has its own. */
#ifndef PORTLISTENER_TESTS_SUPPORT_PATTERN_H
#define PORTLISTENER_TESTS_SUPPORT_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* pattern_fill: bytes [offset, offset + length) of the pattern of `stream`. */
void pattern_fill(uint8_t *at, uint64_t stream, uint64_t offset, size_t length);

/* pattern_compare: the first place of `at` that differs from bytes [offset, offset + length), or `length`. */
size_t pattern_compare(const uint8_t *at, uint64_t stream, uint64_t offset, size_t length);

#endif
