/* SPDX-License-Identifier: MIT
   Trying a start, see rehearsal.h. */
#include "rehearsal.h"

#include "base/memory.h"
#include "config/config_options.h"
#include "connection/host.h"
#include "endpoint/endpoint.h"
#include "io/network.h"

struct rehearsal {
    struct network network;
    struct host host; /* without workers: for checks */
};

struct rehearsal *rehearsal_create(struct failure *failure_out)
{
    struct rehearsal *rehearsal = memory_alloc(sizeof *rehearsal);
    if (rehearsal == NULL) {
        *failure_out = (struct failure){.code = EXIT_CODE_FAILED, .text = "out of memory"};
        return NULL;
    }
    if (!network_start(&rehearsal->network, failure_out)) {
        memory_free(rehearsal);
        return NULL;
    }
    host_init(&rehearsal->host, NULL, 0);
    return rehearsal;
}

void rehearsal_destroy(struct rehearsal *rehearsal)
{
    if (rehearsal != NULL) {
        host_fini(&rehearsal->host);
        network_stop(&rehearsal->network);
        memory_free(rehearsal);
    }
}

bool rehearsal_has_ipv6(const struct rehearsal *rehearsal)
{
    return rehearsal->network.has_ipv6;
}

bool rehearsal_handler(const struct rehearsal *rehearsal, const struct config *config,
                       const struct config_endpoint *endpoint, struct failure *failure_out)
{
    struct endpoint tried = {
        .config = endpoint, .service = &config->service, .handler = endpoint->options.options->handler};
    const bool is_well = endpoint_check(&tried, &rehearsal->host.functions, NULL, failure_out);
    endpoint_fini(&tried);
    return is_well;
}

static uint32_t rehearsal__try(const struct bind_question *question, int family)
{
    const SOCKET socket = network_socket(family, question->protocol == CONFIG_TCP ? SOCK_STREAM : SOCK_DGRAM);
    SOCKADDR_STORAGE address;
    if (socket == INVALID_SOCKET) {
        return (uint32_t)WSAGetLastError();
    }
    const int length = network_address_to(&question->address, family, &address);
    DWORD error = network_set_option(socket, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, TRUE);
    if (error == 0 && family == AF_INET6) {
        error = network_set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, !question->is_dual_stack);
    }
    if (error == 0 && bind(socket, (const SOCKADDR *)&address, length) != 0) {
        error = (DWORD)WSAGetLastError();
    }
    closesocket(socket);
    return error;
}

void rehearsal_bind(const struct rehearsal *rehearsal, const struct config_listen *listen, uint16_t port,
                    struct bind_question *question_out)
{
    *question_out = (struct bind_question){
        .protocol = listen->protocol, .address = listen->address, .is_dual_stack = listen->is_dual_stack};
    if (listen->is_dual_stack && !rehearsal->network.has_ipv6) {
        question_out->address = (struct pl_address){.family = 4};
        question_out->is_dual_stack = false;
    }
    question_out->address.port = port;
    question_out->error = rehearsal__try(question_out, network_family(&question_out->address));
}
