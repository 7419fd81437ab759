/* SPDX-License-Identifier: MIT
   Tests of accept/proxy_header.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "accept/proxy_header.h"
#include "base/crc32c.h"
#include "support/exact.h"
#include "support/random.h"
#include "support/support.h"

#define BOTH           (PROXY_V1 | PROXY_V2)
#define BYTES(literal) literal, sizeof(literal) - 1
#define SIGNATURE      "\r\n\r\n\0\r\nQUIT\n"

#define IPV4      "\xC0\x00\x02\x01\xC6\x33\x64\x02\xDC\x04\x01\xBB"
#define IPV4_FROM "192.0.2.1:56324"
#define IPV4_TO   "198.51.100.2:443"
#define ZEROS_6   "\0\0\0\0\0\0"
#define IPV6                                                                             \
    "\x20\x01\x0D\xB8" ZEROS_6 "\0\0\0\0\0\x01\x20\x01\x0D\xB8" ZEROS_6 "\0\0\0\0\0\x02" \
    "\xDC\x04\x01\xBB"
#define IPV6_FROM "[2001:db8::1]:56324"
#define IPV6_TO   "[2001:db8::2]:443"
#define A_36      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define A_108     A_36 A_36 A_36

/* From a block of just its size, so that a sanitizer sees a read behind it. */
static enum proxy_result read_header(unsigned versions, bool is_datagram, const char *at, size_t length,
                                     struct proxy_header *header_out)
{
    char *copy = exact_copy(at, length);
    memset(header_out, 0xEE, sizeof *header_out);
    const enum proxy_result result =
        proxy_header_read(versions, is_datagram, (const uint8_t *)copy, length, header_out);
    free(copy);
    return result;
}

static void assert_address(const struct pl_address *address, const char *expected)
{
    char room[ADDRESS_TEXT_ROOM];
    struct text text;
    text_init(&text, room, sizeof room);
    address_add_with_port(&text, address);
    assert_string_equal(room, expected != NULL ? expected : "-:0");
}

/* `source` NULL: the real peer is the client. */
static void assert_done(enum proxy_result result, const struct proxy_header *header, size_t length,
                        const char *source, const char *destination)
{
    if (result == PROXY_BAD) {
        fail_msg("%s", header->problem);
    }
    assert_int_equal(result, PROXY_DONE);
    assert_int_equal(header->length, length);
    assert_int_equal(header->is_local, source == NULL);
    assert_address(&header->source, source);
    assert_address(&header->destination, destination);
    assert_null(header->problem);
}

static void assert_nothing_told(const struct proxy_header *header)
{
    assert_int_equal(header->length, 0);
    assert_false(header->is_local);
    assert_address(&header->source, NULL);
    assert_address(&header->destination, NULL);
}

static void assert_more(enum proxy_result result, const struct proxy_header *header)
{
    if (result == PROXY_BAD) {
        fail_msg("%s", header->problem);
    }
    assert_int_equal(result, PROXY_MORE);
    assert_nothing_told(header);
    assert_null(header->problem);
}

static void assert_bad(enum proxy_result result, const struct proxy_header *header, const char *problem)
{
    assert_int_equal(result, PROXY_BAD);
    assert_nothing_told(header);
    assert_string_equal(header->problem, problem);
}

struct good {
    const char *at;
    size_t length;
    const char *source; /* NULL: the real peer is the client */
    const char *destination;
};

