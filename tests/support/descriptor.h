/* SPDX-License-Identifier: MIT
   Security descriptors for tests, from their text form (SDDL). */
#ifndef PORTLISTENER_TESTS_SUPPORT_DESCRIPTOR_H
#define PORTLISTENER_TESTS_SUPPORT_DESCRIPTOR_H

#include <stddef.h>

#include "support/seam.h"

/* descriptor_make: a block for LocalFree; NULL where the text is none. Not in the ledger, for as a rule it is what an import
   that a test has replaced gives, which puts it there. */
static inline PSECURITY_DESCRIPTOR descriptor_make(const char *text)
{
    WCHAR wide[512];
    size_t length = 0;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    do {
        wide[length] = (WCHAR)text[length];
    } while (text[length++] != '\0' && length < sizeof wide / sizeof wide[0]);
    return SEAM_REAL(ConvertStringSecurityDescriptorToSecurityDescriptorW)(wide, 1, &descriptor, NULL)
               ? descriptor
               : NULL;
}

#endif
