/* SPDX-License-Identifier: MIT
   Security descriptors for tests, from their text form (SDDL). */
#ifndef PORTLISTENER_TESTS_SUPPORT_DESCRIPTOR_H
#define PORTLISTENER_TESTS_SUPPORT_DESCRIPTOR_H

#include <stddef.h>

#include "support/seam.h"

/* The headers that base/win.h includes do not declare it. */
__declspec(dllimport) BOOL
    WINAPI ConvertStringSecurityDescriptorToSecurityDescriptorW(LPCWSTR text, DWORD revision,
                                                                PSECURITY_DESCRIPTOR *descriptor_out,
                                                                PULONG size_out);

/* descriptor_make: a block for LocalFree; NULL where the text is none. */
static inline PSECURITY_DESCRIPTOR descriptor_make(const char *text)
{
    WCHAR wide[512];
    size_t length = 0;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    do {
        wide[length] = (WCHAR)text[length];
    } while (text[length++] != '\0' && length < sizeof wide / sizeof wide[0]);
    return ConvertStringSecurityDescriptorToSecurityDescriptorW(wide, 1, &descriptor, NULL) ? descriptor
                                                                                            : NULL;
}

#endif
