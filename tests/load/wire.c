/* SPDX-License-Identifier: MIT
   Shared by the modes of the load client, see wire.h. */
#define _GNU_SOURCE
#include "wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "options.h"

enum { TOLD_ERRORS = 10 };

static unsigned long errors;

double wire_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

void wire_tell(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (errors++ < TOLD_ERRORS) {
        fputs("load: ", stderr);
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
    }
    va_end(arguments);
}

unsigned long wire_errors(void)
{
    return errors;
}

int wire_socket(int type, int flags, long number)
{
    static const int on = 1;
    struct sockaddr_in source = {.sin_family = AF_INET};
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(number % options.sources));
    const int fd = socket(AF_INET, type | flags | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    if (type == SOCK_STREAM) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    }
    if (bind(fd, (const struct sockaddr *)&source, sizeof source) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int wire_connect(int fd)
{
    const int result = connect(fd, (const struct sockaddr *)&options.server, sizeof options.server);
    return result != 0 && errno == EINPROGRESS ? 0 : result;
}

int wire_error(int fd)
{
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    return error;
}

void wire_harden(int fd)
{
    const struct linger hard = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

void wire_allow(long sockets)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < (rlim_t)sockets + 20) {
        options_refuse("too many clients for", "the limit of open files");
    }
}

void *wire_array(size_t count, size_t size)
{
    void *array = calloc(count, size);
    if (array == NULL) {
        perror("load");
        exit(1);
    }
    return array;
}
