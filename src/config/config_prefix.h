/* SPDX-License-Identifier: MIT
   One item of the keys `allow`, `deny` and `trusted_proxies`; no Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_PREFIX_H
#define PORTLISTENER_CONFIG_CONFIG_PREFIX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/address_prefix.h"
#include "config/config_value.h"

/* config_prefix_parse: reads the whole of at[0..length), trimmed and not empty: ADDRESS or ADDRESS/LENGTH;
   false with a fault. */
bool config_prefix_parse(const char *at, size_t length, struct address_prefix *prefix_out,
                         struct config_fault *fault_out);

#endif
