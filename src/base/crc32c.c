/* SPDX-License-Identifier: MIT
   CRC32c, see crc32c.h. */
#include "base/crc32c.h"

/* What four bits add to the rest of the division by 0x11EDC6F41, all of it mirrored. Sixteen words, not 256: few
   bytes are summed, and the bytes that come after them need the cache more. */
static const uint32_t crc32c__rests[16] = {
    0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
    0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75};

uint32_t crc32c_add(uint32_t sum, const uint8_t *at, size_t length)
{
    uint32_t rest = ~sum;
    for (size_t i = 0; i < length; i++) {
        rest ^= at[i];
        rest = rest >> 4 ^ crc32c__rests[rest & 0xF];
        rest = rest >> 4 ^ crc32c__rests[rest & 0xF];
    }
    return ~rest;
}