static const struct good good_v1[] = {
    /* of the specification */
    {BYTES("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"), "192.168.0.1:56324", "192.168.0.11:443"},
    {BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), "255.255.255.255:65535",
     "255.255.255.255:65535"},
    {BYTES("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
           "65535\r\n"),
     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
    {BYTES("PROXY UNKNOWN\r\n"), NULL, NULL},
    {BYTES("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
           "65535 65535\r\n"),
     NULL, NULL},
    /* of HAProxy 2.6.12; the second is a check of health, which names HAProxy itself */
    {BYTES("PROXY TCP4 127.0.0.1 127.0.0.1 59548 29101\r\n"), "127.0.0.1:59548", "127.0.0.1:29101"},
    {BYTES("PROXY TCP4 127.0.0.1 127.0.0.1 41480 26103\r\n"), "127.0.0.1:41480", "127.0.0.1:26103"},
    {BYTES("PROXY TCP6 ::1 ::1 55396 29104\r\n"), "[::1]:55396", "[::1]:29104"},
    {BYTES("PROXY TCP6 ::ffff:192.0.2.7 ::1 56162 29104\r\n"), "192.0.2.7:56162", "[::1]:29104"},
    /* ends of ranges, and other forms */
    {BYTES("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"), "0.0.0.0:0", "0.0.0.0:0"},
    {BYTES("PROXY TCP6 :: :: 0 9\r\n"), "[::]:0", "[::]:9"},
    {BYTES("PROXY TCP4 224.0.0.1 1.1.1.1 10 100\r\n"), "224.0.0.1:10", "1.1.1.1:100"},
    {BYTES("PROXY TCP6 2001:DB8:0:0:0:0:0:A 2001:0db8::000b 1000 10000\r\n"), "[2001:db8::a]:1000",
     "[2001:db8::b]:10000"},
    {BYTES("PROXY TCP6 2001:db8::1 ::ffff:c633:6402 1 2\r\n"), "[2001:db8::1]:1", "198.51.100.2:2"},
    {BYTES("PROXY TCP6 0000:0000:0000:0000:0000:ffff:192.168.100.200 ::FFFF:1.2.3.4 1 2\r\n"),
     "192.168.100.200:1", "1.2.3.4:2"},
    {BYTES("PROXY UNKNOWN \r\n"), NULL, NULL},
    {BYTES("PROXY UNKNOWN \0\x80 TCP4  PROXY\r\n"), NULL, NULL},
};

static const struct good good_v2[] = {
    {BYTES(SIGNATURE "\x21\x11\0\x0C" IPV4), IPV4_FROM, IPV4_TO},
    {BYTES(SIGNATURE "\x21\x21\0\x24" IPV6), IPV6_FROM, IPV6_TO},
    {BYTES(SIGNATURE "\x21\x11\0\x0C\0\0\0\0\xE0\0\0\x01\0\0\0\0"), "0.0.0.0:0", "224.0.0.1:0"},
    {BYTES(SIGNATURE "\x21\x21\0\x24" ZEROS_6 "\0\0\0\0\xFF\xFF\xC0\0\x02\x01" ZEROS_6
                     "\0\0\0\0\xFF\xFF\xC6\x33\x64\x02\xDC\x04\x01\xBB"),
     IPV4_FROM, IPV4_TO},
    /* the real peer is the client: AF_UNIX, UNSPEC, and all that is written of LOCAL */
    {BYTES(SIGNATURE "\x21\x31\0\xD8" A_108 A_108), NULL, NULL},
    {BYTES(SIGNATURE "\x21\x31\0\xDB" A_108 A_108 "\x04\0\0"), NULL, NULL},
    {BYTES(SIGNATURE "\x21\0\0\0"), NULL, NULL},
    {BYTES(SIGNATURE "\x21\0\0\x02xx"), NULL, NULL},
    {BYTES(SIGNATURE "\x21\x01\0\x03xxx"), NULL, NULL},
    {BYTES(SIGNATURE "\x21\x10\0\x0C" IPV4), NULL, NULL},
    {BYTES(SIGNATURE "\x21\x20\0\0"), NULL, NULL},
    {BYTES(SIGNATURE "\x21\x30\0\0"), NULL, NULL},
    {BYTES(SIGNATURE "\x20\x11\0\x0C" IPV4), NULL, NULL},
    {BYTES(SIGNATURE "\x20\x12\0\x01x"), NULL, NULL},
    {BYTES(SIGNATURE "\x20\xFF\0\x05xxxxx"), NULL, NULL},
    /* TLVs: ALPN, AUTHORITY, NOOP, UNIQUE_ID, SSL with others inside, NETNS, custom, experiment, future */
    {BYTES(SIGNATURE "\x21\x11\0\x11" IPV4 "\x01\0\x02h2"), IPV4_FROM, IPV4_TO},
    {BYTES(SIGNATURE "\x21\x11\0\x0F" IPV4 "\x04\0\0"), IPV4_FROM, IPV4_TO},
    {BYTES(SIGNATURE "\x21\x21\0\x31" IPV6 "\x02\0\x01x\x04\0\x02xx\x05\0\x01y"), IPV6_FROM, IPV6_TO},
    {BYTES(SIGNATURE "\x21\x11\0\x23" IPV4 "\x20\0\x0F\x01\0\0\0\0\x21\0\x07TLSv1.3\x30\0\x02ns"), IPV4_FROM,
     IPV4_TO},
    {BYTES(SIGNATURE "\x21\x11\0\x19" IPV4 "\xEA\0\x01z\xF0\0\0\xFF\0\x03zzz"), IPV4_FROM, IPV4_TO},
    /* of HAProxy 2.6.12: without and with a checksum; with a unique id, too; that and SSL; a mapped client; checks of health */
    {BYTES(SIGNATURE "\x21\x11\0\x0C\x7F\0\0\x01\x7F\0\0\x01\x61\xA9\x66\x59"), "127.0.0.1:25001",
     "127.0.0.1:26201"},
    {BYTES(SIGNATURE
           "\x21\x11\0\x22\x7F\0\0\x01\x7F\0\0\x01\x61\xAA\x66\x5A\x03\0\x04\x15\xC6\xC6\x42\x05\0\x0C"
           "id-127.0.0.1"),
     "127.0.0.1:25002", "127.0.0.1:26202"},
    {BYTES(SIGNATURE "\x21\x11\0\x13\x7F\0\0\x01\x7F\0\0\x01\x92\x84\x71\xAE\x03\0\x04\x0A\x37\x04\x5F"),
     "127.0.0.1:37508", "127.0.0.1:29102"},
    {BYTES(SIGNATURE "\x21\x21\0\x36" ZEROS_6 ZEROS_6 "\0\0\0\x01" ZEROS_6 ZEROS_6
                     "\0\0\0\x01\xBD\xE4\x71\xAF\x03\0\x04\x43\x3B\x5F\xEB\x05\0\0\x20\0\x05\0\0\0\0\0"),
     "[::1]:48612", "[::1]:29103"},
    {BYTES(SIGNATURE "\x21\x21\0\x2B" ZEROS_6 "\0\0\0\0\xFF\xFF\xC0\0\x02\x07" ZEROS_6 ZEROS_6
                     "\0\0\0\x01\xBB\xEE\x71\xAF\x03\0\x04\x80\xE1\x4B\x89"),
     "192.0.2.7:48110", "[::1]:29103"},
    {BYTES(SIGNATURE "\x20\0\0\x07\x03\0\x04\xA9\xB8\x7E\x8F"), NULL, NULL},
    {BYTES(SIGNATURE "\x20\0\0\0"), NULL, NULL},
};

