/* SPDX-License-Identifier: MIT
   The options of one endpoint: the values of its handler's table. No Windows header. */
#ifndef PORTLISTENER_CONFIG_CONFIG_SETTINGS_H
#define PORTLISTENER_CONFIG_CONFIG_SETTINGS_H

#include "config/config_options.h"

/* config_settings_init: without values; takes no memory where there are no options. `options` stay the caller's. False
   when there is no memory; `config` is then as if there were no options. */
bool config_settings_init(struct pl_config *config, const struct config_options *options);

/* config_settings_fini: also of what is all zero. */
void config_settings_fini(struct pl_config *config);

/* config_settings_read: the option named `name`, as a line of the file has it; a path becomes a full one. What is wrong
   goes to `problems`. False: there is no such option. */
bool config_settings_read(struct pl_config *config, struct config_span name, struct config_span value,
                          uint32_t line, const struct config_source *source,
                          struct config_problems *problems);

/* config_settings_fill: the defaults of what has not been read, and tells what the `endpoint` should have. Where
   `may_lack`, what is required may be missing. */
void config_settings_fill(struct pl_config *config, const struct config_endpoint *endpoint, bool may_lack,
                          const struct config_source *source, struct config_problems *problems);

/* config_settings_get: `option` of the contract. */
int32_t config_settings_get(const struct pl_config *config, const char *name, struct pl_text *text_out,
                            int64_t *number_out);

#endif
