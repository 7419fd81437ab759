/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "support/registry_key.h"

enum { KEY_PATH_ROOM = 512 };

void registry_key_set(const char *service, const char *key, const char *name, DWORD type, const void *data,
                      size_t size)
{
    char path[KEY_PATH_ROOM];
    HKEY opened = NULL;
    (void)snprintf(path, sizeof path, "SYSTEM\\CurrentControlSet\\Services\\%s\\Parameters%s%s", service,
                   key[0] != '\0' ? "\\" : "", key);
    assert_int_equal(
        RegCreateKeyExA(HKEY_LOCAL_MACHINE, path, 0, NULL, 0, KEY_ALL_ACCESS, NULL, &opened, NULL),
        ERROR_SUCCESS);
    const LSTATUS status = RegSetValueExA(opened, name, 0, type, data, (DWORD)size);
    RegCloseKey(opened);
    assert_int_equal(status, ERROR_SUCCESS);
}

void registry_key_text(const char *service, const char *key, const char *name, const char *text)
{
    registry_key_set(service, key, name, REG_SZ, text, strlen(text) + 1);
}

void registry_key_remove(const char *service)
{
    char path[KEY_PATH_ROOM];
    (void)snprintf(path, sizeof path, "SYSTEM\\CurrentControlSet\\Services\\%s", service);
    (void)RegDeleteTreeA(HKEY_LOCAL_MACHINE, path);
}
