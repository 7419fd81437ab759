/* SPDX-License-Identifier: MIT
   The checksum CRC32c (RFC 3720, section 12.1); no Windows header. */
#ifndef PORTLISTENER_BASE_CRC32C_H
#define PORTLISTENER_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* crc32c_add: the checksum of all bytes so far, from that of those before them; 0 is the checksum of none. Its
   lowest bits stand for what RFC 3720 writes first. */
uint32_t crc32c_add(uint32_t sum, const uint8_t *at, size_t length);

#endif
