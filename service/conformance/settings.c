/* SPDX-License-Identifier: MIT
   The command line, see settings.h. */
#include "settings.h"

#include <string.h>

#include "portlistener/handler.h"

const char settings_usage[] =
    "Usage: portlistener-conformance PLUGIN.dll [--protocol tcp|udp] [--option NAME=VALUE ...] [--check NAME]\n"
    "\n"
    "Runs the handler in a real engine on 127.0.0.1, puts it through what clients do, and prints a line for each\n"
    "check: ok, warning, or FAILED with what to do. Exit code 0: nothing failed; 1: something did; 2: nothing was\n"
    "tried, for what was asked is wrong. The DLL needs not lie where only administrators can write: give it none\n"
    "that you do not trust.\n"
    "\n"
    "  --protocol  only this one; else all that the handler has\n"
    "  --option    an option of the handler, or a key of the endpoint, as in the INI\n"
    "  --check     only the check of this name\n";

static bool settings__refuse(struct failure *failure_out, const char *what, const char *word)
{
    struct text text;
    *failure_out = (struct failure){.code = EXIT_CODE_USAGE};
    text_init(&text, failure_out->text, sizeof failure_out->text);
    text_add_format(&text, "%s%s; see portlistener-conformance --help", what, word);
    return false;
}

static bool settings__take_option(struct settings *settings, const char *value, struct failure *failure_out)
{
    const char *sign = strchr(value, '=');
    if (sign == NULL || strchr(value, '\n') != NULL) {
        return settings__refuse(failure_out, "an option is NAME=VALUE, not ", value);
    }
    text_add(&settings->options, value, (size_t)(sign - value));
    text_add_format(&settings->options, " = %s\n", sign + 1);
    return true;
}

static bool settings__take_protocol(struct settings *settings, const char *value, struct failure *failure_out)
{
    if (strcmp(value, "tcp") != 0 && strcmp(value, "udp") != 0) {
        return settings__refuse(failure_out, "a protocol is tcp or udp, not ", value);
    }
    settings->protocols = value[0] == 't' ? PL_TCP : PL_UDP;
    return true;
}

static bool settings__take(struct settings *settings, const char *name, const char *value,
                           struct failure *failure_out)
{
    if (value == NULL) {
        return settings__refuse(failure_out, "there is no such option, or it lacks its value: ", name);
    }
    if (strcmp(name, "--option") == 0) {
        return settings__take_option(settings, value, failure_out);
    }
    if (strcmp(name, "--protocol") == 0) {
        return settings__take_protocol(settings, value, failure_out);
    }
    if (strcmp(name, "--check") == 0) {
        settings->check = value;
        return true;
    }
    return settings__refuse(failure_out, "there is no such option: ", name);
}

bool settings_parse(struct settings *settings, const char *const *words, size_t count,
                    struct failure *failure_out)
{
    *settings = (struct settings){.protocols = PL_TCP | PL_UDP};
    text_init_heap(&settings->options);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], "--help") == 0) {
            settings->plugin = NULL;
            return true;
        }
        if (words[i][0] == '-') {
            if (!settings__take(settings, words[i], i + 1 < count ? words[i + 1] : NULL, failure_out)) {
                return false;
            }
            i++;
        } else if (settings->plugin != NULL) {
            return settings__refuse(failure_out, "one plugin at a time, and not ", words[i]);
        } else if (words[i][0] == '\0') {
            return settings__refuse(failure_out, "the name of the plugin is empty", "");
        } else {
            settings->plugin = words[i];
        }
    }
    return settings->plugin != NULL || settings__refuse(failure_out, "no plugin is named", "");
}

void settings_fini(struct settings *settings)
{
    text_fini(&settings->options);
}
