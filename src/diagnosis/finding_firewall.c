/* SPDX-License-Identifier: MIT
   From rules of the firewall to findings, see finding_firewall.h. */
#include "diagnosis/finding_firewall.h"

#include <string.h>

#include "base/address.h"
#include "diagnosis/firewall_command.h"
#include "diagnosis/listen_walk.h"

enum { FIREWALL_NAME_ROOM = 512, FIREWALL_PROFILES_ROOM = 64, FIREWALL_PORTS_ROOM = 16 };

struct firewall_view {
    struct findings *findings;
    const struct firewall_facts *facts;
    const struct listen_walk *item;
};

static void firewall__add_command(struct text *text, const struct firewall_view *view, unsigned profiles)
{
    const struct config_listen *listen = view->item->listen;
    char room[FIREWALL_PORTS_ROOM];
    struct text ports;
    text_init(&ports, room, sizeof room);
    firewall_command_add_ports(&ports, listen);
    text_add_string(text, "netsh ");
    firewall_command_add(text, &(const struct firewall_command){
                                   .name = view->facts->name,
                                   .program = view->facts->program,
                                   .service = view->facts->service,
                                   .protocol = listen->protocol,
                                   .profiles = profiles,
                                   .ports = ports.at,
                                   .local = address_is_any(&listen->address) ? NULL : &listen->address,
                                   .remote = &view->item->endpoint->allow});
}

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
    firewall__add_command(&command, view, wanted);
    findings_add(view->findings, kind, view->item->subject,
                 FINDING_WORDS({"address", view->item->address}, {"rule", name.at}, {"profiles", names.at},
                               {"command", command.at}));
    text_fini(&command);
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
    if (answer.block != NULL) {
        firewall__add(view, FINDING_FIREWALL_BLOCKED, answer.block, answer.blocked, FIREWALL_USUAL);
    }
    if (answer.allowed == 0) {
        firewall__add(view, FINDING_FIREWALL_NO_RULE, NULL, 0, FIREWALL_USUAL);
    } else if (answer.rule != NULL) {
        if (answer.allowed != FIREWALL_ALL) {
            firewall__add(view, FINDING_FIREWALL_PROFILES, answer.rule, answer.allowed,
                          FIREWALL_ALL & ~answer.allowed);
        }
        if (answer.is_wide && view->item->endpoint->allow.count > 0) {
            firewall__add(view, FINDING_FIREWALL_WIDE, answer.rule, answer.allowed, FIREWALL_USUAL);
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
