/* SPDX-License-Identifier: MIT
   Reading the bytes of a DLL before the system does (Microsoft's PE format): whether it is one for this program, and
   what it exports. No Windows header.

   It is read so that a wrong file gets a message that says what is wrong with it; a file that passes may still be
   refused by the system's loader. Nothing is read outside the bytes given, whatever they are. */
#ifndef PORTLISTENER_HANDLER_PE_FILE_H
#define PORTLISTENER_HANDLER_PE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The machine types that are told apart; others are just others. */
enum pe_machine { PE_X86 = 0x014C, PE_X64 = 0x8664, PE_ARM64 = 0xAA64 };

/* Both constants, for a message. */
struct pe_problem {
    const char *what;   /* what is wrong with the file */
    const char *remedy; /* what to do */
};

/* pe_file_check: whether at[0..length) is a DLL for `machine` (a pe_machine) that exports the function `name`. On
   false, `problem_out` is filled. Any thread. */
bool pe_file_check(const uint8_t *at, size_t length, uint16_t machine, const char *name,
                   struct pe_problem *problem_out);

/* What pe_file_import takes for a name, with its NUL. */
enum { PE_IMPORT_NAME_ROOM = 256 };

/* pe_file_import: the name of the DLL number `index` of those that at[0..length), which pe_file_check has taken, cannot be
   loaded without; as the file has it, any bytes but NUL. False: there is no such number, or it is not in the file as it
   should be; then `name_out` is empty. Any thread. */
bool pe_file_import(const uint8_t *at, size_t length, size_t index, char name_out[PE_IMPORT_NAME_ROOM]);

#endif
