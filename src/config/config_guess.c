/* SPDX-License-Identifier: MIT
   Near misses, see config_guess.h. */
#include "config/config_guess.h"

#include <stdbool.h>

#include "base/text.h"

enum { CONFIG_GUESS_FARTHEST = 3, CONFIG_GUESS_START = 3 };

/* One mistake for each three letters: more, and any short word would do. */
struct config_guess config_guess_begin(const char *at, size_t length)
{
    const size_t limit = length / 3 < CONFIG_GUESS_FARTHEST ? length / 3 : CONFIG_GUESS_FARTHEST;
    return (struct config_guess){.at = at, .length = length, .distance = limit + 1};
}

static bool config_guess__is_abbreviation(const struct config_guess *guess, const char *candidate)
{
    for (size_t i = 0; i < guess->length; i++) {
        const char letter[2] = {candidate[i], '\0'};
        if (!text_equal(guess->at + i, 1, letter)) {
            return false; /* also where the candidate ends: no letter equals the empty string */
        }
    }
    return guess->length >= CONFIG_GUESS_START;
}

void config_guess_try(struct config_guess *guess, const char *candidate)
{
    const size_t distance = config_guess__is_abbreviation(guess, candidate)
                                ? 1
                                : text_distance(guess->at, guess->length, candidate, guess->distance);
    if (distance < guess->distance) {
        guess->distance = distance;
        guess->best = candidate;
    }
}
