/* SPDX-License-Identifier: MIT
   The commands: one table for the parser, the help and the tests. */
#include "commands.h"

const struct command commands_all[] = {
    {.name = "service",
     .summary = "runs as a service; the service manager starts it so",
     .details =
         "The line that is registered says \"...\\portlistener.exe\" service --config FILE. The service's\n"
         "name comes from the service manager, so that several services can share one program.\n"
         "On a console use \"portlistener run\".\n",
     .run = command_service_run},
    {.name = "run",
     .summary = "runs on the console until Ctrl+C",
     .details =
         "Ctrl+C or Ctrl+Break stops it: connections may finish within drain_timeout. A second Ctrl+C\n"
         "resets what is left at once. When the console is closed, they have four seconds.\n"
         "\"log_file = -\" in the configuration shows the log here.\n",
     .run = command_run_run},
    {.name = "check",
     .options = 1 << OPTION_JSON | 1 << OPTION_STRICT | 1 << OPTION_LIVE | 1 << OPTION_ENDPOINT,
     .summary = "does what a start would do, without doing it, and tells what is wrong",
     .details =
         "The configuration, handlers, binds (and who holds a port), files and their rights, the firewall\n"
         "and the registration of the service. Nothing is changed. Exit code 3: the configuration has an\n"
         "error; 4: an address cannot be bound; 1: another error, with --strict also a warning.\n"
         "--live: asks the running service what it listens on, and tries each of that (--endpoint NAME:\n"
         "of one endpoint) from this machine; exit code 0 all answer, 1 one does not (with --strict: or a\n"
         "warning), 6 it does not run.\n"
         "docs/troubleshooting.md has all findings.\n",
     .run = command_check_run},
    {.name = "ports",
     .options =
         1 << OPTION_JSON | 1 << OPTION_ALL | 1 << OPTION_WATCH | 1 << OPTION_EXPECT | 1 << OPTION_LINES,
     .summary = "lists what listens on this machine, and whose it is",
     .details =
         "Each TCP and UDP socket that waits for clients, with its process, path, services, signature and\n"
         "company, held against the configuration. Run it elevated to see every path.\n"
         "\"portlistener ports --lines\" prints what listens now as a file for --expect; with --expect\n"
         "the exit code is 1 when something listens that the file does not name. See docs/ports.md.\n",
     .run = command_ports_run},
    {.name = "status",
     .options = 1 << OPTION_JSON | 1 << OPTION_METRICS | 1 << OPTION_WATCH,
     .summary = "shows how a running service does",
     .details =
         "Asks it over its control pipe, as all commands down to \"rotate\" do. --watch shows it each second,\n"
         "with what has changed. Needs the rights of an administrator, or for a run on a console those of\n"
         "its user. Exit code 5: run it elevated; 6: it does not run.\n",
     .has_no_config = true,
     .run = command_control_run},
    {.name = "connections",
     .options = 1 << OPTION_JSON | 1 << OPTION_ENDPOINT | 1 << OPTION_WATCH,
     .summary = "lists the connections and UDP sessions",
     .details =
         "ID, endpoint, protocol, addresses, age, time since the last byte, bytes in and out, state:\n"
         "open; sending (output waits for the client); half (it has ended its side); closing; header (its\n"
         "PROXY header has not come); once (UDP: not answered, or heard once only). At most 1,000 for\n"
         "people. --watch shows them each second.\n",
     .has_no_config = true,
     .run = command_control_run},
    {.name = "close",
     .operand = "ID",
     .operands_min = 1,
     .operands_max = 1,
     .options = 1 << OPTION_JSON,
     .summary = "closes a connection or a UDP session",
     .details =
         "ID is what \"portlistener connections\" and the log have. The connection is reset; the access log says\n"
         "by-admin. Exit code 1: no connection has this ID now.\n",
     .has_no_config = true,
     .run = command_control_run},
    {.name = "endpoint",
     .operand = "NAME ACTION",
     .operands_min = 2,
     .operands_max = 2,
     .options = 1 << OPTION_JSON,
     .summary = "pauses an endpoint, or resumes it",
     .details =
         "ACTION is pause or resume. A paused endpoint keeps its ports and refuses new connections and\n"
         "datagrams; live connections go on. It stays paused until it is resumed or the service restarts.\n",
     .has_no_config = true,
     .run = command_control_run},
    {.name = "reload",
     .options = 1 << OPTION_JSON | 1 << OPTION_DRY_RUN,
     .summary = "lets a running service read its configuration again",
     .details =
         "Nothing changes when the configuration has an error (exit code 3). Exit code 4: an address could\n"
         "not be bound. --dry-run only tells what would change.\n",
     .has_no_config = true,
     .run = command_control_run},
    {.name = "rotate",
     .options = 1 << OPTION_JSON,
     .summary = "lets a running service begin new log files",
     .details = "The log and the access log.\n",
     .has_no_config = true,
     .run = command_control_run},
    {.name = "config show",
     .options = 1 << OPTION_JSON,
     .summary = "prints the effective configuration",
     .details = "Every value that a start would use, and where it comes from.\n",
     .run = command_config_show},
    {.name = "config reference",
     .options = 1 << OPTION_MARKDOWN,
     .summary = "prints every key that a configuration can have",
     .details = "Key, type, default, range and meaning, from the table that the program itself reads with.\n",
     .run = command_config_reference},
    {.name = "config export-registry",
     .summary = "prints the registry's settings as a file",
     .details =
         "What is set in the registry key of the service (Parameters: service, defaults, endpoint NAME), as\n"
         "the text of an INI file. Nothing is changed. Settings of the INI file are not printed; exit\n"
         "code 3 when both together are not a configuration.\n",
     .run = command_registry_export},
    {.name = "config import-registry",
     .summary = "puts a file's settings into the registry",
     .details =
         "What the configuration file says, with the files that it includes, is written to the registry\n"
         "key of the service, in place of what is set there; from then on it comes before what any file\n"
         "says. A file with errors changes nothing (exit code 3). It needs administrator rights (exit\n"
         "code 5). What cannot be written to its end is taken back.\n",
     .run = command_registry_import},
    {.name = "handlers",
     .operand = "[NAME]",
     .operands_max = 1,
     .summary = "lists the handlers, plugins included, or describes one",
     .details = "A handler is what stands behind an endpoint: the key \"handler\" of its section names it.\n"
                "NAME.dll: the handler in this DLL of the folder plugin_dir of the configuration.\n",
     .run = command_handlers_run},
    {.name = "install",
     .options = 1 << OPTION_ACCOUNT | 1 << OPTION_DELAYED | 1 << OPTION_FIREWALL | 1 << OPTION_START |
                1 << OPTION_DRY_RUN,
     .summary = "makes it a service, with no rights but those it needs",
     .details =
         "Copies the program to %ProgramFiles%\\PortListener, makes %ProgramData%\\NAME with a configuration\n"
         "to begin with, where only administrators write, and registers the service: an account and a SID\n"
         "of its own, one privilege, restarts after crashes, event log texts. Over a service that is there\n"
         "it is an upgrade: stopped, replaced, started again if it ran; configuration, account and start\n"
         "stay. --config: a file to be read where it is. --account: LocalService, NetworkService, or one\n"
         "that needs no password. Exit code 5: run it elevated. See docs/install.md.\n",
     .run = command_install_run},
    {.name = "uninstall",
     .options = 1 << OPTION_PURGE | 1 << OPTION_KEEP_PROGRAM | 1 << OPTION_DRY_RUN,
     .has_no_config = true,
     .summary = "stops the service and takes it away",
     .details =
         "The service, its event source, its firewall rules, and the program unless another service runs\n"
         "it. The configuration and the data stay, unless --purge. What only has the same name stays too.\n"
         "Exit code 1: something could not be removed; 5: run it elevated.\n",
     .run = command_uninstall_run},
    {.name = "firewall",
     .options = 1 << OPTION_DRY_RUN,
     .summary = "lets other machines in to what a service listens on",
     .details =
         "Sets the rules of Windows Firewall for the service anew: one for each endpoint and protocol, for\n"
         "this program as this service, its ports, the networks of \"allow\" only where it is set, in networks\n"
         "of a domain and private ones. Endpoints on loopback get none. \"install --firewall\" sets the same\n"
         "rules, \"uninstall\" removes them. --dry-run prints the command lines. Exit code 3: the\n"
         "configuration has an error; 5: run it elevated.\n",
     .run = command_firewall_run},
    {.name = "version",
     .summary = "prints the version",
     .details = "The version of this program.\n",
     .run = command_version_run},
    {.name = "help",
     .operand = "[COMMAND]",
     .operands_max = ARGUMENTS_OPERANDS_MAX,
     .summary = "prints this, or the help of a command",
     .details = "\"portlistener COMMAND --help\" does the same.\n",
     .run = command_help_run},
    {.name = NULL},
};
