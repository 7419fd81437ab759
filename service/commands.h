/* SPDX-License-Identifier: MIT
   The commands, one function each; their rows are in commands.c. All print to `streams` and return the exit
   code. */
#ifndef PORTLISTENER_SERVICE_COMMANDS_H
#define PORTLISTENER_SERVICE_COMMANDS_H

#include "command.h"

/* The table, in the order of the help; ends with a row without a name. */
extern const struct command commands_all[];

enum exit_code command_service_run(const struct arguments *arguments, struct streams *streams);
enum exit_code command_run_run(const struct arguments *arguments, struct streams *streams);
enum exit_code command_check_run(const struct arguments *arguments, struct streams *streams);
enum exit_code command_config_show(const struct arguments *arguments, struct streams *streams);
enum exit_code command_config_reference(const struct arguments *arguments, struct streams *streams);
enum exit_code command_registry_export(const struct arguments *arguments, struct streams *streams);
enum exit_code command_registry_import(const struct arguments *arguments, struct streams *streams);
enum exit_code command_ports_run(const struct arguments *arguments, struct streams *streams);
enum exit_code command_control_run(const struct arguments *arguments, struct streams *streams);
enum exit_code command_install_run(const struct arguments *arguments, struct streams *streams);
enum exit_code command_uninstall_run(const struct arguments *arguments, struct streams *streams);
enum exit_code command_firewall_run(const struct arguments *arguments, struct streams *streams);
enum exit_code command_handlers_run(const struct arguments *arguments, struct streams *streams);
enum exit_code command_version_run(const struct arguments *arguments, struct streams *streams);
enum exit_code command_help_run(const struct arguments *arguments, struct streams *streams);

#endif
