/* SPDX-License-Identifier: MIT
   Tests of io/packet_info.h: messages made by hand, broken ones, and those that the system itself writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/win.h"
#include <cmocka.h>

#include "io/network.h"
#include "io/packet_info.h"
#include "support/client.h"
#include "support/random.h"
#include "support/support.h"

/* A header is 16 bytes, data follows it, the next message begins at a multiple of 8. */
enum { HEAD = 16, IPV4_SIZE = 8, IPV6_SIZE = 20, ROOM = sizeof(struct packet_info) };

struct control {
    struct packet_info info;
    size_t length;
};

static struct control *control_begin(struct control *control)
{
    memset(control, 0xCC, sizeof *control);
    control->length = 0;
    return control;
}

/* One message whose header says `claimed`, and which takes the room of `size` bytes of data. */
static struct control *control_add_raw(struct control *control, int level, int type, const void *data,
                                       size_t size, size_t claimed)
{
    uint8_t *at = (uint8_t *)control->info.words + control->length;
    const WSACMSGHDR header = {.cmsg_len = claimed, .cmsg_level = level, .cmsg_type = type};
    assert_true(control->length + HEAD + size <= ROOM);
    memcpy(at, &header, sizeof header);
    memcpy(at + HEAD, data, size);
    control->length += HEAD + (size + 7) / 8 * 8;
    return control;
}

static struct control *control_add(struct control *control, int level, int type, const void *data,
                                   size_t size)
{
    return control_add_raw(control, level, type, data, size, HEAD + size);
}

