/* SPDX-License-Identifier: MIT
   How much a log line matters. */
#ifndef PORTLISTENER_BASE_LOG_LEVEL_H
#define PORTLISTENER_BASE_LOG_LEVEL_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

#endif
