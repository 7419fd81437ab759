/* SPDX-License-Identifier: MIT
   A file of text that a handler reads when it starts. */
#ifndef PORTLISTENER_HANDLER_TEXT_FILE_H
#define PORTLISTENER_HANDLER_TEXT_FILE_H

#include "base/whole_file.h"
#include "portlistener/handler.h"

/* text_file_read: at least one byte and at most `most` of valid UTF-8; a byte order mark is left out. False: what is
   wrong and what to do are added to `error`. End with whole_file_free in either case. */
bool text_file_read(pl_text path, size_t most, struct whole_file *file_out, struct text *error);

#endif
