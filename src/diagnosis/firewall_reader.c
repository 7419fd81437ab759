/* SPDX-License-Identifier: MIT
   Rules of the firewall out of the registry, see firewall_reader.h. */
#include "diagnosis/firewall_reader.h"

#include "base/memory.h"
#include "base/utf16.h"

#define FIREWALL_LOCAL  L"SYSTEM\\CurrentControlSet\\Services\\SharedAccess\\Parameters\\FirewallPolicy"
#define FIREWALL_POLICY L"SOFTWARE\\Policies\\Microsoft\\WindowsFirewall"

enum {
    FIREWALL_NAME_ROOM = 16384, /* units of the longest name of a value, its NUL included */
    FIREWALL_DATA_ROOM = 65536  /* units; no rule that is longer is read */
};

struct firewall_room {
    WCHAR name[FIREWALL_NAME_ROOM];
    WCHAR data[FIREWALL_DATA_ROOM + 1];
};

static DWORD firewall__add(struct firewall *firewall, const WCHAR *data)
{
    char *utf8 = utf16_to_utf8(data);
    const bool is_added = utf8 != NULL && firewall_add_rule(firewall, utf8);
    memory_free(utf8);
    return is_added ? ERROR_SUCCESS : ERROR_NOT_ENOUGH_MEMORY;
}

static DWORD firewall__read_rules(struct firewall *firewall, HKEY key, struct firewall_room *room)
{
    for (DWORD i = 0;; i++) {
        DWORD name = FIREWALL_NAME_ROOM, size = FIREWALL_DATA_ROOM * sizeof room->data[0], type = 0;
        DWORD error = (DWORD)RegEnumValueW(key, i, room->name, &name, NULL, &type, (BYTE *)room->data, &size);
        if (error == ERROR_NO_MORE_ITEMS) {
            return ERROR_SUCCESS;
        }
        if (error == ERROR_SUCCESS && type == REG_SZ) {
            room->data[size / sizeof room->data[0]] = L'\0';
            error = firewall__add(firewall, room->data);
        }
        if (error != ERROR_SUCCESS && error != ERROR_MORE_DATA) {
            return error;
        }
    }
}

static DWORD firewall__read_key(struct firewall *firewall, const WCHAR *path, struct firewall_room *room)
{
    HKEY key = NULL;
    DWORD error = (DWORD)RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_READ, &key);
    if (error == ERROR_SUCCESS) {
        error = firewall__read_rules(firewall, key, room);
        RegCloseKey(key);
    }
    return error;
}

/* The policy's value comes before the machine's own. */
static bool firewall__setting(const WCHAR *profile, const WCHAR *policy, const WCHAR *name, DWORD value)
{
    DWORD found = 0, size = sizeof found;
    if (RegGetValueW(HKEY_LOCAL_MACHINE, policy, name, RRF_RT_REG_DWORD, NULL, &found, &size) !=
        ERROR_SUCCESS) {
        size = sizeof found;
        if (RegGetValueW(HKEY_LOCAL_MACHINE, profile, name, RRF_RT_REG_DWORD, NULL, &found, &size) !=
            ERROR_SUCCESS) {
            return false;
        }
    }
    return found == value;
}

static void firewall__read_profiles(struct firewall *firewall)
{
    static const struct {
        const WCHAR *profile, *policy;
        unsigned bit;
    } rows[] = {
        {FIREWALL_LOCAL L"\\DomainProfile", FIREWALL_POLICY L"\\DomainProfile", FIREWALL_DOMAIN},
        {FIREWALL_LOCAL L"\\StandardProfile", FIREWALL_POLICY L"\\PrivateProfile", FIREWALL_PRIVATE},
        {FIREWALL_LOCAL L"\\PublicProfile", FIREWALL_POLICY L"\\PublicProfile", FIREWALL_PUBLIC},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (firewall__setting(rows[i].profile, rows[i].policy, L"EnableFirewall", 0)) {
            firewall->off |= rows[i].bit;
        }
        if (firewall__setting(rows[i].profile, rows[i].policy, L"DefaultInboundAction", 0)) {
            firewall->open |= rows[i].bit;
        }
    }
}

DWORD firewall_read(struct firewall *firewall)
{
    struct firewall_room *room = memory_alloc(sizeof *room);
    if (room == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    DWORD error = firewall__read_key(firewall, FIREWALL_LOCAL L"\\FirewallRules", room);
    if (error == ERROR_SUCCESS) {
        error = firewall__read_key(firewall, FIREWALL_POLICY L"\\FirewallRules", room);
        error = error == ERROR_FILE_NOT_FOUND ? ERROR_SUCCESS : error; /* no such policy */
    }
    if (error == ERROR_SUCCESS) {
        firewall__read_profiles(firewall);
    }
    memory_free(room);
    return error;
}
