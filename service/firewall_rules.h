/* SPDX-License-Identifier: MIT
   The rules of the Windows firewall that let other machines reach the endpoints of a configuration: by netsh, which is part
   of every Windows and says what it did with one exit code. The interface of the firewall itself is COM: more code, in
   the process of whoever installs, for the same rules. */
#ifndef PORTLISTENER_SERVICE_FIREWALL_RULES_H
#define PORTLISTENER_SERVICE_FIREWALL_RULES_H

#include <stdbool.h>

#include "base/text.h"
#include "config/config.h"

/* Whose rules: all of a service have its name. */
struct firewall_rules {
    const char *service;
    const char *program; /* full path */
};

/* firewall_rules_add: the arguments of netsh that add the rule of one endpoint and protocol: for this program as this
   service, on its ports, from the addresses of `allow` only where there are any, in networks of a domain and private
   ones. False: it needs no rule, as it is off, has no such port, or no other machine reaches it. */
bool firewall_rules_add(struct text *text, const struct firewall_rules *rules,
                        const struct config_endpoint *endpoint, enum config_protocol protocol);

/* firewall_rules_add_removal: the arguments that remove them all. */
void firewall_rules_add_removal(struct text *text, const struct firewall_rules *rules);

/* firewall_rules_run: runs netsh with these arguments; false where it does not do it, or there is none to remove. */
bool firewall_rules_run(const struct text *arguments);

/* firewall_rules_set: adds the rules of all endpoints; `is_anew`: in place of those there are. `lines` not NULL: nothing is
   run, they are put there as command lines. False: netsh refuses one, and the rest was not tried. */
bool firewall_rules_set(const struct firewall_rules *rules, const struct config *config, bool is_anew,
                        struct text *lines, unsigned *count_out);

#endif
