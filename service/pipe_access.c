/* SPDX-License-Identifier: MIT
   Who may use the control pipe, see pipe_access.h. */
#include "pipe_access.h"

#include "base/memory.h"
#include "base/sha1.h"
#include "base/utf16.h"

enum {
    PIPE_SID_ROOM = 256,
    PIPE_TOKEN_ROOM = 256 /* bytes: a SID has at most 68, and TOKEN_USER a little more */
};

WCHAR *pipe_access_name(const char *service)
{
    return utf16_make("\\\\.\\pipe\\portlistener-%s", service);
}

/* In capital letters as no language has them of its own; NULL: no memory. */
static WCHAR *pipe_access__capitals(const char *service, size_t *length_out)
{
    WCHAR *name = utf16_from(service);
    *length_out = name != NULL ? wcslen(name) : 0;
    WCHAR *capitals = name != NULL ? memory_alloc((*length_out + 1) * sizeof name[0]) : NULL;
    if (capitals != NULL && *length_out > 0 &&
        LCMapStringEx(LOCALE_NAME_INVARIANT, LCMAP_UPPERCASE, name, (int)*length_out, capitals,
                      (int)*length_out, NULL, NULL, 0) == 0) {
        memory_free(capitals);
        capitals = NULL;
    }
    memory_free(name);
    return capitals;
}

bool pipe_access_sid(struct text *text, const char *service)
{
    uint8_t hash[SHA1_SIZE];
    size_t length = 0;
    WCHAR *name = pipe_access__capitals(service, &length);
    if (name == NULL || length * sizeof name[0] > SHA1_INPUT_MAX) {
        memory_free(name);
        return false;
    }
    sha1((const uint8_t *)name, length * sizeof name[0], hash);
    memory_free(name);
    text_add_string(text, "S-1-5-80");
    for (size_t i = 0; i < SHA1_SIZE; i += 4) {
        const uint32_t part =
            hash[i] | (uint32_t)hash[i + 1] << 8 | (uint32_t)hash[i + 2] << 16 | (uint32_t)hash[i + 3] << 24;
        text_add_format(text, "-%lu", (unsigned long)part);
    }
    return true;
}

/* The user whose process this is. */
static bool pipe_access__add_user(struct text *text, HANDLE token)
{
    union {
        TOKEN_USER user;
        uint8_t room[PIPE_TOKEN_ROOM];
    } information;
    DWORD size = 0;
    WCHAR *sid = NULL;
    if (!GetTokenInformation(token, TokenUser, &information, sizeof information, &size) ||
        !ConvertSidToStringSidW(information.user.User.Sid, &sid)) {
        return false;
    }
    utf16_add(text, sid);
    LocalFree(sid);
    return true;
}

static bool pipe_access__add_server(struct text *text, const char *service, bool is_service, DWORD *error_out)
{
    if (is_service) {
        *error_out = ERROR_NOT_ENOUGH_MEMORY;
        return pipe_access_sid(text, service);
    }
    HANDLE token = NULL;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) {
        *error_out = GetLastError();
        return false;
    }
    const bool is_added = pipe_access__add_user(text, token);
    *error_out = GetLastError();
    CloseHandle(token);
    return is_added;
}

bool pipe_access_describe(struct text *text, const char *service, bool is_service, DWORD *error_out)
{
    char server_room[PIPE_SID_ROOM];
    struct text server;
    text_init(&server, server_room, sizeof server_room);
    if (!pipe_access__add_server(&server, service, is_service, error_out)) {
        return false;
    }
    text_add_format(text, "D:P(A;;FA;;;SY)(A;;0x%x;;;BA)(A;;FA;;;%s)(A;;RC;;;S-1-3-4)",
                    (unsigned)PIPE_CLIENT_RIGHTS, server.at);
    return true;
}

PSECURITY_DESCRIPTOR pipe_access_create(const char *service, bool is_service, DWORD *error_out)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    char room[2 * PIPE_SID_ROOM];
    struct text text;
    text_init(&text, room, sizeof room);
    if (!pipe_access_describe(&text, service, is_service, error_out)) {
        return NULL;
    }
    WCHAR *utf16 = utf16_from(text.at);
    if (utf16 == NULL) {
        *error_out = ERROR_NOT_ENOUGH_MEMORY;
    } else if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(utf16, SDDL_REVISION_1, &descriptor,
                                                                     NULL)) {
        *error_out = GetLastError();
        descriptor = NULL;
    }
    memory_free(utf16);
    return descriptor;
}
