/* SPDX-License-Identifier: MIT
   From rules of the firewall to findings, see finding_firewall.h. */
#include "diagnosis/finding_firewall.h"

#include <string.h>

#include "base/address.h"
#include "diagnosis/listen_walk.h"

enum { FIREWALL_NAME_ROOM = 512, FIREWALL_PROFILES_ROOM = 64 };

void finding_firewall_command(struct text *text, const char *program, const struct config_endpoint *endpoint,
                              const struct config_listen *listen, unsigned profiles)
{
    text_add_format(text,
                    "netsh advfirewall firewall add rule name=\"PortListener %s\" dir=in action=allow "
                    "program=\"%s\" protocol=%s localport=%u",
                    endpoint->name, program, listen->protocol == CONFIG_TCP ? "tcp" : "udp",
                    (unsigned)listen->address.port);
    if (listen->last_port != listen->address.port) {
        text_add_format(text, "-%u", (unsigned)listen->last_port);
    }
    if (!address_is_any(&listen->address)) {
        text_add_string(text, " localip=");
        struct pl_address address = listen->address;
        address.scope = 0;
        address_add(text, &address);
    }
    for (size_t i = 0; i < endpoint->allow.count; i++) {
        text_add_string(text, i == 0 ? " remoteip=" : ",");
        address_prefix_add(text, &endpoint->allow.at[i]);
    }
    text_add_string(text, " profile=");
    if (profiles == FIREWALL_ALL) {
        text_add_string(text, "any");
    } else {
        firewall_add_profiles(text, profiles, ",");
    }
}

struct firewall_view {
    struct findings *findings;
    const struct firewall_facts *facts;
    const struct listen_walk *item;
};

static void firewall__add(const struct firewall_view *view, enum finding_kind kind, const char *rule,
                          unsigned profiles, unsigned wanted)
{
    char name_room[FIREWALL_NAME_ROOM], profiles_room[FIREWALL_PROFILES_ROOM];
    struct text name, names, command;
    text_init(&name, name_room, sizeof name_room);
    text_init(&names, profiles_room, sizeof profiles_room);
    text_init_heap(&command);
    if (rule != NULL) {
        firewall_add_name(&name, rule);
    }
    firewall_add_profiles(&names, profiles, ", ");
    finding_firewall_command(&command, view->facts->program, view->item->endpoint, view->item->listen,
                             wanted);
    findings_add(view->findings, kind, view->item->subject,
                 FINDING_WORDS({"address", view->item->address}, {"rule", name.at}, {"profiles", names.at},
                               {"command", command.at}));
    text_fini(&command);
}

/* Without `allow`, not for public networks. */
static unsigned firewall__wanted(const struct config_endpoint *endpoint)
{
    return endpoint->allow.count > 0 ? FIREWALL_ALL : FIREWALL_DOMAIN | FIREWALL_PRIVATE;
}

static void firewall__look(const struct firewall_view *view)
{
    const struct firewall *firewall = view->facts->firewall;
    const struct firewall_question question = {.program = view->facts->program,
                                               .service = view->facts->service,
                                               .protocol = view->item->listen->protocol,
                                               .address = &view->item->listen->address,
                                               .port = view->item->listen->address.port,
                                               .variable = view->facts->variable};
    struct firewall_answer answer;
    firewall_ask(firewall, &question, &answer);
    const unsigned wanted = firewall__wanted(view->item->endpoint);
    if (answer.block != NULL) {
        firewall__add(view, FINDING_FIREWALL_BLOCKED, answer.block, answer.blocked, wanted);
    }
    if (answer.allowed == 0) {
        firewall__add(view, FINDING_FIREWALL_NO_RULE, NULL, 0, wanted);
    } else if (answer.rule != NULL) {
        if (answer.allowed != FIREWALL_ALL) {
            firewall__add(view, FINDING_FIREWALL_PROFILES, answer.rule, answer.allowed,
                          FIREWALL_ALL & ~answer.allowed);
        }
        if (answer.is_wide && view->item->endpoint->allow.count > 0) {
            firewall__add(view, FINDING_FIREWALL_WIDE, answer.rule, answer.allowed, wanted);
        }
    }
}

void finding_firewall_add(struct findings *findings, const struct config *config,
                          const struct firewall_facts *facts)
{
    struct listen_walk walk;
    if (facts->firewall->off != 0) {
        char room[FIREWALL_PROFILES_ROOM];
        struct text profiles;
        text_init(&profiles, room, sizeof room);
        firewall_add_profiles(&profiles, facts->firewall->off, ", ");
        findings_add(findings, FINDING_FIREWALL_OFF, "firewall", FINDING_WORDS({"profiles", profiles.at}));
    }
    for (listen_walk_begin(&walk, config); listen_walk_next(&walk);) {
        const struct firewall_view view = {.findings = findings, .facts = facts, .item = &walk};
        if (!address_is_loopback(&walk.listen->address)) {
            firewall__look(&view);
        }
    }
}