static struct control *control_add_address(struct control *control, const char *ip, ULONG interface_index)
{
    const struct pl_address address = client_address(ip, 0);
    if (address.family == 4) {
        IN_PKTINFO info = {.ipi_ifindex = interface_index};
        memcpy(&info.ipi_addr, address.ip, 4);
        return control_add(control, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    }
    IN6_PKTINFO info = {.ipi6_ifindex = interface_index};
    memcpy(&info.ipi6_addr, address.ip, 16);
    return control_add(control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
}

static const struct pl_address before = {
    .family = 77, .port = 4711, .scope = 12345, .ip = {9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9}};

static void assert_found(const struct control *control, const char *ip, uint32_t scope)
{
    struct pl_address expected = client_address(ip, before.port), found = before;
    expected.scope = scope;
    assert_true(packet_info_find(&control->info, control->length, &found));
    assert_memory_equal(&found, &expected, sizeof found);
}

static void assert_not_found(const struct control *control, size_t length)
{
    struct pl_address found = before;
    assert_false(packet_info_find(&control->info, length, &found));
    assert_memory_equal(&found, &before, sizeof found);
}

/* ---- Well-formed ---- */

static void test_packet_info__finds_the_address_of_either_family(void **state)
{
    (void)state;
    static const struct {
        const char *ip;
        ULONG interface_index;
        uint32_t scope;
        const char *found;
    } rows[] = {
        {"192.0.2.77", 5, 0, "192.0.2.77"},
        {"255.255.255.255", 0, 0, "255.255.255.255"},
        {"2001:db8::1", 5, 0, "2001:db8::1"}, /* means the same on every interface */
        {"::1", 1, 0, "::1"},
        {"fe80::1:2", 5, 5, "fe80::1:2"}, /* link-local: fe80::/10 */
        {"febf:ffff::1", 4294967295, 4294967295, "febf:ffff::1"},
        {"fec0::1", 5, 0, "fec0::1"},
        {"fe7f::1", 5, 0, "fe7f::1"},
        {"2080:db8::1", 5, 0, "2080:db8::1"},
        {"::ffff:192.0.2.77", 5, 0, "192.0.2.77"}, /* mapped: one client, one address */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct control control;
        control_add_address(control_begin(&control), rows[i].ip, rows[i].interface_index);
        assert_found(&control, rows[i].found, rows[i].scope);
    }
}

static void test_packet_info__prefers_ipv4_where_both_came(void **state)
{
    (void)state;
    struct control control;
    control_add_address(control_begin(&control), "::ffff:192.0.2.1", 3);
    control_add_address(&control, "192.0.2.2", 3);
    assert_found(&control, "192.0.2.2", 0);
    control_add_address(control_begin(&control), "192.0.2.2", 3);
    control_add_address(&control, "fe80::1", 3);
    assert_found(&control, "192.0.2.2", 0);
}

static void test_packet_info__passes_other_messages_over(void **state)
{
    (void)state;
    static const uint8_t data[24] = {1, 2, 3};
    for (size_t size = 0; size <= sizeof data; size++) { /* the next one begins at a multiple of 8 */
        struct control control;
        control_add(control_begin(&control), IPPROTO_IP, IP_TTL, data, size);
        control_add_address(&control, "2001:db8::5", 3);
        assert_found(&control, "2001:db8::5", 0);
        control_add(control_begin(&control), IPPROTO_IPV6, IP_TTL, data, size);
        control_add_address(&control, "192.0.2.5", 3);
        assert_found(&control, "192.0.2.5", 0);
    }
}

/* IP_PKTINFO and IPV6_PKTINFO are the same number. */
static void test_packet_info__takes_level_and_type_together(void **state)
{
    (void)state;
    static const uint8_t data[IPV6_SIZE] = {1, 2, 3, 4};
    static const struct {
        int level, type;
    } rows[] = {
        {IPPROTO_IP, IP_TTL},
        {IPPROTO_IPV6, IPV6_HOPLIMIT},
        {IPPROTO_UDP, IP_PKTINFO},
        {SOL_SOCKET, IPV6_PKTINFO},
        {IPPROTO_IP, IP_PKTINFO + 1},
        {IPPROTO_IPV6, IPV6_PKTINFO - 1},
        {IPPROTO_IPV6, IP_ORIGINAL_ARRIVAL_IF},
        {IPPROTO_IP, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct control control;
        control_add(control_begin(&control), rows[i].level, rows[i].type, data, sizeof data);
        assert_not_found(&control, control.length);
    }
}

/* ---- Broken ---- */

static void test_packet_info__believes_no_length_of_the_whole(void **state)
{
    (void)state;
    struct control ipv4, ipv6;
    control_add_address(control_begin(&ipv4), "192.0.2.1", 1);
    control_add_address(control_begin(&ipv6), "2001:db8::1", 1);
    for (size_t length = 0; length < HEAD + IPV4_SIZE; length++) {
        assert_not_found(&ipv4, length);
    }
    for (size_t length = 0; length < HEAD + IPV6_SIZE; length++) {
        assert_not_found(&ipv6, length);
    }
    ipv4.length = HEAD + IPV4_SIZE;
    assert_found(&ipv4, "192.0.2.1", 0);
    ipv6.length = HEAD + IPV6_SIZE; /* without the padding behind it */
    assert_found(&ipv6, "2001:db8::1", 0);
    ipv6.length = SIZE_MAX; /* more than the structure holds */
    assert_found(&ipv6, "2001:db8::1", 0);
}

static void test_packet_info__believes_no_length_of_a_message(void **state)
{
    (void)state;
    static const uint8_t data[IPV6_SIZE] = {0x20, 1};
    static const size_t claims[] = {
        0,
        1,
        8,
        HEAD - 1,
        HEAD + IPV6_SIZE - 1,
        ROOM + 1,
        0x7FFFFFFF,
        0x80000000u,
        0xFFFFFFFF,
        (SIZE_MAX >> 1) + 1,
        SIZE_MAX - HEAD,
        SIZE_MAX - 7,
        SIZE_MAX,
    };
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        struct control control;
        control_add_raw(control_begin(&control), IPPROTO_IPV6, IPV6_PKTINFO, data, sizeof data, claims[i]);
        assert_not_found(&control, control.length);
        assert_not_found(&control, ROOM);
        control_add_raw(control_begin(&control), IPPROTO_IP, IP_TTL, data, sizeof data, claims[i]);
        control_add_raw(&control, IPPROTO_UDP, 1, data, 0, claims[i]);
        assert_not_found(&control, control.length);
    }
}

static void test_packet_info__a_message_too_short_for_its_address_tells_nothing(void **state)
{
    (void)state;
    static const uint8_t data[IPV6_SIZE] = {192, 0, 2, 1};
    struct control control;
    for (size_t size = 0; size < IPV4_SIZE; size++) {
        control_add(control_begin(&control), IPPROTO_IP, IP_PKTINFO, data, size);
        assert_not_found(&control, control.length);
        control_add_address(&control, "192.0.2.9", 1); /* and hides nothing */
        assert_found(&control, "192.0.2.9", 0);
    }
    for (size_t size = 0; size < IPV6_SIZE; size++) {
        control_add(control_begin(&control), IPPROTO_IPV6, IPV6_PKTINFO, data, size);
        assert_not_found(&control, control.length);
    }
    control_add(control_begin(&control), IPPROTO_IP, IP_PKTINFO, data, IPV4_SIZE + 5); /* longer will do */
    assert_found(&control, "192.0.2.1", 0);
}

static void test_packet_info__keeps_what_came_before_a_broken_message(void **state)
{
    (void)state;
    static const uint8_t data[IPV4_SIZE] = {192, 0, 2, 1};
    struct control control;
    control_add_address(control_begin(&control), "2001:db8::1", 1);
    control_add_raw(&control, IPPROTO_IP, IP_PKTINFO, data, sizeof data, SIZE_MAX);
    assert_found(&control, "2001:db8::1", 0);
}

/* Behind the structure lies a page that must not be touched. */
static void test_packet_info__reads_nothing_beyond_its_end(void **state)
{
    (void)state;
    SYSTEM_INFO system;
    struct random random = {11};
    DWORD old;
    GetSystemInfo(&system);
    uint8_t *pages =
        VirtualAlloc(NULL, 2 * (SIZE_T)system.dwPageSize, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    assert_non_null(pages);
    assert_true(VirtualProtect(pages + system.dwPageSize, system.dwPageSize, PAGE_NOACCESS, &old));
    struct packet_info *info = (struct packet_info *)(void *)(pages + system.dwPageSize - sizeof *info);
    unsigned found = 0;
    for (unsigned i = 0; i < 300000; i++) {
        struct pl_address address = before;
        uint8_t *bytes = (uint8_t *)info->words;
        for (size_t at = 0; at < sizeof *info;) { /* headers that are likely, with random lengths */
            const WSACMSGHDR header = {
                .cmsg_len = random_below(&random, 20) == 0 ? SIZE_MAX - random_below(&random, 40)
                                                           : random_below(&random, 60),
                .cmsg_level = random_below(&random, 2) == 0 ? IPPROTO_IP : IPPROTO_IPV6,
                .cmsg_type = random_below(&random, 3) == 0 ? IP_TTL : IP_PKTINFO};
            const size_t room = sizeof *info - at;
            memcpy(bytes + at, &header, room < sizeof header ? room : sizeof header);
            at += HEAD + 8 * (size_t)random_below(&random, 5);
        }
        const size_t length = random_below(&random, 4) == 0 ? SIZE_MAX : random_below(&random, ROOM + 20);
        if (packet_info_find(info, length, &address)) {
            assert_true(address.family == 4 || address.family == 6);
            assert_int_equal(address.port, before.port);
            found++;
        } else {
            assert_memory_equal(&address, &before, sizeof address);
        }
    }
    assert_true(found > 1000 && found < 299000);
    assert_true(VirtualFree(pages, 0, MEM_RELEASE));
}

/* ---- Setting ---- */

static void test_packet_info__what_is_set_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *ip;
        uint32_t scope;
    } rows[] = {{"192.0.2.1", 0},   {"127.0.0.5", 0}, {"0.0.0.0", 0}, {"2001:db8::1", 0},
                {"fe80::1234", 17}, {"::1", 0},       {"::", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct control control;
        struct pl_address source = client_address(rows[i].ip, 80);
        source.scope = rows[i].scope;
        control_begin(&control);
        control.length = packet_info_set(&control.info, &source);
        assert_found(&control, rows[i].ip, rows[i].scope);
    }
}

/* Exactly the bytes that WSASendMsg wants, and zero elsewhere, whatever lay there. */
static void test_packet_info__sets_one_message_as_winsock_lays_it_out(void **state)
{
    (void)state;
    struct control control, expected;
    struct pl_address source = client_address("192.0.2.1", 80);
    source.scope = 99; /* means nothing to IPv4 */
    control_begin(&control);
    memset(&expected.info, 0, sizeof expected.info);
    expected.length = 0;
    control_add_address(&expected, "192.0.2.1", 0);
    assert_int_equal(packet_info_set(&control.info, &source), HEAD + 8);
    assert_memory_equal(&control.info, &expected.info, sizeof control.info);

    source = client_address("fe80::5", 80);
    source.scope = 12;
    control_begin(&control);
    memset(&expected.info, 0, sizeof expected.info);
    expected.length = 0;
    control_add_address(&expected, "fe80::5", 12);
    assert_int_equal(packet_info_set(&control.info, &source), HEAD + 24);
    assert_memory_equal(&control.info, &expected.info, sizeof control.info);
}

/* ---- The system's own ---- */

static bool is_wine(void)
{
    return GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != NULL;
}

/* A datagram from `from` to `to`, received on a socket bound to `bound`: the system tells `to`, and an answer
   sent in its name comes from there. */
static void exchange(const struct network *network, const char *bound, const char *to, const char *from)
{
    const struct pl_address own = client_address(bound, 0);
    const int family = network_family(&own);
    const SOCKET udp = network_socket(family, SOCK_DGRAM);
    SOCKADDR_STORAGE name, peer;
    int length = network_address_to(&own, family, &name);
    assert_int_not_equal(udp, INVALID_SOCKET);
    if (family == AF_INET6) {
        assert_int_equal(network_set_option(udp, IPPROTO_IPV6, IPV6_V6ONLY, 0), 0);
        assert_int_equal(network_set_option(udp, IPPROTO_IPV6, IPV6_PKTINFO, 1), 0);
    }
    assert_int_equal(network_set_option(udp, IPPROTO_IP, IP_PKTINFO, 1), 0);
    assert_int_equal(network_set_option(udp, SOL_SOCKET, SO_RCVTIMEO, CLIENT_PATIENCE), 0);
    assert_int_equal(bind(udp, (SOCKADDR *)&name, length), 0);
    assert_int_equal(getsockname(udp, (SOCKADDR *)&name, &length), 0);
    struct pl_address asked, answered, here = {0};
    network_address_from((SOCKADDR *)&name, &here);

    const struct pl_address origin = client_address(from, 0);
    struct client *client = client_open_datagram(&origin);
    assert_non_null(client);
    const struct pl_address target = client_address(to, here.port);
    assert_int_equal(client_send_datagram(client, &target, "question", 8), CLIENT_OK);

    char data[32];
    struct packet_info info;
    WSABUF buffer = {.buf = data, .len = sizeof data};
    WSAMSG message = {.name = (SOCKADDR *)&peer,
                      .namelen = sizeof peer,
                      .lpBuffers = &buffer,
                      .dwBufferCount = 1,
                      .Control = {.buf = (char *)&info, .len = sizeof info}};
    DWORD bytes = 0;
    assert_int_equal(network->receive_message(udp, &message, &bytes, NULL, NULL), 0);
    assert_int_equal(bytes, 8);
    asked = here;
    assert_true(packet_info_find(&info, message.Control.len, &asked));
    assert_memory_equal(&asked, &target, sizeof asked);

    message.Control.len = packet_info_set(&info, &asked);
    message.dwFlags = 0;
    buffer.len = 5;
    memcpy(data, "reply", sizeof "reply");
    assert_int_equal(network->send_message(udp, &message, 0, &bytes, NULL, NULL), 0);
    size_t answer = 0;
    assert_int_equal(client_receive_datagram(client, data, sizeof data, &answer, &answered, CLIENT_PATIENCE),
                     CLIENT_OK);
    assert_int_equal(answer, 5);
    assert_int_equal(answered.port, target.port);
    if (is_wine()) {
        print_message("SKIP: Wine sends from an address of its own choice, not from %s\n", to);
    } else {
        assert_memory_equal(&answered, &target, sizeof answered);
    }
    client_close(client);
    closesocket(udp);
}

static void test_packet_info__understands_the_system_and_is_understood(void **state)
{
    (void)state;
    struct network network;
    struct failure failure;
    assert_true(network_start(&network, &failure));
    exchange(&network, "0.0.0.0", "127.0.0.1", "127.0.0.1");
    exchange(&network, "0.0.0.0", "127.0.0.7", "127.0.0.1");
    if (network.has_ipv6) {
        exchange(&network, "::", "::1", "::1");
        exchange(&network, "::", "127.0.0.7", "127.0.0.1"); /* dual stack: mapped, both messages */
    } else {
        print_message("SKIP: no IPv6 on this machine\n");
    }
    network_stop(&network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_packet_info__finds_the_address_of_either_family),
        support_test(test_packet_info__prefers_ipv4_where_both_came),
        support_test(test_packet_info__passes_other_messages_over),
        support_test(test_packet_info__takes_level_and_type_together),
        support_test(test_packet_info__believes_no_length_of_the_whole),
        support_test(test_packet_info__believes_no_length_of_a_message),
        support_test(test_packet_info__a_message_too_short_for_its_address_tells_nothing),
        support_test(test_packet_info__keeps_what_came_before_a_broken_message),
        support_test(test_packet_info__reads_nothing_beyond_its_end),
        support_test(test_packet_info__what_is_set_is_found),
        support_test(test_packet_info__sets_one_message_as_winsock_lays_it_out),
        support_test(test_packet_info__understands_the_system_and_is_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
