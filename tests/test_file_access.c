/* SPDX-License-Identifier: MIT
   Tests of base/file_access.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"

#include <cmocka.h>

#include "base/file_access.h"
#include "support/descriptor.h"
#include "support/fault.h"
#include "support/seam.h"
#include "support/support.h"

/* What is said of the flaw, without the path and the remedy; "" where it is safe. */
static void describe(PSECURITY_DESCRIPTOR descriptor, enum file_access_kind kind, struct text *text)
{
    struct file_access_flaw flaw;
    text_clear(text);
    if (!file_access_is_safe(descriptor, kind, &flaw)) {
        file_access_add_flaw(text, L"X", kind, &flaw);
    }
}

static void assert_says(const char *sddl, PSECURITY_DESCRIPTOR descriptor, enum file_access_kind kind,
                        const char *expected)
{
    char room[1024];
    struct text text;
    text_init(&text, room, sizeof room);
    describe(descriptor, kind, &text);
    if (expected == NULL ? room[0] != '\0' : strstr(room, expected) == NULL) {
        fail_msg("%s as %d: \"%s\", not \"%s\"", sddl, (int)kind, room, expected != NULL ? expected : "");
    }
}

#define TRUSTED_INSTALLER "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
#define ALL_THREE         "(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;" TRUSTED_INSTALLER ")"

/* Part of what is said where it is a file, a folder with one in it, one further up; NULL: safe. */
struct row {
    const char *sddl;
    const char *file, *folder, *ancestor;
};