static const struct good good_datagrams[] = {
    {BYTES(SIGNATURE "\x21\x12\0\x0C" IPV4), IPV4_FROM, IPV4_TO},
    {BYTES(SIGNATURE "\x21\x22\0\x24" IPV6), IPV6_FROM, IPV6_TO},
    {BYTES(SIGNATURE "\x21\x22\0\x27" IPV6 "\x04\0\0"), IPV6_FROM, IPV6_TO},
    {BYTES(SIGNATURE "\x21\x32\0\xD8" A_108 A_108), NULL, NULL},
    {BYTES(SIGNATURE "\x21\0\0\0"), NULL, NULL},
    {BYTES(SIGNATURE "\x21\x02\0\0"), NULL, NULL},
    {BYTES(SIGNATURE "\x20\0\0\0"), NULL, NULL},
    {BYTES(SIGNATURE "\x20\x11\0\0"), NULL, NULL},
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* However few bytes come at a time. */
static void assert_read_in_pieces(const struct good *good, unsigned versions)
{
    struct proxy_header header;
    for (size_t length = 0; length < good->length; length++) {
        assert_more(read_header(versions, false, good->at, length, &header), &header);
    }
    assert_done(read_header(versions, false, good->at, good->length, &header), &header, good->length,
                good->source, good->destination);
}

static void assert_read_before(const struct good *good, bool is_datagram, const char *payload, size_t length)
{
    struct proxy_header header;
    char *whole = malloc(good->length + length);
    assert_non_null(whole);
    memcpy(whole, good->at, good->length);
    memcpy(whole + good->length, payload, length);
    assert_done(read_header(BOTH, is_datagram, whole, good->length + length, &header), &header, good->length,
                good->source, good->destination);
    free(whole);
}

static void test_proxy_header__v1_is_read_as_its_bytes_come(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good_v1); i++) {
        assert_read_in_pieces(&good_v1[i], PROXY_V1);
        assert_read_in_pieces(&good_v1[i], BOTH);
    }
}

static void test_proxy_header__v2_is_read_as_its_bytes_come(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good_v2); i++) {
        assert_read_in_pieces(&good_v2[i], PROXY_V2);
        assert_read_in_pieces(&good_v2[i], BOTH);
    }
}

