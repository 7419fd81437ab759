/* SPDX-License-Identifier: MIT
   Faults: making an import fail, at its n-th call or at one place of the program, and receives come in
   pieces. Any thread; arm while nobody calls the import. */
#ifndef PORTLISTENER_TESTS_SUPPORT_FAULT_H
#define PORTLISTENER_TESTS_SUPPORT_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "support/seam.h"

#define FAULT_FOREVER UINT32_MAX /* `times`: from then on */

/* fault_arm: the `nth` call from now (1: the next) and those behind it, `times` in all, fail with `code`
   instead of reaching Windows. One fault for each import; a second replaces the first. Memory (HeapAlloc,
   HeapReAlloc) has no code. */
void fault_arm(enum import import, uint32_t nth, DWORD code, uint32_t times);

/* fault_arm_site: likewise, of the calls that return to `site` only; see sites.h. */
void fault_arm_site(enum import import, const void *site, uint32_t nth, DWORD code, uint32_t times);

/* fault_codes: what `import` fails with in the world, two codes (codes.def); false where that never happens. */
enum { FAULT_CODES = 2 };
bool fault_codes(enum import import, DWORD codes_out[FAULT_CODES]);

/* fault_clear: no faults, whole receives, all counts 0. */
void fault_clear(void);

/* fault_is_armed: whether a fault may still come. */
bool fault_is_armed(void);

/* fault_hits: calls that were made to fail since fault_clear. */
uint32_t fault_hits(void);

/* fault_calls: calls of `import` since fault_clear, failed or not. */
uint32_t fault_calls(enum import import);

/* fault_cut_receives: WSARecv on TCP sockets takes at most `size` bytes a call; 0: as asked. */
void fault_cut_receives(uint32_t size);

/* The rest is for imports.def.

   fault_is_due: counts the call, and tells whether it shall fail and how. */
bool fault_is_due(const struct seam_call *call, DWORD *code_out);

/* fault_cut: replaces the buffers by shorter ones, in `cut`. */
enum { FAULT_CUT_BUFFERS = 16 };
void fault_cut(SOCKET s, WSABUF **buffers, DWORD *count, WSABUF cut[FAULT_CUT_BUFFERS]);

#endif
