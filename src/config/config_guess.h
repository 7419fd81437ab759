/* SPDX-License-Identifier: MIT
   "Did you mean": the nearest of some words to one that is not known; no Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_GUESS_H
#define PORTLISTENER_CONFIG_CONFIG_GUESS_H

#include <stddef.h>

struct config_guess {
    const char *at;
    size_t length;
    const char *best; /* NULL: nothing is near */
    size_t distance;
};

/* config_guess_begin: at[0..length) is what was written. */
struct config_guess config_guess_begin(const char *at, size_t length);

/* config_guess_try: takes `candidate` for the best when it is nearer than those before. Case does not
   count. */
void config_guess_try(struct config_guess *guess, const char *candidate);

#endif