static void test_proxy_header__ends_where_the_clients_bytes_begin(void **state)
{
    (void)state;
    static const char *const payloads[] = {"GET / HTTP/1.1\r\nHost: 192.168.0.11\r\n\r\n", "\r\n", "\n",
                                           "PROXY "};
    for (size_t k = 0; k < COUNT(payloads); k++) {
        for (size_t i = 0; i < COUNT(good_v1); i++) {
            assert_read_before(&good_v1[i], false, payloads[k], strlen(payloads[k]));
        }
        for (size_t i = 0; i < COUNT(good_v2); i++) {
            assert_read_before(&good_v2[i], false, payloads[k], strlen(payloads[k]));
        }
        for (size_t i = 0; i < COUNT(good_datagrams); i++) {
            assert_read_before(&good_datagrams[i], true, payloads[k], strlen(payloads[k]));
        }
    }
}

static void test_proxy_header__a_datagram_holds_all_of_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good_datagrams); i++) {
        const struct good *good = &good_datagrams[i];
        struct proxy_header header;
        for (size_t length = 0; length < good->length; length++) {
            assert_bad(read_header(BOTH, true, good->at, length, &header), &header,
                       "a datagram that ends within its header");
        }
        assert_done(read_header(PROXY_V2, true, good->at, good->length, &header), &header, good->length,
                    good->source, good->destination);
    }
}

#define LONG_LINE "PROXY UNKNOWN AAAAAAAAAAAAAAAAAAAA" A_36 A_36

struct bad {
    const char *at;
    size_t length;
    size_t bad_at; /* the least number of bytes that is refused */
    const char *problem;
};

