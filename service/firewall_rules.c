/* SPDX-License-Identifier: MIT
   Rules of the firewall, see firewall_rules.h. */
#include "firewall_rules.h"

#include "base/memory.h"
#include "base/utf16.h"
#include "base/win.h"
#include "diagnosis/program_output.h"

enum { FIREWALL_PATIENCE = 20000 /* milliseconds */ };

static bool firewall_rules__is_open(const struct config_listen *listen, enum config_protocol protocol)
{
    return listen->protocol == protocol && !address_is_loopback(&listen->address);
}

/* "7007,8000-8010"; false: nothing. */
static bool firewall_rules__add_ports(struct text *text, const struct config_endpoint *endpoint,
                                      enum config_protocol protocol)
{
    bool has_one = false;
    for (size_t i = 0; i < endpoint->listen_count; i++) {
        const struct config_listen *listen = &endpoint->listen[i];
        if (!firewall_rules__is_open(listen, protocol)) {
            continue;
        }
        text_add_format(text, "%s%u", has_one ? "," : "", (unsigned)listen->address.port);
        if (listen->last_port > listen->address.port) {
            text_add_format(text, "-%u", (unsigned)listen->last_port);
        }
        has_one = true;
    }
    return has_one;
}

static void firewall_rules__add_whose(struct text *text, const char *verb, const struct firewall_rules *rules)
{
    text_add_format(text, "advfirewall firewall %s rule name=\"%s\" program=\"%s\"", verb, rules->service,
                    rules->program);
}

bool firewall_rules_add(struct text *text, const struct firewall_rules *rules,
                        const struct config_endpoint *endpoint, enum config_protocol protocol)
{
    struct text ports;
    text_init_heap(&ports);
    const bool is_due = endpoint->is_enabled && firewall_rules__add_ports(&ports, endpoint, protocol);
    if (is_due) {
        firewall_rules__add_whose(text, "add", rules);
        text_add_format(text,
                        " service=\"%s\" dir=in action=allow profile=domain,private protocol=%s localport=",
                        rules->service, protocol == CONFIG_TCP ? "TCP" : "UDP");
        text_add(text, ports.at, ports.length);
    }
    for (size_t i = 0; is_due && i < endpoint->allow.count; i++) {
        text_add_string(text, i == 0 ? " remoteip=" : ",");
        address_prefix_add(text, &endpoint->allow.at[i]);
    }
    text_fini(&ports);
    return is_due;
}

void firewall_rules_add_removal(struct text *text, const struct firewall_rules *rules)
{
    firewall_rules__add_whose(text, "delete", rules);
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
