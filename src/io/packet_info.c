/* SPDX-License-Identifier: MIT
   Packet information, see packet_info.h. The walk over the control messages is our own: the macros of the
   Windows headers mix signed and unsigned, and believe any length. */
#include "io/packet_info.h"

#include <string.h>

enum { CONTROL_ALIGNMENT = 8 };

static size_t control__align(size_t length)
{
    return (length + CONTROL_ALIGNMENT - 1) & ~(size_t)(CONTROL_ALIGNMENT - 1);
}

static void packet_info__take_ipv4(const uint8_t *data, struct pl_address *address)
{
    IN_PKTINFO info;
    memcpy(&info, data, sizeof info);
    *address = (struct pl_address){.family = 4, .port = address->port};
    memcpy(address->ip, &info.ipi_addr, 4);
}

static void packet_info__take_ipv6(const uint8_t *data, struct pl_address *address)
{
    IN6_PKTINFO info;
    memcpy(&info, data, sizeof info);
    *address = (struct pl_address){.family = 6, .port = address->port};
    memcpy(address->ip, &info.ipi6_addr, 16);
    address->scope = address_is_link_local(address) ? info.ipi6_ifindex : 0;
    address_fold(address);
}

bool packet_info_find(const struct packet_info *info, size_t length, struct pl_address *address)
{
    const uint8_t *control = (const uint8_t *)info->words;
    const size_t head = control__align(sizeof(WSACMSGHDR));
    bool is_found = false;
    length = length < sizeof *info ? length : sizeof *info;
    for (size_t at = 0; at + head <= length;) {
        WSACMSGHDR header;
        memcpy(&header, control + at, sizeof header);
        if (header.cmsg_len < head || header.cmsg_len > length - at) {
            break;
        }
        const size_t room = header.cmsg_len - head;
        if (header.cmsg_level == IPPROTO_IP && header.cmsg_type == IP_PKTINFO && room >= sizeof(IN_PKTINFO)) {
            packet_info__take_ipv4(control + at + head, address);
            return true; /* the better one of the two that a dual-stack socket gives */
        }
        if (header.cmsg_level == IPPROTO_IPV6 && header.cmsg_type == IPV6_PKTINFO &&
            room >= sizeof(IN6_PKTINFO)) {
            packet_info__take_ipv6(control + at + head, address);
            is_found = true;
        }
        at += control__align(header.cmsg_len);
    }
    return is_found;
}

static ULONG packet_info__put(struct packet_info *info, INT level, INT type, const void *data, size_t size)
{
    uint8_t *control = (uint8_t *)info->words;
    const size_t head = control__align(sizeof(WSACMSGHDR));
    const WSACMSGHDR header = {.cmsg_len = head + size, .cmsg_level = level, .cmsg_type = type};
    memset(info, 0, sizeof *info);
    memcpy(control, &header, sizeof header);
    memcpy(control + head, data, size);
    return (ULONG)control__align(head + size);
}

ULONG packet_info_set(struct packet_info *info, const struct pl_address *source)
{
    if (source->family == 4) {
        IN_PKTINFO ipv4 = {0};
        memcpy(&ipv4.ipi_addr, source->ip, 4);
        return packet_info__put(info, IPPROTO_IP, IP_PKTINFO, &ipv4, sizeof ipv4);
    }
    IN6_PKTINFO ipv6 = {.ipi6_ifindex = source->scope};
    memcpy(&ipv6.ipi6_addr, source->ip, 16);
    return packet_info__put(info, IPPROTO_IPV6, IPV6_PKTINFO, &ipv6, sizeof ipv6);
}
