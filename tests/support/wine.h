/* SPDX-License-Identifier: MIT
   Which Wine this is: tests skip, with a reason, what theirs cannot show. The program itself never asks. */
#ifndef PORTLISTENER_TESTS_SUPPORT_WINE_H
#define PORTLISTENER_TESTS_SUPPORT_WINE_H

#include <stdbool.h>

/* wine_is_before: a Wine older than `version` (its first number); false on Windows. */
bool wine_is_before(unsigned long version);

#endif