static const struct bad bad_v1[] = {
    {BYTES("GET / HTTP/1.1\r\n"), 1, "not a PROXY header"},
    {BYTES("POST / HTTP/1.1\r\n"), 2, "not a PROXY header"},
    {BYTES("PROPFIND / HTTP/1.1\r\n"), 4, "not a PROXY header"},
    {BYTES("proxy TCP4 1.2.3.4 5.6.7.8 9 10\r\n"), 1, "not a PROXY header"},
    {BYTES(" PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n"), 1, "not a PROXY header"},
    {BYTES("\x16\x03\x01\x02"), 1, "not a PROXY header"},
    {BYTES("PROXY\r\n"), 6, "not a PROXY header"},
    {BYTES("PROXY\tTCP4 1.2.3.4 5.6.7.8 9 10\r\n"), 6, "not a PROXY header"},
    {BYTES("PROXY  TCP4 1.2.3.4 5.6.7.8 9 10\r\n"), 7, "not TCP4, TCP6 or UNKNOWN"},
    {BYTES("PROXY \r\n"), 7, "not TCP4, TCP6 or UNKNOWN"},
    {BYTES("PROXY UDP4 1.2.3.4 5.6.7.8 9 10\r\n"), 8, "not TCP4, TCP6 or UNKNOWN"},
    {BYTES("PROXY TCP5 1.2.3.4 5.6.7.8 9 10\r\n"), 10, "not TCP4, TCP6 or UNKNOWN"},
    {BYTES("PROXY TCP4\r\n"), 11, "not TCP4, TCP6 or UNKNOWN"},
    {BYTES("PROXY tcp4 1.2.3.4 5.6.7.8 9 10\r\n"), 7, "not TCP4, TCP6 or UNKNOWN"},
    {BYTES("PROXY UNKNOWNS\r\n"), 14, "not TCP4, TCP6 or UNKNOWN"},
    {BYTES("PROXY UNKNOWN\n"), 14, "not TCP4, TCP6 or UNKNOWN"},
    {BYTES("PROXY UNKNOWN\rX"), 15, "a CR without its LF"},
    {BYTES("PROXY UNKNOWN x\rX"), 17, "a CR without its LF"},
    {BYTES("PROXY UNKNOWN x\r\r\n"), 17, "a CR without its LF"},
    {BYTES("PROXY UNKNOWN x\n"), 16, "an LF without its CR"},
    /* addresses */
    {BYTES("PROXY TCP4  1.2.3.4 5.6.7.8 9 10\r\n"), 12, "not an IPv4 address"},
    {BYTES("PROXY TCP4 1.2.3.4  5.6.7.8 9 10\r\n"), 20, "not an IPv4 address"},
    {BYTES("PROXY TCP4 1.2.3 5.6.7.8 9 10\r\n"), 17, "not an IPv4 address"},
    {BYTES("PROXY TCP4 1.2.3.256 5.6.7.8 9 10\r\n"), 21, "not an IPv4 address"},
    {BYTES("PROXY TCP4 1.2.3.04 5.6.7.8 9 10\r\n"), 20, "not an IPv4 address"},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.08 9 10\r\n"), 28, "not an IPv4 address"},
    {BYTES("PROXY TCP4 1.2.3.4\0 5.6.7.8 9 10\r\n"), 19, "not an IPv4 address"},
    {BYTES("PROXY TCP4 ::1 ::1 9 10\r\n"), 12, "not an IPv4 address"},
    {BYTES("PROXY TCP4 1.2.3.4 ::1 9 10\r\n"), 20, "not an IPv4 address"},
    {BYTES("PROXY TCP4 localhost 5.6.7.8 9 10\r\n"), 12, "not an IPv4 address"},
    {BYTES("PROXY TCP4 0x1.2.3.4 5.6.7.8 9 10\r\n"), 13, "not an IPv4 address"},
    {BYTES("PROXY TCP4 1.2.3.4\r\n"), 19, "not an IPv4 address"},
    {BYTES("PROXY TCP4 255.255.255.2555 5.6.7.8 9 10\r\n"), 27, "not an IPv4 address"},
    {BYTES("PROXY TCP6 1.2.3.4 ::1 9 10\r\n"), 19, "not an IPv6 address"},
    {BYTES("PROXY TCP6 ::1 1.2.3.4 9 10\r\n"), 23, "not an IPv6 address"},
    {BYTES("PROXY TCP6 fe80::1%1 ::1 9 10\r\n"), 19, "not an IPv6 address"},
    {BYTES("PROXY TCP6 [::1] ::1 9 10\r\n"), 12, "not an IPv6 address"},
    {BYTES("PROXY TCP6 1::2::3 ::1 9 10\r\n"), 19, "not an IPv6 address"},
    {BYTES("PROXY TCP6 12345:: ::1 9 10\r\n"), 19, "not an IPv6 address"},
    {BYTES("PROXY TCP6 1:2:3:4:5:6:7 ::1 9 10\r\n"), 25, "not an IPv6 address"},
    {BYTES("PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 9 10\r\n"), 29, "not an IPv6 address"},
    {BYTES("PROXY TCP6  ::1 9 10\r\n"), 12, "not an IPv6 address"},
    {BYTES("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555 ::1 9 10\r\n"), 57,
     "not an IPv6 address"},
    /* ports */
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8  10\r\n"), 28, "not a port"},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 09 10\r\n"), 30, "not a port"},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 00 10\r\n"), 30, "not a port"},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 65536 10\r\n"), 33, "not a port"},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 99999 10\r\n"), 33, "not a port"},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 123456 10\r\n"), 33, "not a port"},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 +9 10\r\n"), 28, "not a port"},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 -9 10\r\n"), 28, "not a port"},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 9\r\n"), 29, "not a port"},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 9 \r\n"), 30, "not a port"},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 9 010\r\n"), 33, "not a port"},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 9 65536\r\n"), 35, "not a port"},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 9 10 \r\n"), 32, "not a port"},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 9 10 11\r\n"), 32, "not a port"},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 9 10\n"), 32, "not a port"},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\r\n"), 33, "a CR without its LF"},
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 9 10\rGET"), 33, "a CR without its LF"},
    /* 107 bytes and no end; an end behind them; an end across them */
    {BYTES(LONG_LINE "x"), 107, "no CR LF in the first 107 bytes"},
    {BYTES(LONG_LINE "x\r\n"), 107, "no CR LF in the first 107 bytes"},
    {BYTES(LONG_LINE "\r\n"), 107, "no CR LF in the first 107 bytes"},
    {BYTES(
         "PROXY TCP6 0000:0000:0000:0000:0000:ffff:192.168.100.100 0000:0000:0000:0000:0000:ffff:192.168.100.1 "
         "10000 1\r\n"),
     107, "no CR LF in the first 107 bytes"},
};

