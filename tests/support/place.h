/* SPDX-License-Identifier: MIT
   Addresses of code, for people. */
#ifndef PORTLISTENER_TESTS_SUPPORT_PLACE_H
#define PORTLISTENER_TESTS_SUPPORT_PLACE_H

#include <stdbool.h>

#include "base/text.h"

/* place_add: "memory_alloc (memory.c:15)" where dbghelp finds symbols (Wine: DWARF 4; Windows: a PDB), else
   place_add_offset. Any thread. */
void place_add(struct text *text, const void *address);

/* place_add_offset: "program.exe+0x1234", without a lock or memory. For MinGW's addr2line -f -e program.exe
   that is 0x140001234, from the image base it links for. */
void place_add_offset(struct text *text, const void *address);

/* place_add_chain: the places one behind the other, until the first NULL. */
void place_add_chain(struct text *text, const void *const *addresses, size_t count);

/* place_is_asking: whether this thread is in dbghelp, which reads what may not be there and catches the exception. */
bool place_is_asking(void);

#endif
