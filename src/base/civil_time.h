/* SPDX-License-Identifier: MIT
   A moment as date and time of day, without what gmtime has besides: a result for the whole process. No Windows header. */
#ifndef PORTLISTENER_BASE_CIVIL_TIME_H
#define PORTLISTENER_BASE_CIVIL_TIME_H

#include <stdint.h>
#include <time.h>

/* civil_time_utc: of seconds since 1970, 0 to the year 9999; tm_yday and tm_isdst are left 0. */
struct tm civil_time_utc(int64_t seconds);

#endif
