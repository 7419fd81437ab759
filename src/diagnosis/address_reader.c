/* SPDX-License-Identifier: MIT
   The addresses of the machine, with their adapters and states; see machine_reader.h. */
#include <string.h>

#include "base/memory.h"
#include "base/system_library.h"
#include "base/utf16.h"
#include "diagnosis/machine_reader.h"

enum { ADDRESS_READER_ROOM = 16384, ADDRESS_READER_TRIES = 6 };

typedef ULONG(WINAPI *address_reader_function)(ULONG family, ULONG flags, PVOID reserved,
                                               PIP_ADAPTER_ADDRESSES adapters, PULONG size);

static PIP_ADAPTER_ADDRESSES address_reader__fetch(address_reader_function get)
{
    const ULONG flags = GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_DNS_SERVER;
    ULONG size = ADDRESS_READER_ROOM;
    for (int i = 0; i < ADDRESS_READER_TRIES; i++) {
        PIP_ADAPTER_ADDRESSES adapters = memory_alloc(size);
        const ULONG error =
            adapters != NULL ? get(AF_UNSPEC, flags, NULL, adapters, &size) : ERROR_NOT_ENOUGH_MEMORY;
        if (error == ERROR_SUCCESS) {
            return adapters;
        }
        memory_free(adapters);
        if (error != ERROR_BUFFER_OVERFLOW) {
            return NULL;
        }
        size += ADDRESS_READER_ROOM; /* it may grow once more */
    }
    return NULL;
}

static bool address_reader__from(const SOCKET_ADDRESS *socket_address, struct pl_address *address_out)
{
    *address_out = (struct pl_address){0};
    if (socket_address->lpSockaddr->sa_family == AF_INET) {
        SOCKADDR_IN v4;
        memcpy(&v4, socket_address->lpSockaddr, sizeof v4);
        address_out->family = 4;
        memcpy(address_out->ip, &v4.sin_addr, 4);
    } else if (socket_address->lpSockaddr->sa_family == AF_INET6) {
        SOCKADDR_IN6 v6;
        memcpy(&v6, socket_address->lpSockaddr, sizeof v6);
        address_out->family = 6;
        address_out->scope = v6.sin6_scope_id;
        memcpy(address_out->ip, &v6.sin6_addr, 16);
    }
    return address_out->family != 0;
}

static enum machine_address_state address_reader__state(const IP_ADAPTER_ADDRESSES *adapter,
                                                        const IP_ADAPTER_UNICAST_ADDRESS *address)
{
    if (adapter->OperStatus != IfOperStatusUp) {
        return ADDRESS_DOWN;
    }
    switch ((int)address->DadState) {
    case IpDadStateTentative:
        return ADDRESS_TENTATIVE;
    case IpDadStateDuplicate:
        return ADDRESS_DUPLICATE;
    case IpDadStateInvalid:
        return ADDRESS_DOWN;
    default:
        return ADDRESS_USABLE;
    }
}

static bool address_reader__add(struct machine *machine, const IP_ADAPTER_ADDRESSES *adapter)
{
    char *name = adapter->FriendlyName != NULL ? utf16_to_utf8(adapter->FriendlyName) : NULL;
    bool is_done = true;
    for (const IP_ADAPTER_UNICAST_ADDRESS *row = adapter->FirstUnicastAddress; row != NULL && is_done;
         row = row->Next) {
        struct pl_address address;
        if (address_reader__from(&row->Address, &address)) {
            is_done = machine_add_address(machine, &address, address_reader__state(adapter, row), name);
        }
    }
    memory_free(name);
    return is_done;
}

bool address_reader_read(struct machine *machine)
{
    address_reader_function get = NULL;
    const struct system_function function = {"GetAdaptersAddresses", &get};
    const HMODULE library = system_library_load(L"iphlpapi.dll", &function, 1);
    if (library == NULL) {
        return false;
    }
    PIP_ADAPTER_ADDRESSES adapters = address_reader__fetch(get);
    bool is_done = adapters != NULL;
    for (const IP_ADAPTER_ADDRESSES *row = adapters; row != NULL && is_done; row = row->Next) {
        is_done = address_reader__add(machine, row);
    }
    memory_free(adapters);
    FreeLibrary(library);
    return is_done;
}
