/* SPDX-License-Identifier: MIT
   The pattern of bytes, see pattern.h. Eight at a time: it must be cheap beside the sending. */
#include "support/pattern.h"

#include <string.h>

enum { WORD = 8 };

static uint64_t pattern__word(uint64_t stream, uint64_t number)
{
    uint64_t word = stream * 0x9E3779B97F4A7C15u + number * 0xD1B54A32D192ED03u;
    word = (word ^ word >> 32) * 0xBF58476D1CE4E5B9u;
    return word ^ word >> 29;
}

/* Bytes from the middle of a word, at most to its end; returns how many. */
static size_t pattern__part(uint8_t *at, uint64_t stream, uint64_t offset, size_t length)
{
    const uint64_t word = pattern__word(stream, offset / WORD);
    const size_t skipped = (size_t)(offset % WORD);
    const size_t count = length < WORD - skipped ? length : WORD - skipped;
    uint8_t bytes[WORD];
    memcpy(bytes, &word, sizeof bytes);
    memcpy(at, bytes + skipped, count);
    return count;
}

void pattern_fill(uint8_t *at, uint64_t stream, uint64_t offset, size_t length)
{
    size_t i = 0;
    while (i < length) {
        if ((offset + i) % WORD == 0 && length - i >= WORD) {
            const uint64_t word = pattern__word(stream, (offset + i) / WORD);
            memcpy(at + i, &word, sizeof word);
            i += WORD;
        } else {
            i += pattern__part(at + i, stream, offset + i, length - i);
        }
    }
}

/* From a byte on that begins a word: the first word that differs, or what is left of less than a word. */
static size_t pattern__same_words(const uint8_t *at, uint64_t stream, uint64_t offset, size_t length)
{
    size_t i = 0;
    for (; length - i >= WORD; i += WORD) {
        const uint64_t expected = pattern__word(stream, (offset + i) / WORD);
        uint64_t word = 0;
        memcpy(&word, at + i, sizeof word);
        if (word != expected) {
            break;
        }
    }
    return i;
}

size_t pattern_compare(const uint8_t *at, uint64_t stream, uint64_t offset, size_t length)
{
    size_t i = 0;
    while (i < length) {
        uint8_t expected = 0;
        if ((offset + i) % WORD == 0) {
            i += pattern__same_words(at + i, stream, offset + i, length - i);
            if (i == length) {
                break;
            }
        }
        pattern__part(&expected, stream, offset + i, 1);
        if (at[i] != expected) {
            break;
        }
        i++;
    }
    return i;
}
