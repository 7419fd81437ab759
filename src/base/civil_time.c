/* SPDX-License-Identifier: MIT
   Dates, see civil_time.h. */
#include "base/civil_time.h"

enum { SECONDS_A_DAY = 86400, THURSDAY = 4 }; /* the first day of 1970 */

static int civil_time__days_of_year(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 366 : 365;
}

static int civil_time__days_of_month(int month, int year)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 1 && civil_time__days_of_year(year) == 366 ? 29 : days[month];
}

struct tm civil_time_utc(int64_t seconds)
{
    const int second = (int)(seconds % SECONDS_A_DAY);
    int day = (int)(seconds / SECONDS_A_DAY), year = 1970, month = 0;
    struct tm utc = {.tm_hour = second / 3600,
                     .tm_min = second / 60 % 60,
                     .tm_sec = second % 60,
                     .tm_wday = (THURSDAY + day) % 7};
    while (day >= civil_time__days_of_year(year)) {
        day -= civil_time__days_of_year(year++);
    }
    while (day >= civil_time__days_of_month(month, year)) {
        day -= civil_time__days_of_month(month++, year);
    }
    utc.tm_mday = day + 1;
    utc.tm_mon = month;
    utc.tm_year = year - 1900;
    return utc;
}
