/* SPDX-License-Identifier: MIT
   Writes results, see result.h. */
#include "bench/load/result.h"

#include <stdio.h>

static double result__microseconds(const struct result *result, unsigned per_mille)
{
    return (double)histogram_percentile(&result->tally->times, per_mille) / 1e3;
}

static double result__rate(uint64_t count, double seconds)
{
    return seconds > 0 ? (double)count / seconds : 0;
}

static unsigned long long result__bytes(const struct result *result)
{
    return (unsigned long long)result->tally->answered * result->settings->size;
}

void result_json(const struct result *result, char *text, size_t room)
{
    const struct settings *const settings = result->settings;
    const struct tally *const tally = result->tally;
    const double seconds = tally_seconds(tally);
    snprintf(text, room,
             "{\"kind\":\"%s\",\"clients\":%lu,\"depth\":%lu,\"size\":%lu,\"messages\":%llu,\"bytes\":%llu,"
             "\"seconds\":%.3f,\"messages_per_second\":%.0f,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,"
             "\"p999_us\":%.1f,\"max_us\":%.1f,\"lost\":%llu,\"errors\":%lu,\"connect_seconds\":%.3f}\n",
             settings_kind_name(settings->kind), (unsigned long)settings->clients,
             (unsigned long)settings->depth, (unsigned long)settings->size,
             (unsigned long long)tally->answered, result__bytes(result), seconds,
             result__rate(tally->answered, seconds), result__microseconds(result, 500),
             result__microseconds(result, 900), result__microseconds(result, 990),
             result__microseconds(result, 999), (double)tally->times.max / 1e3,
             (unsigned long long)tally->lost, result->errors, result->connect_seconds);
}

void result_table(const struct result *result, char *text, size_t room)
{
    const struct settings *const settings = result->settings;
    const struct tally *const tally = result->tally;
    const double seconds = tally_seconds(tally);
    snprintf(text, room,
             "%s: clients %lu, depth %lu, size %lu\n"
             "messages    %12llu  %12.0f a second\n"
             "megabytes   %12.1f  %12.1f a second, each way\n"
             "seconds     %12.3f  %12.3f to connect\n"
             "lost        %12llu\n"
             "errors      %12lu\n"
             "microseconds      50 %%      90 %%      99 %%    99.9 %%       max\n"
             "            %10.1f%10.1f%10.1f%10.1f%10.1f\n",
             settings_kind_name(settings->kind), (unsigned long)settings->clients,
             (unsigned long)settings->depth, (unsigned long)settings->size,
             (unsigned long long)tally->answered, result__rate(tally->answered, seconds),
             (double)result__bytes(result) / 1e6, result__rate(result__bytes(result), seconds) / 1e6, seconds,
             result->connect_seconds, (unsigned long long)tally->lost, result->errors,
             result__microseconds(result, 500), result__microseconds(result, 900),
             result__microseconds(result, 990), result__microseconds(result, 999),
             (double)tally->times.max / 1e3);
}

void result_progress(const struct result *result, double seconds, uint64_t answered, double since, char *text,
                     size_t room)
{
    snprintf(text, room, "bench_load: %4.0f s: %llu answered, %.0f a second, %llu lost, %lu errors\n",
             seconds, (unsigned long long)result->tally->done, result__rate(answered, since),
             (unsigned long long)result->tally->lost, result->errors);
}
