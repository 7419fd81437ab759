/* SPDX-License-Identifier: MIT
   The line for netsh, see firewall_command.h. */
#include "diagnosis/firewall_command.h"

#include "base/address.h"
#include "diagnosis/firewall.h"

void firewall_command_add_ports(struct text *text, const struct config_listen *listen)
{
    text_add_format(text, "%s%u", text->length > 0 ? "," : "", (unsigned)listen->address.port);
    if (listen->last_port > listen->address.port) {
        text_add_format(text, "-%u", (unsigned)listen->last_port);
    }
}

static void firewall_command__add_profiles(struct text *text, unsigned profiles)
{
    text_add_string(text, " profile=");
    if (profiles == FIREWALL_ALL) {
        text_add_string(text, "any");
    } else {
        firewall_add_profiles(text, profiles, ",");
    }
}

void firewall_command_add(struct text *text, const struct firewall_command *command)
{
    text_add_format(text, "advfirewall firewall add rule name=\"%s\" program=\"%s\"", command->name,
                    command->program);
    if (command->service != NULL) {
        text_add_format(text, " service=\"%s\"", command->service);
    }
    text_add_string(text, " dir=in action=allow");
    firewall_command__add_profiles(text, command->profiles);
    text_add_format(text, " protocol=%s localport=%s", command->protocol == CONFIG_TCP ? "TCP" : "UDP",
                    command->ports);
    if (command->local != NULL) {
        struct pl_address local = *command->local;
        local.scope = 0;
        text_add_string(text, " localip=");
        address_add(text, &local);
    }
    for (size_t i = 0; i < command->remote->count; i++) {
        text_add_string(text, i == 0 ? " remoteip=" : ",");
        address_prefix_add(text, &command->remote->at[i]);
    }
}