static const struct bad bad_v2[] = {
    {BYTES("\r\n\r\nGET / HTTP/1.1\r\n"), 5, "not a PROXY header"},
    {BYTES("\r\n\r\n\0\r\nQUIT\r"), 12, "not a PROXY header"},
    {BYTES("\n"), 1, "not a PROXY header"},
    {BYTES(SIGNATURE "\x11\x11\0\x0C" IPV4), 13, "an unknown version"},
    {BYTES(SIGNATURE "\x31\x11\0\x0C" IPV4), 13, "an unknown version"},
    {BYTES(SIGNATURE "\x01\x11\0\x0C" IPV4), 13, "an unknown version"},
    {BYTES(SIGNATURE "\x22\x11\0\x0C" IPV4), 13, "an unknown command"},
    {BYTES(SIGNATURE "\x2F\x11\0\x0C" IPV4), 13, "an unknown command"},
    {BYTES(SIGNATURE "\x21\x41\0\x0C" IPV4), 14, "an unknown address family"},
    {BYTES(SIGNATURE "\x21\xF0\0\x0C" IPV4), 14, "an unknown address family"},
    {BYTES(SIGNATURE "\x21\x13\0\x0C" IPV4), 14, "an unknown protocol"},
    {BYTES(SIGNATURE "\x21\x0F\0\x0C" IPV4), 14, "an unknown protocol"},
    {BYTES(SIGNATURE "\x21\x12\0\x0C" IPV4), 14, "for UDP, on TCP"},
    {BYTES(SIGNATURE "\x21\x22\0\x24" IPV6), 14, "for UDP, on TCP"},
    {BYTES(SIGNATURE "\x21\x32\0\xD8" A_108 A_108), 14, "for UDP, on TCP"},
    {BYTES(SIGNATURE "\x21\x02\0\0"), 14, "for UDP, on TCP"},
    {BYTES(SIGNATURE "\x21\x11\0\0"), 16, "too short for its addresses"},
    {BYTES(SIGNATURE "\x21\x11\0\x0B" IPV4), 16, "too short for its addresses"},
    {BYTES(SIGNATURE "\x21\x21\0\x23" IPV6), 16, "too short for its addresses"},
    {BYTES(SIGNATURE "\x21\x31\0\xD7" A_108 A_108), 16, "too short for its addresses"},
    {BYTES(SIGNATURE "\x21\x11\x3F\xF1" IPV4), 16, "longer than 16384 bytes"},
    {BYTES(SIGNATURE "\x21\x11\xFF\xFF" IPV4), 16, "longer than 16384 bytes"},
    {BYTES(SIGNATURE "\x20\x11\xFF\xFF" IPV4), 16, "longer than 16384 bytes"},
    /* TLVs */
    {BYTES(SIGNATURE "\x21\x11\0\x0D" IPV4 "\x04"), 29, "a TLV past the end of the header"},
    {BYTES(SIGNATURE "\x21\x11\0\x0E" IPV4 "\x04\0"), 30, "a TLV past the end of the header"},
    {BYTES(SIGNATURE "\x21\x11\0\x0F" IPV4 "\x04\0\x01x"), 31, "a TLV past the end of the header"},
    {BYTES(SIGNATURE "\x21\x11\0\x0F" IPV4 "\xFF\xFF\xFFx"), 31, "a TLV past the end of the header"},
    {BYTES(SIGNATURE "\x21\x21\0\x28" IPV6 "\x04\0\0\0"), 56, "a TLV past the end of the header"},
    {BYTES(SIGNATURE "\x21\x11\0\x12" IPV4 "\x01\0\x01h\x05\0"), 34, "a TLV past the end of the header"},
    {BYTES(SIGNATURE "\x21\x31\0\xD9" A_108 A_108 "x"), 233, "a TLV past the end of the header"},
    {BYTES(SIGNATURE "\x21\x11\0\x0F" IPV4 "\x03\0\0"), 31, "a malformed checksum"},
    {BYTES(SIGNATURE "\x21\x11\0\x12" IPV4 "\x03\0\x03\0\0\0"), 34, "a malformed checksum"},
    {BYTES(SIGNATURE "\x21\x11\0\x14" IPV4 "\x03\0\x05\0\0\0\0\0"), 36, "a malformed checksum"},
    {BYTES(SIGNATURE "\x21\x11\0\x13" IPV4 "\x03\0\x04\0\0\0\0"), 35, "a wrong checksum"},
    /* HAProxy's, with its lowest byte first */
    {BYTES(SIGNATURE "\x21\x11\0\x13\x7F\0\0\x01\x7F\0\0\x01\x92\x84\x71\xAE\x03\0\x04\x5F\x04\x37\x0A"), 35,
     "a wrong checksum"},
};

