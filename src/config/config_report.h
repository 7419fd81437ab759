/* SPDX-License-Identifier: MIT
   A configuration, and the table of keys, as people and tools read them; no Windows header. What is cut for
   want of memory has is_cut set in `text`. */
#ifndef PORTLISTENER_CONFIG_CONFIG_REPORT_H
#define PORTLISTENER_CONFIG_CONFIG_REPORT_H

#include "base/text.h"
#include "config/config.h"

/* config_report_show: every value in effect, and where it comes from. Lines of at most 100 columns, unless a
   path is longer. */
void config_report_show(struct text *text, const struct config *config);

/* config_report_show_json: the same as one JSON object: "file", "service", "endpoints". Each key has "value"
   (a boolean, number of ms or bytes, string, or list), "text" (as one would write it in the INI), "origin"
   ("default", "handler" for a default of the handler's own, "ini" with "section" and "line", and "file" where an included
   one has it, or "registry" with "section" and "registry", the value there). Endpoints have "keys", and likewise "options", those of their handler. Without a value, "value" is null. */
void config_report_show_json(struct text *text, const struct config *config);

/* config_report_reference: all keys, from the table, and those of the handlers (which end with NULL), in lines of at most
   100 columns; as Markdown, with the built-in handlers, it is docs/configuration.md. */
void config_report_reference(struct text *text, const struct pl_handler *const *handlers);
void config_report_reference_markdown(struct text *text, const struct pl_handler *const *handlers);

#endif
