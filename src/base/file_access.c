/* SPDX-License-Identifier: MIT
   Who may change a file, see file_access.h. */
#include "base/file_access.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/utf16.h"

enum { FILE_ACCESS_PARTS_MAX = 6, FILE_ACCESS_GUID_SIZE = 16 };

/* An account as its SID names it: S-1-authority-part-part-... */
struct file_access__account {
    uint8_t authority;
    uint8_t count;
    uint32_t parts[FILE_ACCESS_PARTS_MAX];
};

static const struct file_access__account trusted[] = {
    {5, 1, {SECURITY_LOCAL_SYSTEM_RID}},
    {5, 2, {SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS}},
    {5, 6, {80, 956008885, 3418522649, 1831038044, 1853292631, 2271478464}}, /* TrustedInstaller */
};

/* In an entry it stands for the owner, who is judged on his own. */
static const struct file_access__account owner_rights = {3, 1, {4}};

static bool file_access__is(const SID *sid, const struct file_access__account *account)
{
    const uint8_t authority[6] = {0, 0, 0, 0, 0, account->authority};
    return sid->SubAuthorityCount == account->count &&
           memcmp(sid->IdentifierAuthority.Value, authority, sizeof authority) == 0 &&
           memcmp(sid->SubAuthority, account->parts, account->count * sizeof account->parts[0]) == 0;
}

static bool file_access__is_trusted(const SID *sid)
{
    for (size_t i = 0; i < sizeof trusted / sizeof trusted[0]; i++) {
        if (file_access__is(sid, &trusted[i])) {
            return true;
        }
    }
    return false;
}

/* Whether the SID ends within `room` bytes and is of the one revision that there is. */
static bool file_access__is_sid(const SID *sid, size_t room)
{
    const size_t head = offsetof(SID, SubAuthority);
    return room >= head && sid->Revision == SID_REVISION &&
           sid->SubAuthorityCount <= SID_MAX_SUB_AUTHORITIES &&
           room - head >= sid->SubAuthorityCount * sizeof sid->SubAuthority[0];
}

struct file_access__right {
    DWORD bit;
    const char *words; /* "may ..." */
};

/* The bits of a file and of a folder are the same, and mean the same with other words. */
static const struct file_access__right file_rights[] = {{FILE_WRITE_DATA, "write to it"},
                                                        {FILE_APPEND_DATA, "append to it"},
                                                        {WRITE_DAC, "change its permissions"},
                                                        {WRITE_OWNER, "take it over as its owner"},
                                                        {DELETE, "delete or rename it"},
                                                        {FILE_DELETE_CHILD, "delete what is in it"},
                                                        {0, NULL}};
static const struct file_access__right folder_rights[] = {{FILE_ADD_FILE, "add files to it"},
                                                          {FILE_ADD_SUBDIRECTORY, "add folders to it"},
                                                          {WRITE_DAC, "change its permissions"},
                                                          {WRITE_OWNER, "take it over as its owner"},
                                                          {DELETE, "delete or rename it"},
                                                          {FILE_DELETE_CHILD, "delete what is in it"},
                                                          {0, NULL}};

static const struct file_access__right key_rights[] = {{KEY_SET_VALUE, "set values in it"},
                                                       {KEY_CREATE_SUB_KEY, "create keys in it"},
                                                       {KEY_CREATE_LINK, "create links in it"},
                                                       {WRITE_DAC, "change its permissions"},
                                                       {WRITE_OWNER, "take it over as its owner"},
                                                       {DELETE, "delete it"},
                                                       {0, NULL}};

/* Above the folder of the file, adding something does no harm. NULL: no right that counts. */
static const char *file_access__find_right(DWORD mask, enum file_access_kind kind)
{
    const struct file_access__right *right = kind == FILE_ACCESS_FILE     ? file_rights
                                             : kind == FILE_ACCESS_FOLDER ? folder_rights
                                             : kind == FILE_ACCESS_KEY    ? key_rights
                                                                          : folder_rights + 2;
    GENERIC_MAPPING of_files = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE, FILE_ALL_ACCESS};
    GENERIC_MAPPING of_keys = {KEY_READ, KEY_WRITE, KEY_EXECUTE, KEY_ALL_ACCESS};
    MapGenericMask(&mask, kind == FILE_ACCESS_KEY ? &of_keys : &of_files);
    while (right->words != NULL && (mask & right->bit) == 0) {
        right++;
    }
    return right->words;
}