static const struct bad bad_datagrams[] = {
    {BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n"), 0, "version 1 is not allowed here"},
    {BYTES("GET / HTTP/1.1\r\n"), 0, "not a PROXY header"},
    {BYTES("P"), 0, "not a PROXY header"},
    {BYTES(SIGNATURE "\x21\x11\0\x0C" IPV4), 0, "for TCP, on UDP"},
    {BYTES(SIGNATURE "\x21\x21\0\x24" IPV6), 0, "for TCP, on UDP"},
    {BYTES(SIGNATURE "\x21\x31\0\xD8" A_108 A_108), 0, "for TCP, on UDP"},
    {BYTES(SIGNATURE "\x21\x12\0\x0D" IPV4 "\x04"), 0, "a TLV past the end of the header"},
};

static void assert_refused_early(const struct bad *bad, unsigned versions)
{
    struct proxy_header header;
    for (size_t length = 0; length < bad->bad_at; length++) {
        if (read_header(versions, false, bad->at, length, &header) != PROXY_MORE) {
            fail_msg("at %lu: %s, of %s", (unsigned long)length, header.problem, bad->at);
        }
    }
    for (size_t length = bad->bad_at; length < bad->length; length++) {
        assert_int_equal(read_header(versions, false, bad->at, length, &header), PROXY_BAD);
    }
    assert_bad(read_header(versions, false, bad->at, bad->length, &header), &header, bad->problem);
}

static void test_proxy_header__v1_is_refused_as_soon_as_it_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_v1); i++) {
        assert_refused_early(&bad_v1[i], PROXY_V1);
        assert_refused_early(&bad_v1[i], BOTH);
    }
}

static void test_proxy_header__v2_is_refused_as_soon_as_it_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_v2); i++) {
        assert_refused_early(&bad_v2[i], PROXY_V2);
        assert_refused_early(&bad_v2[i], BOTH);
    }
}

static void test_proxy_header__a_datagram_is_refused_with_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_datagrams); i++) {
        struct proxy_header header;
        assert_bad(read_header(BOTH, true, bad_datagrams[i].at, bad_datagrams[i].length, &header), &header,
                   bad_datagrams[i].problem);
    }
}

static void test_proxy_header__a_version_that_is_not_allowed_is_refused_at_its_first_byte(void **state)
{
    (void)state;
    struct proxy_header header;
    for (size_t length = 1; length < good_v1[0].length; length++) {
        assert_bad(read_header(PROXY_V2, false, good_v1[0].at, length, &header), &header,
                   length < 6 ? "not a PROXY header" : "version 1 is not allowed here");
    }
    for (size_t length = 1; length < good_v2[0].length; length++) {
        assert_bad(read_header(PROXY_V1, false, good_v2[0].at, length, &header), &header,
                   length < 12 ? "not a PROXY header" : "version 2 is not allowed here");
    }
    assert_more(read_header(PROXY_V1, false, "", 0, &header), &header);
    assert_more(read_header(PROXY_V2, false, "", 0, &header), &header);
    assert_bad(read_header(0, false, "", 0, &header), &header, "not a PROXY header");
}

/* The whole header of the greatest length, all but its addresses one TLV. */
static void test_proxy_header__takes_16_kilobytes_and_no_byte_more(void **state)
{
    (void)state;
    static char longest[PROXY_HEADER_MAX + 1];
    struct proxy_header header;
    const struct good start = {BYTES(SIGNATURE "\x21\x11\x3F\xF0" IPV4 "\xE0\x3F\xE1"), NULL, NULL};
    memcpy(longest, start.at, start.length);
    assert_more(read_header(BOTH, false, longest, PROXY_HEADER_MAX - 1, &header), &header);
    assert_done(read_header(BOTH, false, longest, PROXY_HEADER_MAX, &header), &header, PROXY_HEADER_MAX,
                IPV4_FROM, IPV4_TO);
    longest[15]++;
    longest[start.length - 1]++;
    assert_bad(read_header(BOTH, false, longest, PROXY_HEADER_MAX + 1, &header), &header,
               "longer than 16384 bytes");
}

/* Puts the sum over `length` bytes, which hold zeros for it, at `at + value`. */
static void put_sum(char *at, size_t length, size_t value)
{
    const uint32_t sum = crc32c_add(0, (const uint8_t *)at, length);
    for (unsigned i = 0; i < 4; i++) {
        at[value + i] = (char)(sum >> (24 - 8 * i));
    }
}