static void test_table(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* who is trusted */
        {"O:SYD:" ALL_THREE, NULL, NULL, NULL},
        {"O:BAD:" ALL_THREE, NULL, NULL, NULL},
        {"O:" TRUSTED_INSTALLER "D:" ALL_THREE, NULL, NULL, NULL},
        {"O:SYD:", NULL, NULL, NULL}, /* an empty list: nobody may do anything */
        {"O:SYD:P(A;OICI;GA;;;SY)(A;OICI;GA;;;BA)", NULL, NULL, NULL},
        {"O:SYD:(A;;FA;;;S-1-3-4)", NULL, NULL, NULL}, /* OWNER RIGHTS: of the owner, who is SYSTEM */
        /* the owner counts */
        {"O:BUD:" ALL_THREE, "belongs to", "belongs to", "belongs to"},
        {"O:S-1-5-21-1-2-3-1001D:" ALL_THREE, "S-1-5-21-1-2-3-1001", "belongs to", "belongs to"},
        {"O:LSD:" ALL_THREE, "S-1-5-19", "S-1-5-19", "S-1-5-19"},
        {"O:S-1-5-80-1-2-3-4-5D:" ALL_THREE, "belongs to", "belongs to", "belongs to"}, /* another service */
        {"O:S-1-5-32-545D:", "S-1-5-32-545", "S-1-5-32-545", "S-1-5-32-545"},
        {"O:S-1-5-21-1-2-3-544D:", "belongs to", "belongs to", "belongs to"},
        {"O:S-1-1-18D:", "belongs to", "belongs to", "belongs to"}, /* as SYSTEM, of another authority */
        /* reading is for all */
        {"O:SYD:(A;;FR;;;WD)", NULL, NULL, NULL},
        {"O:SYD:(A;;0x1200a9;;;BU)", NULL, NULL, NULL},
        {"O:SYD:(A;;GRGX;;;AU)", NULL, NULL, NULL},
        {"O:SYD:(A;;0x100110;;;BU)", NULL, NULL, NULL}, /* attributes, extended ones, SYNCHRONIZE */
        /* each right */
        {"O:SYD:(A;;0x2;;;BU)", "may write to it", "may add files to it", NULL},
        {"O:SYD:(A;;0x4;;;BU)", "may append to it", "may add folders to it", NULL},
        {"O:SYD:(A;;0x40;;;BU)", "may delete what is in it", "may delete what is in it",
         "may delete what is in it"},
        {"O:SYD:(A;;SD;;;BU)", "may delete or rename it", "may delete or rename it",
         "may delete or rename it"},
        {"O:SYD:(A;;WD;;;BU)", "may change its permissions", "may change its permissions",
         "may change its permissions"},
        {"O:SYD:(A;;WO;;;BU)", "may take it over", "may take it over", "may take it over"},
        /* rights by many names */
        {"O:SYD:(A;;GW;;;BU)", "may write to it", "may add files to it", NULL},
        {"O:SYD:(A;;GA;;;WD)", "may write to it", "may add files to it", "may change its permissions"},
        {"O:SYD:(A;;FA;;;AU)", "may write to it", "may add files to it", "may change its permissions"},
        {"O:SYD:(A;;FW;;;AU)", "may write to it", "may add files to it", NULL},
        {"O:SYD:(A;;0x1301bf;;;BU)", "may write to it", "may add files to it", "may delete or rename it"},
        /* who */
        {"O:SYD:(A;;FA;;;WD)", "S-1-1-0", "S-1-1-0", "S-1-1-0"},
        {"O:SYD:(A;;FA;;;LS)", "S-1-5-19", "S-1-5-19", "S-1-5-19"},
        {"O:SYD:(A;;FA;;;CO)", "S-1-3-0", "S-1-3-0", "S-1-3-0"},
        {"O:SYD:(A;;FA;;;S-1-5-21-1-2-3-1001)", "S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1001",
         "S-1-5-21-1-2-3-1001"},
        {"O:SYD:(A;;FA;;;S-1-5-32)", "S-1-5-32", "S-1-5-32", "S-1-5-32"},
        {"O:SYD:(A;;0x2;;;AN)", "S-1-5-7", "S-1-5-7", NULL},   /* who has not said who he is */
        {"O:SYD:(A;;0x2;;;NU)", "S-1-5-2", "S-1-5-2", NULL},   /* who comes by the network */
        {"O:SYD:(A;;0x2;;;SU)", "S-1-5-6", "S-1-5-6", NULL},   /* any service */
        {"O:SYD:(A;;0x2;;;NS)", "S-1-5-20", "S-1-5-20", NULL}, /* Network Service */
        {"O:SYD:(A;;0x2;;;PU)", "S-1-5-32-547", "S-1-5-32-547", NULL},
        {"O:SYD:(A;;0x2;;;BO)", "S-1-5-32-551", "S-1-5-32-551",
         NULL}, /* who can restore anything, all the same */
        {"O:SYD:(A;;SD;;;S-1-5-80-1-2-3-4-5)", "S-1-5-80-1", "S-1-5-80-1",
         "S-1-5-80-1"},                                                    /* a service's own */
        {"O:SYD:(A;;0x2;;;S-1-15-2-1)", "S-1-15-2-1", "S-1-15-2-1", NULL}, /* all apps of packages */
        {"O:SYD:(A;;0x2;;;S-1-15-3-1024-1-2-3-4-5-6-7-8)", "S-1-15-3-1024", "S-1-15-3-1024",
         NULL},                                                       /* a capability */
        {"O:SYD:(A;;WD;;;S-1-3-1)", "S-1-3-1", "S-1-3-1", "S-1-3-1"}, /* CREATOR GROUP, in force here */
        {"O:SYD:(A;;FA;;;S-1-9-9-9)", "S-1-9-9-9", "S-1-9-9-9",
         "S-1-9-9-9"}, /* of an authority nobody knows */
        {"O:SYD:(A;;FA;;;S-1-5-32-544-1)", "S-1-5-32-544-1", "S-1-5-32-544-1", "S-1-5-32-544-1"},
        {"O:SYD:(A;;FA;;;S-1-5-18-1)", "S-1-5-18-1", "S-1-5-18-1", "S-1-5-18-1"},
        {"O:BUD:(A;;FR;;;S-1-3-4)", "belongs to", "belongs to",
         "belongs to"}, /* though OWNER RIGHTS lets him read only */
        /* a list may have no entry for who owns it; the group counts for nothing */
        {"O:BAG:BUD:(A;;FA;;;SY)", NULL, NULL, NULL},
        /* what is audited or labelled gives nothing */
        {"O:SYD:(A;;FR;;;WD)S:(AU;SAFA;FA;;;WD)", NULL, NULL, NULL},
        /* how far down an entry goes changes nothing here */
        {"O:SYD:(A;CINP;0x2;;;BU)", "may write", "may add files", NULL},
        {"O:SYD:(A;OICINPIO;FA;;;BU)", NULL, NULL, NULL},
        {"O:SYD:(A;ID;0x2;;;BU)", "may write", "may add files", NULL},
        /* what is for what will be made below only */
        {"O:SYD:(A;OICIIO;GA;;;CO)", NULL, NULL, NULL},
        {"O:SYD:(A;CIIO;FA;;;WD)(A;OICI;FA;;;SY)", NULL, NULL, NULL},
        {"O:SYD:(A;OICI;FA;;;WD)", "may write", "may add files", "may change"},
        /* entries that deny give nothing, and take nothing back */
        {"O:SYD:(D;;FA;;;WD)", NULL, NULL, NULL},
        {"O:SYD:(D;;FA;;;BU)(A;;FA;;;BU)", "S-1-5-32-545", "S-1-5-32-545", "S-1-5-32-545"},
        /* the last of many */
        {"O:BAD:" ALL_THREE "(A;;FR;;;WD)(A;;0x2;;;IU)", "S-1-5-4", "S-1-5-4", NULL},
        /* as Windows has them: C:\, C:\ProgramData, C:\Program Files (shortened) */
        {"O:" TRUSTED_INSTALLER "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICIIO;SDGXGWGR;;;AU)"
         "(A;;LC;;;AU)(A;OICI;0x1200a9;;;BU)",
         "may append", "may add folders", NULL},
        {"O:SYD:AI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICIIO;GA;;;CO)(A;OICI;0x1200a9;;;BU)"
         "(A;CI;0x116;;;BU)",
         "may write", "may add files", NULL},
        {"O:" TRUSTED_INSTALLER "D:PAI(A;CIIO;GA;;;" TRUSTED_INSTALLER ")(A;;0x1301bf;;;SY)"
         "(A;OICIIO;GA;;;SY)(A;;0x1301bf;;;BA)(A;OICIIO;GA;;;BA)(A;;0x1200a9;;;BU)(A;OICIIO;GXGR;;;BU)",
         NULL, NULL, NULL},
        /* no list at all, no owner */
        {"O:SY", "has no list of permissions", "has no list of permissions", "has no list of permissions"},
        {"D:" ALL_THREE, "cannot be read", "cannot be read", "cannot be read"},
    };
    const unsigned count = sizeof rows / sizeof rows[0];
    print_message("             %u descriptors, each of a file, a folder and one further up: %u cases\n",
                  count, 3 * count);
    for (unsigned i = 0; i < count; i++) {
        PSECURITY_DESCRIPTOR descriptor = descriptor_make(rows[i].sddl);
        if (descriptor == NULL) {
            fail_msg("%s", rows[i].sddl);
        }
        assert_says(rows[i].sddl, descriptor, FILE_ACCESS_FILE, rows[i].file);
        assert_says(rows[i].sddl, descriptor, FILE_ACCESS_FOLDER, rows[i].folder);
        assert_says(rows[i].sddl, descriptor, FILE_ACCESS_ANCESTOR, rows[i].ancestor);
        LocalFree(descriptor);
    }
}