/* Where the SID of an entry that grants begins; 0: it grants nothing. */
static size_t file_access__sid_offset(const ACCESS_ALLOWED_OBJECT_ACE *entry)
{
    switch (entry->Header.AceType) {
    case ACCESS_ALLOWED_ACE_TYPE:
    case ACCESS_ALLOWED_CALLBACK_ACE_TYPE:
        return offsetof(ACCESS_ALLOWED_ACE, SidStart);
    case ACCESS_ALLOWED_OBJECT_ACE_TYPE:
    case ACCESS_ALLOWED_CALLBACK_OBJECT_ACE_TYPE:
        return offsetof(ACCESS_ALLOWED_OBJECT_ACE, ObjectType) +
               ((entry->Flags & ACE_OBJECT_TYPE_PRESENT) != 0 ? FILE_ACCESS_GUID_SIZE : 0) +
               ((entry->Flags & ACE_INHERITED_OBJECT_TYPE_PRESENT) != 0 ? FILE_ACCESS_GUID_SIZE : 0);
    default:
        return 0;
    }
}

/* Whether one entry, which ends within the list, gives strangers nothing. Its size is at least that of the smallest. */
static bool file_access__is_entry_safe(const ACE_HEADER *header, enum file_access_kind kind,
                                       struct file_access_flaw *flaw_out)
{
    const ACCESS_ALLOWED_OBJECT_ACE *entry = (const ACCESS_ALLOWED_OBJECT_ACE *)(const void *)header;
    const size_t offset = file_access__sid_offset(entry);
    if ((header->AceFlags & INHERIT_ONLY_ACE) != 0 || offset == 0) {
        return true;
    }
    const SID *sid = (const SID *)(const void *)((const uint8_t *)header + offset);
    if (header->AceSize < offset || !file_access__is_sid(sid, header->AceSize - offset)) {
        *flaw_out = (struct file_access_flaw){.kind = FILE_ACCESS_UNREADABLE};
        return false;
    }
    const char *right = file_access__find_right(entry->Mask, kind);
    if (right == NULL || file_access__is_trusted(sid) || file_access__is(sid, &owner_rights)) {
        return true;
    }
    *flaw_out = (struct file_access_flaw){.kind = FILE_ACCESS_GRANTED,
                                          .account = sid,
                                          .right = right,
                                          .is_inherited = (header->AceFlags & INHERITED_ACE) != 0};
    return false;
}

static bool file_access__is_list_safe(const ACL *list, enum file_access_kind kind,
                                      struct file_access_flaw *flaw_out)
{
    size_t offset = sizeof *list;
    for (WORD i = 0; i < list->AceCount; i++) {
        const ACE_HEADER *header = (const ACE_HEADER *)(const void *)((const uint8_t *)list + offset);
        /* every kind of entry that there is begins with a mask and has a SID */
        if (offset + sizeof(ACCESS_ALLOWED_ACE) > list->AclSize ||
            header->AceSize < sizeof(ACCESS_ALLOWED_ACE) || header->AceSize > list->AclSize - offset) {
            *flaw_out = (struct file_access_flaw){.kind = FILE_ACCESS_UNREADABLE};
            return false;
        }
        if (!file_access__is_entry_safe(header, kind, flaw_out)) {
            return false;
        }
        offset += header->AceSize;
    }
    return true;
}

bool file_access_is_safe(PSECURITY_DESCRIPTOR descriptor, enum file_access_kind kind,
                         struct file_access_flaw *flaw_out)
{
    PSID owner = NULL;
    PACL list = NULL;
    BOOL is_present = FALSE, is_default = FALSE;
    *flaw_out = (struct file_access_flaw){.kind = FILE_ACCESS_UNREADABLE};
    if (!GetSecurityDescriptorOwner(descriptor, &owner, &is_default) ||
        !GetSecurityDescriptorDacl(descriptor, &is_present, &list, &is_default) || owner == NULL ||
        !file_access__is_sid(owner, SECURITY_MAX_SID_SIZE)) {
        return false;
    }
    if (!file_access__is_trusted(owner)) {
        *flaw_out = (struct file_access_flaw){.kind = FILE_ACCESS_OWNED, .account = owner};
        return false;
    }
    if (!is_present || list == NULL) {
        *flaw_out = (struct file_access_flaw){.kind = FILE_ACCESS_OPEN};
        return false;
    }
    return file_access__is_list_safe(list, kind, flaw_out);
}

