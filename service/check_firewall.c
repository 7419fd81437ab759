/* SPDX-License-Identifier: MIT
   What the firewall lets in, see check.h. */
#include "base/address.h"
#include "base/utf16.h"
#include "check.h"
#include "diagnosis/finding_firewall.h"
#include "diagnosis/firewall_reader.h"

/* Whether another machine could reach anything. */
static bool check__is_reachable(const struct config *config)
{
    for (size_t i = 0; i < config->endpoint_count; i++) {
        const struct config_endpoint *endpoint = &config->endpoints[i];
        for (size_t k = 0; endpoint->is_enabled && k < endpoint->listen_count; k++) {
            if (!address_is_loopback(&endpoint->listen[k].address)) {
                return true;
            }
        }
    }
    return false;
}

static void check__tell_unread(const struct check *check, DWORD error)
{
    char room[512];
    struct text problem;
    text_init(&problem, room, sizeof room);
    utf16_add_error(&problem, error);
    findings_add(check->findings, FINDING_FIREWALL_UNREAD, "firewall",
                 FINDING_WORDS({"problem", problem.at}));
}

void check_firewall(struct check *check)
{
    struct firewall firewall;
    const struct firewall_facts facts = {
        .firewall = &firewall,
        .program = check->registered_program != NULL ? check->registered_program : check->program,
        .service = check->is_registered ? check->service : NULL,
        .name = check->service,
        .variable = check_variable};
    if (!check__is_reachable(check->config)) {
        return;
    }
    firewall_init(&firewall);
    const DWORD error = firewall_read(&firewall);
    if (error == ERROR_SUCCESS) {
        finding_firewall_add(check->findings, check->config, &facts);
    } else {
        check__tell_unread(check, error);
    }
    firewall_fini(&firewall);
}