/* The same accounts, with the rights of keys. */
static void test_keys(void **state)
{
    (void)state;
    static const struct {
        const char *sddl, *expected;
    } rows[] = {
        {"O:SYD:(A;CI;KA;;;SY)(A;CI;KA;;;BA)(A;CI;KR;;;BU)", NULL},
        {"O:BAD:(A;;KR;;;WD)(A;;KX;;;AU)(A;;GR;;;AC)", NULL},
        {"O:SYD:", NULL},
        {"O:SYD:(A;CIIO;KA;;;CO)", NULL},
        {"O:SYD:(D;;KA;;;WD)", NULL},
        {"O:SYD:(A;;0x8;;;BU)", NULL}, /* enumerate */
        {"O:SYD:(A;;0x2;;;BU)", "may set values in it"},
        {"O:SYD:(A;;0x4;;;BU)", "may create keys in it"},
        {"O:SYD:(A;;0x20;;;BU)", "may create links in it"},
        {"O:SYD:(A;;SD;;;BU)", "may delete it"},
        {"O:SYD:(A;;WD;;;BU)", "may change its permissions"},
        {"O:SYD:(A;;WO;;;BU)", "may take it over"},
        {"O:SYD:(A;;GW;;;BU)", "may set values in it"}, /* what generic rights are depends on the kind */
        {"O:SYD:(A;;GA;;;BU)", "may set values in it"},
        {"O:SYD:(A;;KW;;;AU)", "may set values in it"},
        {"O:SYD:(A;;KA;;;S-1-5-80-1-2-3-4-5)", "S-1-5-80-1-2-3-4-5"},
        {"O:BUD:(A;;KA;;;SY)", "belongs to"},
        {"O:SY", "has no list of permissions"},
        {"D:(A;;KA;;;SY)", "cannot be read"},
    };
    const unsigned count = sizeof rows / sizeof rows[0];
    print_message("             %u keys\n", count);
    for (unsigned i = 0; i < count; i++) {
        PSECURITY_DESCRIPTOR descriptor = descriptor_make(rows[i].sddl);
        if (descriptor == NULL) {
            fail_msg("%s", rows[i].sddl);
        }
        assert_says(rows[i].sddl, descriptor, FILE_ACCESS_KEY, rows[i].expected);
        LocalFree(descriptor);
    }
}

