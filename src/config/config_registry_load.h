/* SPDX-License-Identifier: MIT
   Reading a service's configuration from the registry: its key Parameters, as a flat list. The Win32 edge of
   config_registry.h. */
#ifndef PORTLISTENER_CONFIG_CONFIG_REGISTRY_LOAD_H
#define PORTLISTENER_CONFIG_CONFIG_REGISTRY_LOAD_H

#include "base/failure.h"
#include "base/text.h"
#include "base/win.h"
#include "config/config_registry.h"

/* How often it is read at most, until it is the same twice: somebody may be writing to it. */
enum { CONFIG_REGISTRY_READS_MAX = 20, CONFIG_REGISTRY_PAUSE = 20 /* milliseconds */ };

/* config_registry_key: the name of the key under HKEY_LOCAL_MACHINE; a heap copy, NULL without memory. */
WCHAR *config_registry_key(const char *service);

/* config_registry_add_key_name: the same with "HKLM\" before it, for messages. */
void config_registry_add_key_name(struct text *text, const char *service);

/* config_registry_load: what is there at one moment; nothing where there is no such key. False: see `failure_out`; its
   code is EXIT_CODE_ACCESS_DENIED, EXIT_CODE_CONFIGURATION when there is too much, or EXIT_CODE_FAILED. End with
   config_registry_fini in either case. */
bool config_registry_load(const char *service, struct config_registry *registry_out,
                          struct failure *failure_out);

/* config_registry_load_told: the same; `flaw_out`, whose code is EXIT_CODE_DONE, is filled in where others than
   administrators can change a key, see below. Where the system cannot tell, it is not. */
bool config_registry_load_told(const char *service, struct config_registry *registry_out,
                               struct failure *flaw_out, struct failure *failure_out);

/* config_registry_load_trusted: the same, but EXIT_CODE_CONFIGURATION where others than administrators can change the
   service's key, Parameters, or a key below it that is read. */
bool config_registry_load_trusted(const char *service, struct config_registry *registry_out,
                                  struct failure *failure_out);

#endif
