/* SPDX-License-Identifier: MIT
   One entry of a configuration: its value is read as its key wants it, into the record of its section. No
   Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_ENTRY_H
#define PORTLISTENER_CONFIG_CONFIG_ENTRY_H

#include "config/config.h"
#include "config/config_file.h"
#include "config/config_keys.h"
#include "config/config_value.h"

struct config_entry {
    const struct config_key *key;
    struct config_span value;
    uint32_t line; /* 0: the table's default */
    void *record;  /* struct config_service or struct config_endpoint */
    const struct pl_handler *const *handlers;
    struct config_problems *problems;
};

/* config_entry_read: stores the value, or tells what is wrong with it; then the record keeps what it has.
   Paths are stored as they are written. */
void config_entry_read(const struct config_entry *entry);

/* config_entry_fault: tells a fault in the value, at its place. */
void config_entry_fault(const struct config_entry *entry, const struct config_fault *fault);

#endif