static void file_access__add_sid(struct text *text, const SID *sid)
{
    uint64_t authority = 0;
    for (size_t i = 0; i < sizeof sid->IdentifierAuthority.Value; i++) {
        authority = authority << 8 | sid->IdentifierAuthority.Value[i];
    }
    text_add_format(text, "S-%u-%llu", (unsigned)sid->Revision, (unsigned long long)authority);
    for (uint8_t i = 0; i < sid->SubAuthorityCount; i++) {
        text_add_format(text, "-%lu", (unsigned long)sid->SubAuthority[i]);
    }
}

/* "BUILTIN\Users (S-1-5-32-545)", or the SID alone where it has no name. */
static void file_access__add_account(struct text *text, const SID *sid)
{
    WCHAR name[256], domain[256];
    DWORD name_room = sizeof name / sizeof name[0], domain_room = sizeof domain / sizeof domain[0];
    SID_NAME_USE use = SidTypeUnknown;
    SID *asked = (SID *)(uintptr_t)sid; /* it only reads it */
    if (!LookupAccountSidW(NULL, asked, name, &name_room, domain, &domain_room, &use)) {
        file_access__add_sid(text, sid);
        return;
    }
    if (domain[0] != L'\0') {
        utf16_add(text, domain);
        text_add_string(text, "\\");
    }
    utf16_add(text, name);
    text_add_string(text, " (");
    file_access__add_sid(text, sid);
    text_add_string(text, ")");
}

/* The account may go on reading, or the service itself may not be able to. */
static void file_access__add_remedy(struct text *text, const WCHAR *path, enum file_access_kind kind,
                                    const struct file_access_flaw *flaw)
{
    if (kind == FILE_ACCESS_KEY) {
        text_add_string(
            text, flaw->kind == FILE_ACCESS_OWNED
                      ? "as administrator make the administrators its owner (regedit, Permissions, Advanced)"
                      : "as administrator let others only read it (regedit, Permissions)");
        return;
    }
    text_add_string(text, "as administrator run: icacls \"");
    utf16_add(text, path);
    if (flaw->kind == FILE_ACCESS_OWNED) {
        text_add_string(text, "\" /setowner *S-1-5-32-544");
        return;
    }
    if (flaw->kind != FILE_ACCESS_GRANTED) {
        text_add_string(text, "\" /reset");
        return;
    }
    if (flaw->is_inherited) {
        text_add_string(text, "\" /inheritance:d, then icacls \"");
        utf16_add(text, path);
    }
    text_add_string(text, "\" /grant:r \"*");
    file_access__add_sid(text, flaw->account);
    text_add_string(text, kind == FILE_ACCESS_FILE ? ":(RX)\"" : ":(OI)(CI)(RX)\"");
}

void file_access_add_flaw(struct text *text, const WCHAR *path, enum file_access_kind kind,
                          const struct file_access_flaw *flaw)
{
    text_add_string(text, kind == FILE_ACCESS_FILE  ? ""
                          : kind == FILE_ACCESS_KEY ? "the registry key "
                                                    : "its folder ");
    utf16_add(text, path);
    switch (flaw->kind) {
    case FILE_ACCESS_OWNED:
        text_add_string(text, " belongs to ");
        file_access__add_account(text, flaw->account);
        text_add_string(text, ", who is no administrator; ");
        break;
    case FILE_ACCESS_GRANTED:
        text_add_string(text, " is open to ");
        file_access__add_account(text, flaw->account);
        text_add_format(text, ", who may %s and is no administrator; ", flaw->right);
        break;
    case FILE_ACCESS_OPEN:
        text_add_string(text, " has no list of permissions, so that everyone may change it; ");
        break;
    case FILE_ACCESS_UNREADABLE:
        text_add_string(text, " has permissions that cannot be read; ");
        break;
    }
    file_access__add_remedy(text, path, kind, flaw);
}
