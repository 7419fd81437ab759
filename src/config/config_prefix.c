/* SPDX-License-Identifier: MIT
   Items of lists of networks, see config_prefix.h. */
#include "config/config_prefix.h"

#include <string.h>

static const char *const length_problems[] = {
    [ADDRESS_PREFIX_BAD_LENGTH] = "is not the length of a network",
    [ADDRESS_PREFIX_LEADING_ZERO] = "has a leading zero",
    [ADDRESS_PREFIX_TOO_LONG] = "is more bits than such an address has",
};

/* What is read, and where its slash is, or its end. */
struct item {
    const char *at;
    size_t length;
    size_t slash;
    struct config_fault *fault;
};

static struct text config_prefix__remedy(const struct item *item)
{
    struct text remedy;
    text_init(&remedy, item->fault->remedy, sizeof item->fault->remedy);
    return remedy;
}

/* What is wrong with the address, the part before the slash. */
static void config_prefix__address_fault(const struct item *item, const char *problem, const char *remedy)
{
    config_value_fault(item->fault, 0, item->at, item->slash, problem, remedy);
}

static bool config_prefix__only(const struct item *item, const char *characters)
{
    size_t i = 0;
    while (i < item->slash && item->at[i] != '\0' && strchr(characters, item->at[i]) != NULL) {
        i++;
    }
    return i == item->slash;
}

static bool config_prefix__is_bracketed(const struct item *item)
{
    struct pl_address address;
    return item->slash > 2 && item->at[0] == '[' && item->at[item->slash - 1] == ']' &&
           address_parse(item->at + 1, item->slash - 2, &address);
}

static bool config_prefix__has_port(const struct item *item)
{
    struct pl_address address;
    const char *colon = memchr(item->at, ':', item->slash);
    return colon != NULL && address_parse(item->at, (size_t)(colon - item->at), &address);
}

static void config_prefix__no_address(const struct item *item)
{
    if (item->slash == 0) {
        config_value_fault(item->fault, 0, item->at, item->length, "has no address",
                           "write one before the /, such as 192.0.2.0/24");
    } else if (config_prefix__is_bracketed(item)) {
        config_prefix__address_fault(item, "is not an address", "leave out the brackets");
    } else if (text_equal(item->at, item->slash, "*")) {
        config_prefix__address_fault(item, "is not an address",
                                     "write 0.0.0.0/0 for all IPv4 addresses, ::/0 for all IPv6 addresses");
    } else if (config_prefix__has_port(item)) {
        config_prefix__address_fault(item, "has a port, but no port counts here",
                                     "leave out the : and what follows it");
    } else if (config_prefix__only(item, "0123456789.")) {
        config_prefix__address_fault(
            item, "is not an IPv4 address",
            "write four numbers from 0 to 255 without leading zeros, such as 192.0.2.0/24");
    } else if (config_prefix__only(item, "0123456789abcdefABCDEF:.")) {
        config_prefix__address_fault(item, "is not an IPv6 address", "write one such as 2001:db8::1 or ::");
    } else {
        config_prefix__address_fault(item, "is not an address",
                                     "write one such as 192.0.2.1 or 2001:db8::1, or a network such as "
                                     "192.0.2.0/24; names are not looked up");
    }
}

static void config_prefix__scope(const struct item *item)
{
    const char *percent = memchr(item->at, '%', item->slash);
    const size_t offset = (size_t)(percent - item->at);
    config_value_fault(item->fault, offset, item->at, item->slash,
                       "has a %scope, but the network interface does not count here",
                       "leave out the % and what follows it, up to the / if there is one");
}

/* What is wrong with the length, the part behind the slash. */
static void config_prefix__length_fault(const struct item *item, uint16_t family, const char *problem)
{
    const size_t offset = item->slash + 1;
    config_value_fault(item->fault, offset, item->at + offset, item->length - offset, problem, "");
    struct text remedy = config_prefix__remedy(item);
    text_add_format(&remedy, "write 0 to %u, the number of bits that all addresses of the network share",
                    address_prefix_width(family));
}

static void config_prefix__no_length(const struct item *item, uint16_t family)
{
    config_value_fault(item->fault, item->length, item->at, item->length, "has no length behind the /", "");
    struct text remedy = config_prefix__remedy(item);
    text_add_format(&remedy, "write 0 to %u there, or leave out the / for the one address",
                    address_prefix_width(family));
}

static void config_prefix__host_bits(const struct item *item, const struct address_prefix *written)
{
    struct address_prefix network = *written;
    struct address_prefix host = *written;
    struct text remedy;
    config_value_fault(item->fault, 0, item->at, item->length,
                       "is not a network, for bits behind its length are set", "");
    remedy = config_prefix__remedy(item);
    address_prefix_clear(&network);
    host.length = address_prefix_width(host.address.family);
    text_add_string(&remedy, "write ");
    address_prefix_add(&remedy, &network);
    text_add_string(&remedy, " for the network, or ");
    address_prefix_add(&remedy, &host);
    text_add_string(&remedy, " for the one address");
}

/* Several items with a comma left out, most likely. */
static bool config_prefix__has_blank(const struct item *item)
{
    for (size_t i = 0; i < item->length; i++) {
        if (item->at[i] == ' ' || item->at[i] == '\t') {
            config_value_fault(item->fault, i, item->at, item->length, "has a blank inside",
                               "put a comma between two items, and none inside one");
            return true;
        }
    }
    return false;
}

bool config_prefix_parse(const char *at, size_t length, struct address_prefix *prefix_out,
                         struct config_fault *fault_out)
{
    const char *slash = memchr(at, '/', length);
    const struct item item = {at, length, slash != NULL ? (size_t)(slash - at) : length, fault_out};
    if (config_prefix__has_blank(&item)) {
        return false;
    }
    const enum address_prefix_result result = address_prefix_parse(at, length, prefix_out);
    if (result == ADDRESS_PREFIX_NO_ADDRESS) {
        config_prefix__no_address(&item);
    } else if (result == ADDRESS_PREFIX_SCOPE) {
        config_prefix__scope(&item);
    } else if (result == ADDRESS_PREFIX_NO_LENGTH) {
        config_prefix__no_length(&item, prefix_out->address.family);
    } else if (result == ADDRESS_PREFIX_HOST_BITS) {
        config_prefix__host_bits(&item, prefix_out);
    } else if (result != ADDRESS_PREFIX_OK) {
        config_prefix__length_fault(&item, prefix_out->address.family, length_problems[result]);
    }
    return result == ADDRESS_PREFIX_OK;
}
