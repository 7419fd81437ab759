/* SPDX-License-Identifier: MIT
   The port ranges that Windows has set aside; no function of Windows lists them, so netsh is asked; see machine_reader.h. */
#include "diagnosis/finding_endpoints.h"
#include "diagnosis/machine_reader.h"
#include "diagnosis/port_ranges.h"
#include "diagnosis/program_output.h"

enum { RANGE_READER_DYNAMIC = 49152 }; /* the first one, since Windows Vista */

static const struct {
    enum config_protocol protocol;
    uint16_t family;
    const WCHAR *arguments;
} questions[] = {
    {CONFIG_TCP, 4, L"interface ipv4 show excludedportrange protocol=tcp"},
    {CONFIG_UDP, 4, L"interface ipv4 show excludedportrange protocol=udp"},
    {CONFIG_TCP, 6, L"interface ipv6 show excludedportrange protocol=tcp"},
    {CONFIG_UDP, 6, L"interface ipv6 show excludedportrange protocol=udp"},
};

/* Where IPv6 is off, netsh may refuse its questions: the others count. */
bool range_reader_read(struct machine *machine, HANDLE stop)
{
    const uint64_t deadline = GetTickCount64() + MACHINE_RANGES_PATIENCE;
    bool is_done = true;
    for (size_t i = 0; i < sizeof questions / sizeof questions[0] && is_done; i++) {
        struct text text;
        text_init_heap(&text);
        const bool has_answer =
            program_output_read(L"netsh.exe", questions[i].arguments, deadline, stop, &text);
        is_done = has_answer ? port_ranges_parse(machine, questions[i].protocol, questions[i].family, text.at,
                                                 text.length)
                             : questions[i].family == 6;
        text_fini(&text);
    }
    return is_done;
}

/* Where netsh does not tell, it is what Windows has unless somebody has changed it. */
void range_reader_read_dynamic(enum config_protocol protocol, struct port_span *span_out)
{
    static const WCHAR *const arguments[] = {[CONFIG_TCP] = L"interface ipv4 show dynamicport tcp",
                                             [CONFIG_UDP] = L"interface ipv4 show dynamicport udp"};
    const uint64_t deadline = GetTickCount64() + MACHINE_RANGES_PATIENCE;
    struct text text;
    text_init_heap(&text);
    if (!program_output_read(L"netsh.exe", arguments[protocol], deadline, NULL, &text) ||
        !port_span_parse(text.at, text.length, span_out)) {
        *span_out = (struct port_span){RANGE_READER_DYNAMIC, UINT16_MAX};
    }
    text_fini(&text);
}
