/* SPDX-License-Identifier: MIT
   The arguments of netsh that add a rule of Windows Firewall: those of "check" and of "firewall" are made here, so that the
   one takes away what the other told to add; no Windows header. */
#ifndef PORTLISTENER_DIAGNOSIS_FIREWALL_COMMAND_H
#define PORTLISTENER_DIAGNOSIS_FIREWALL_COMMAND_H

#include "base/text.h"
#include "config/config.h"

struct firewall_command {
    const char *name;    /* of the rule: all of a service have its name */
    const char *program; /* full path */
    const char *service; /* NULL: it runs as none */
    enum config_protocol protocol;
    unsigned profiles;                    /* firewall_profile */
    const char *ports;                    /* as firewall_command_add_ports writes them */
    const struct pl_address *local;       /* NULL: all of this machine */
    const struct config_prefixes *remote; /* none in it: everybody */
};

/* firewall_command_add: "advfirewall firewall add rule ...". */
void firewall_command_add(struct text *text, const struct firewall_command *command);

/* firewall_command_add_ports: "80" or "8000-8010", behind a comma where there are some already. */
void firewall_command_add_ports(struct text *text, const struct config_listen *listen);

#endif
