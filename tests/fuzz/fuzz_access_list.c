/* SPDX-License-Identifier: MIT
   Any bytes as networks by commas, and behind the end of the line an address: what is a network is written
   back and read the same, and the list of all of them agrees with support/access_oracle.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accept/access_list.h"
#include "support/access_oracle.h"

enum { PREFIXES_MAX = 64 };

#define REQUIRE(condition) ((condition) ? (void)0 : fuzz_access_list__fail(#condition, __LINE__))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_access_list__fail(const char *condition, int line)
{
    fprintf(stderr, "line %d: not true: %s\n", line, condition);
    abort();
}

static bool fuzz_access_list__is_same(const struct address_prefix *a, const struct address_prefix *b)
{
    return a->length == b->length && address_equal(&a->address, &b->address);
}

static void fuzz_access_list__require_same_again(const struct address_prefix *prefix)
{
    char room[ADDRESS_PREFIX_TEXT_ROOM];
    struct address_prefix again;
    struct text text;
    text_init(&text, room, sizeof room);
    address_prefix_add(&text, prefix);
    REQUIRE(!text.is_cut);
    REQUIRE(address_prefix_parse(room, text.length, &again) == ADDRESS_PREFIX_OK);
    REQUIRE(fuzz_access_list__is_same(prefix, &again));
}

static bool fuzz_access_list__read(const char *at, size_t length, struct address_prefix *prefix_out)
{
    const enum address_prefix_result result = address_prefix_parse(at, length, prefix_out);
    if (result == ADDRESS_PREFIX_HOST_BITS) { /* the network that would be right */
        const struct address_prefix written = *prefix_out;
        address_prefix_clear(prefix_out);
        REQUIRE(!fuzz_access_list__is_same(prefix_out, &written));
    }
    if (result != ADDRESS_PREFIX_OK && result != ADDRESS_PREFIX_HOST_BITS) {
        REQUIRE((prefix_out->address.family == 0) == (result == ADDRESS_PREFIX_NO_ADDRESS));
        return false;
    }
    REQUIRE(prefix_out->length <= address_prefix_width(prefix_out->address.family));
    REQUIRE(prefix_out->address.port == 0 && prefix_out->address.scope == 0);
    fuzz_access_list__require_same_again(prefix_out);
    return true;
}

static size_t fuzz_access_list__read_all(const char *at, size_t length,
                                         struct address_prefix prefixes[PREFIXES_MAX])
{
    size_t count = 0;
    for (size_t begin = 0; begin <= length && count < PREFIXES_MAX;) {
        const char *comma = length > begin ? memchr(at + begin, ',', length - begin) : NULL;
        const size_t end = comma != NULL ? (size_t)(comma - at) : length;
        count += fuzz_access_list__read(at + begin, end - begin, &prefixes[count]);
        begin = end + 1;
    }
    return count;
}

static void fuzz_access_list__require_agreement(const struct access_list *list,
                                                const struct access_rule *rules, size_t count,
                                                const struct pl_address *address)
{
    REQUIRE(access_list_contains(list, address) == access_oracle_contains(rules, count, address));
}

/* One more or less than the address, as a number. */
static struct pl_address fuzz_access_list__step(struct pl_address address, int by)
{
    for (unsigned i = address.family == 4 ? 4 : 16; i-- > 0;) {
        const uint8_t before = address.ip[i];
        address.ip[i] = (uint8_t)(address.ip[i] + by);
        if (before != (by > 0 ? 0xFF : 0)) {
            break;
        }
    }
    return address;
}

/* The first and last address of each network, and those before and behind it. */
static void fuzz_access_list__try_edges(const struct access_list *list, const struct address_prefix *prefixes,
                                        const struct access_rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct address_prefix last = prefixes[i];
        address_prefix_fill(&last);
        const struct pl_address before = fuzz_access_list__step(prefixes[i].address, -1);
        const struct pl_address behind = fuzz_access_list__step(last.address, 1);
        fuzz_access_list__require_agreement(list, rules, count, &prefixes[i].address);
        fuzz_access_list__require_agreement(list, rules, count, &last.address);
        fuzz_access_list__require_agreement(list, rules, count, &before);
        fuzz_access_list__require_agreement(list, rules, count, &behind);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct address_prefix prefixes[PREFIXES_MAX];
    struct access_rule rules[PREFIXES_MAX];
    struct pl_address address;
    const char *text = (const char *)data;
    const char *end = size > 0 ? memchr(text, '\n', size) : NULL;
    const size_t length = end != NULL ? (size_t)(end - text) : size;
    const size_t count = fuzz_access_list__read_all(text, length, prefixes);
    for (size_t i = 0; i < count; i++) {
        rules[i] = (struct access_rule){.family = prefixes[i].address.family, .length = prefixes[i].length};
        memcpy(rules[i].ip, prefixes[i].address.ip, sizeof rules[i].ip);
    }
    struct access_list *list = access_list_create(prefixes, count);
    REQUIRE(list != NULL);
    fuzz_access_list__try_edges(list, prefixes, rules, count);
    if (end != NULL && address_parse(end + 1, size - length - 1, &address)) {
        fuzz_access_list__require_agreement(list, rules, count, &address);
    }
    access_list_destroy(list);
    return 0;
}
