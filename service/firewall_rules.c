/* SPDX-License-Identifier: MIT
   Rules of the firewall, see firewall_rules.h. */
#include "firewall_rules.h"

#include "base/memory.h"
#include "base/utf16.h"
#include "base/win.h"
#include "diagnosis/firewall.h"
#include "diagnosis/firewall_command.h"
#include "diagnosis/program_output.h"

enum { FIREWALL_PATIENCE = 20000 /* milliseconds */ };

static bool firewall_rules__is_open(const struct config_listen *listen, enum config_protocol protocol)
{
    return listen->protocol == protocol && !address_is_loopback(&listen->address);
}

bool firewall_rules_add(struct text *text, const struct firewall_rules *rules,
                        const struct config_endpoint *endpoint, enum config_protocol protocol)
{
    struct text ports;
    text_init_heap(&ports);
    for (size_t i = 0; endpoint->is_enabled && i < endpoint->listen_count; i++) {
        if (firewall_rules__is_open(&endpoint->listen[i], protocol)) {
            firewall_command_add_ports(&ports, &endpoint->listen[i]);
        }
    }
    const bool is_due = ports.length > 0;
    if (is_due) {
        firewall_command_add(text, &(const struct firewall_command){.name = rules->service,
                                                                    .program = rules->program,
                                                                    .service = rules->service,
                                                                    .protocol = protocol,
                                                                    .profiles = FIREWALL_USUAL,
                                                                    .ports = ports.at,
                                                                    .remote = &endpoint->allow});
    }
    text->is_cut = text->is_cut || ports.is_cut;
    text_fini(&ports);
    return is_due;
}

void firewall_rules_add_removal(struct text *text, const struct firewall_rules *rules)
{
    text_add_format(text, "advfirewall firewall delete rule name=\"%s\" program=\"%s\"", rules->service,
                    rules->program);
}

bool firewall_rules_run(const struct text *arguments)
{
    struct text printed;
    WCHAR *wide = arguments->is_cut ? NULL : utf16_from(arguments->at);
    text_init_heap(&printed);
    const bool is_done =
        wide != NULL &&
        program_output_read(L"netsh.exe", wide, GetTickCount64() + FIREWALL_PATIENCE, NULL, &printed);
    text_fini(&printed);
    memory_free(wide);
    return is_done;
}

static bool firewall_rules__do(const struct text *arguments, struct text *lines)
{
    if (lines == NULL) {
        return firewall_rules_run(arguments);
    }
    text_add_format(lines, "netsh %s\n", arguments->at);
    return true;
}

static void firewall_rules__clear(const struct firewall_rules *rules, struct text *lines)
{
    struct text arguments;
    text_init_heap(&arguments);
    firewall_rules_add_removal(&arguments, rules);
    firewall_rules__do(&arguments, lines); /* there may be none */
    text_fini(&arguments);
}

bool firewall_rules_set(const struct firewall_rules *rules, const struct config *config, bool is_anew,
                        struct text *lines, unsigned *count_out)
{
    bool is_done = true;
    *count_out = 0;
    if (is_anew) {
        firewall_rules__clear(rules, lines);
    }
    for (size_t i = 0; is_done && i < 2 * config->endpoint_count; i++) {
        struct text arguments;
        text_init_heap(&arguments);
        if (firewall_rules_add(&arguments, rules, &config->endpoints[i / 2],
                               i % 2 == 0 ? CONFIG_TCP : CONFIG_UDP)) {
            ++*count_out;
            is_done = firewall_rules__do(&arguments, lines);
        }
        text_fini(&arguments);
    }
    return is_done;
}