/* A descriptor whose list the test writes itself: SYSTEM is its owner. */
static struct {
    SECURITY_DESCRIPTOR descriptor;
    SID owner;
    union {
        ACL list;
        uint8_t bytes[256];
    } dacl;
} made;

static const uint8_t users[] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x21, 2, 0, 0}; /* S-1-5-32-545 */

static ACE_HEADER *last_entry;

static void make(void)
{
    static const SID system = {SID_REVISION, 1, {SECURITY_NT_AUTHORITY}, {SECURITY_LOCAL_SYSTEM_RID}};
    memset(&made, 0, sizeof made);
    made.owner = system;
    made.dacl.list = (ACL){.AclRevision = ACL_REVISION, .AclSize = sizeof(ACL)};
    assert_true(InitializeSecurityDescriptor(&made.descriptor, SECURITY_DESCRIPTOR_REVISION));
    assert_true(SetSecurityDescriptorOwner(&made.descriptor, &made.owner, FALSE));
    assert_true(SetSecurityDescriptorDacl(&made.descriptor, TRUE, &made.dacl.list, FALSE));
}

/* An entry of this type that gives the users the right to write, with `extra` bytes (flags first) before the SID. */
static void add_entry(uint8_t type, const uint8_t *extra, size_t extra_size)
{
    uint8_t *at = made.dacl.bytes + made.dacl.list.AclSize;
    const DWORD mask = FILE_WRITE_DATA;
    last_entry = (ACE_HEADER *)(void *)at;
    *last_entry = (ACE_HEADER){.AceType = type, .AceSize = (WORD)(8 + extra_size + sizeof users)};
    memcpy(at + 4, &mask, sizeof mask);
    if (extra_size > 0) {
        memcpy(at + 8, extra, extra_size);
    }
    memcpy(at + 8 + extra_size, users, sizeof users);
    made.dacl.list.AclSize = (WORD)(made.dacl.list.AclSize + last_entry->AceSize);
    made.dacl.list.AceCount++;
}

static void assert_made(const char *expected)
{
    assert_says("made", &made.descriptor, FILE_ACCESS_FILE, expected);
}

/* Conditions and kinds of object are not looked at: such an entry counts as if it had none. */
static void test_types_of_entries(void **state)
{
    (void)state;
    static const uint8_t quiet[] = {ACCESS_DENIED_ACE_TYPE,
                                    SYSTEM_AUDIT_ACE_TYPE,
                                    ACCESS_DENIED_OBJECT_ACE_TYPE,
                                    ACCESS_DENIED_CALLBACK_ACE_TYPE,
                                    ACCESS_DENIED_CALLBACK_OBJECT_ACE_TYPE,
                                    SYSTEM_MANDATORY_LABEL_ACE_TYPE};
    static const uint8_t objects[] = {ACCESS_ALLOWED_OBJECT_ACE_TYPE,
                                      ACCESS_ALLOWED_CALLBACK_OBJECT_ACE_TYPE};
    uint8_t extra[4 + 2 * 16] = {0};
    for (size_t i = 0; i < sizeof quiet; i++) {
        make();
        add_entry(quiet[i], NULL, 0);
        assert_made(NULL);
    }
    make();
    add_entry(ACCESS_ALLOWED_CALLBACK_ACE_TYPE, NULL, 0);
    assert_made("S-1-5-32-545), who may write to it");
    for (size_t i = 0; i < sizeof objects; i++) {
        for (uint8_t flags = 0; flags < 4; flags++) { /* ACE_OBJECT_TYPE_PRESENT, the inherited one's */
            make();
            extra[0] = flags;
            add_entry(objects[i], extra, 4 + 16u * (flags & 1) + 16u * (flags >> 1));
            assert_made("S-1-5-32-545), who may write to it");
        }
    }
}