static void test_proxy_header__a_checksum_protects_every_byte(void **state)
{
    (void)state;
    static const char unsummed[] =
        SIGNATURE "\x21\x11\0\x1D" IPV4 "\x04\0\x01x\x03\0\x04\0\0\0\0\x02\0\x03www"; /* between two others */
    enum { SUM = 35, SUM_TYPE = 32, LENGTH = sizeof unsummed - 1 };
    struct proxy_header header;
    char summed[LENGTH];
    memcpy(summed, unsummed, LENGTH);
    put_sum(summed, LENGTH, SUM);
    assert_done(read_header(BOTH, false, summed, LENGTH, &header), &header, LENGTH, IPV4_FROM, IPV4_TO);
    for (size_t bit = (size_t)16 * 8; bit < (size_t)LENGTH * 8; bit++) {
        if (bit / 8 == SUM_TYPE) {
            continue; /* is no checksum then */
        }
        summed[bit / 8] = (char)(summed[bit / 8] ^ (1 << bit % 8));
        assert_int_equal(read_header(BOTH, false, summed, LENGTH, &header), PROXY_BAD);
        summed[bit / 8] = (char)(summed[bit / 8] ^ (1 << bit % 8));
    }
}

static void test_proxy_header__there_is_one_checksum_only(void **state)
{
    (void)state;
    static const char unsummed[] = SIGNATURE "\x21\x11\0\x1A" IPV4 "\x03\0\x04\0\0\0\0\x03\0\x04\0\0\0\0";
    enum { LENGTH = sizeof unsummed - 1 };
    struct proxy_header header;
    char summed[LENGTH];
    memcpy(summed, unsummed, LENGTH);
    put_sum(summed, LENGTH, 31);
    assert_bad(read_header(BOTH, false, summed, LENGTH, &header), &header, "a malformed checksum");
}

/* Changes, removes, doubles or inserts a byte or two. */
static size_t mutate(struct random *random, char *at, size_t length)
{
    for (uint32_t count = 1 + random_below(random, 2); count > 0 && length > 1; count--) {
        const size_t place = random_below(random, (uint32_t)length);
        switch (random_below(random, 4)) {
        case 0:
            at[place] = (char)random_next(random);
            break;
        case 1:
            at[place] = (char)(at[place] ^ (1 << random_below(random, 8)));
            break;
        case 2:
            memmove(at + place, at + place + 1, length - place - 1);
            length--;
            break;
        default:
            memmove(at + place + 1, at + place, length - place);
            length++;
            break;
        }
    }
    return length;
}

/* More bytes never take a decision back. Returns the last result. */
static enum proxy_result assert_steady(const char *at, size_t length)
{
    struct proxy_header header;
    enum proxy_result before = PROXY_MORE;
    size_t decided = 0;
    for (size_t i = 0; i <= length; i++) {
        const enum proxy_result result = read_header(BOTH, false, at, i, &header);
        assert_true(before == PROXY_MORE || result == before);
        decided = before == PROXY_MORE ? i : decided;
        assert_true(result != PROXY_DONE || header.length == decided);
        before = result;
    }
    return before;
}

static void test_proxy_header__stands_by_what_it_has_decided(void **state)
{
    (void)state;
    struct random random = {.state = 107};
    size_t counts[3] = {0};
    char bytes[512];
    for (size_t round = 0; round < 4000; round++) {
        const size_t i = random_below(&random, COUNT(good_v1) + COUNT(good_v2));
        const struct good *good = i < COUNT(good_v1) ? &good_v1[i] : &good_v2[i - COUNT(good_v1)];
        struct proxy_header header;
        memcpy(bytes, good->at, good->length);
        const size_t length = mutate(&random, bytes, good->length);
        counts[assert_steady(bytes, length)]++;
        assert_int_not_equal(read_header(BOTH, true, bytes, length, &header), PROXY_MORE);
    }
    assert_true(counts[PROXY_MORE] > 100 && counts[PROXY_DONE] > 100 && counts[PROXY_BAD] > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_test(test_proxy_header__v1_is_read_as_its_bytes_come),
        support_test(test_proxy_header__v2_is_read_as_its_bytes_come),
        support_test(test_proxy_header__ends_where_the_clients_bytes_begin),
        support_test(test_proxy_header__a_datagram_holds_all_of_it),
        support_test(test_proxy_header__v1_is_refused_as_soon_as_it_is_wrong),
        support_test(test_proxy_header__v2_is_refused_as_soon_as_it_is_wrong),
        support_test(test_proxy_header__a_datagram_is_refused_with_what_is_wrong),
        support_test(test_proxy_header__a_version_that_is_not_allowed_is_refused_at_its_first_byte),
        support_test(test_proxy_header__takes_16_kilobytes_and_no_byte_more),
        support_test(test_proxy_header__a_checksum_protects_every_byte),
        support_test(test_proxy_header__there_is_one_checksum_only),
        support_test(test_proxy_header__stands_by_what_it_has_decided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