static void test_damaged_lists(void **state)
{
    (void)state;
    static const uint8_t no_guid[4] = {1};
    make();
    made.dacl.list.AceCount = 1; /* and there is none */
    assert_made("cannot be read");
    make();
    add_entry(ACCESS_ALLOWED_ACE_TYPE, NULL, 0);
    last_entry->AceSize = 8; /* less than any */
    assert_made("cannot be read");
    make();
    add_entry(ACCESS_ALLOWED_ACE_TYPE, NULL, 0);
    last_entry->AceSize++; /* behind the list's end */
    assert_made("cannot be read");
    make();
    add_entry(ACCESS_ALLOWED_ACE_TYPE, NULL, 0);
    last_entry->AceSize -= 4; /* the SID is cut */
    assert_made("cannot be read");
    make();
    add_entry(ACCESS_ALLOWED_ACE_TYPE, NULL, 0);
    last_entry->AceSize = 12; /* not even its head is there */
    assert_made("cannot be read");
    make();
    add_entry(ACCESS_ALLOWED_OBJECT_ACE_TYPE, no_guid,
              sizeof no_guid); /* the SID would begin in the next entry */
    last_entry->AceSize = 16;
    made.dacl.list.AclSize = sizeof(ACL) + 16;
    assert_made("cannot be read");
    make();
    add_entry(ACCESS_ALLOWED_ACE_TYPE, NULL, 0);
    made.dacl.bytes[sizeof(ACL) + 8] = 2; /* another revision of SIDs */
    assert_made("cannot be read");
    make();
    add_entry(ACCESS_ALLOWED_ACE_TYPE, NULL, 0);
    made.dacl.bytes[sizeof(ACL) + 9] = 16; /* more parts than a SID has */
    assert_made("cannot be read");
    make();
    made.owner.Revision = 0;
    assert_made("cannot be read");
    make();
    made.descriptor.Revision = 0;
    assert_made("cannot be read");
    make(); /* a list that is there and is none */
    assert_true(SetSecurityDescriptorDacl(&made.descriptor, TRUE, NULL, FALSE));
    assert_made("has no list of permissions");
}

static BOOL WINAPI find_no_domain(LPCWSTR machine, PSID sid, LPWSTR name, LPDWORD name_room, LPWSTR domain,
                                  LPDWORD domain_room, PSID_NAME_USE use)
{
    (void)machine, (void)sid;
    wcscpy(name, L"Jos\x00E9");
    wcscpy(domain, L"");
    *name_room = 4;
    *domain_room = 0;
    *use = SidTypeUser;
    return TRUE;
}

static BOOL WINAPI find_domain(LPCWSTR machine, PSID sid, LPWSTR name, LPDWORD name_room, LPWSTR domain,
                               LPDWORD domain_room, PSID_NAME_USE use)
{
    find_no_domain(machine, sid, name, name_room, domain, domain_room, use);
    wcscpy(domain, L"OFFICE");
    return TRUE;
}

static void assert_flaw(const char *sddl, enum file_access_kind kind, const char *expected)
{
    char room[1024];
    struct text text;
    PSECURITY_DESCRIPTOR descriptor = descriptor_make(sddl);
    text_init(&text, room, sizeof room);
    describe(descriptor, kind, &text);
    assert_string_equal(room, expected);
    LocalFree(descriptor);
}

static void test_words(void **state)
{
    (void)state;
    static const char *const sddl = "O:SYD:(A;;0x2;;;S-1-5-21-4294967295-1)";
    seam_replace(IMPORT_LookupAccountSidW, (seam_function)find_no_domain);
    assert_flaw(
        sddl, FILE_ACCESS_FILE,
        "X is open to Jos\xC3\xA9 (S-1-5-21-4294967295-1), who may write to it and is no administrator; as "
        "administrator run: icacls \"X\" /grant:r \"*S-1-5-21-4294967295-1:(RX)\"");
    seam_replace(IMPORT_LookupAccountSidW, (seam_function)find_domain);
    assert_flaw(
        "O:SYD:AI(A;OICIID;0x2;;;BU)", FILE_ACCESS_FOLDER,
        "its folder X is open to OFFICE\\Jos\xC3\xA9 (S-1-5-32-545), who may add files to it and is no "
        "administrator; as administrator run: icacls \"X\" /inheritance:d, then icacls \"X\" /grant:r "
        "\"*S-1-5-32-545:(OI)(CI)(RX)\"");
    fault_arm(IMPORT_LookupAccountSidW, 1, ERROR_NONE_MAPPED, FAULT_FOREVER);
    assert_flaw(
        "O:BUD:", FILE_ACCESS_ANCESTOR,
        "its folder X belongs to S-1-5-32-545, who is no administrator; as administrator run: icacls \"X\" "
        "/setowner *S-1-5-32-544");
    assert_flaw(
        "O:SY", FILE_ACCESS_FILE,
        "X has no list of permissions, so that everyone may change it; as administrator run: icacls \"X\" "
        "/reset");
    assert_flaw("D:", FILE_ACCESS_FILE,
                "X has permissions that cannot be read; as administrator run: icacls \"X\" /reset");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_table),         support_test(test_keys),  support_test(test_types_of_entries),
        support_test(test_damaged_lists), support_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
