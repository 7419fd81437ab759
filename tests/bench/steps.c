/* SPDX-License-Identifier: MIT
   Counts the instructions that a running program executes in its own image, and all of them: steps PROCESS FROM TO, with
   the image's addresses in hexadecimal. Each thread that the program has at the beginning is stepped: for Linux on x86-64,
   slow (some 10,000 steps a second), exact, and without the counters that a virtual machine keeps to itself. Prints
   "ready", and "OWN ALL" for each line of its standard input, until that ends. */
#define _GNU_SOURCE 1
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS_MAX = 64, LOOK_EVERY = 1000 /* steps between two looks */ };

static struct {
    pid_t threads[THREADS_MAX];
    size_t count;
    uintptr_t from, to;
    uint64_t own, all;
} steps;

static void must(bool is_well, const char *what)
{
    if (!is_well) {
        fprintf(stderr, "steps: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static void seize(const char *process)
{
    char folder[64];
    snprintf(folder, sizeof folder, "/proc/%s/task", process);
    DIR *directory = opendir(folder);
    must(directory != NULL, folder);
    for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        const pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
        if (thread > 0 && steps.count < THREADS_MAX) {
            must(ptrace(PTRACE_SEIZE, thread, NULL, NULL) == 0, "PTRACE_SEIZE");
            must(ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) == 0, "PTRACE_INTERRUPT");
            steps.threads[steps.count++] = thread;
        }
    }
    closedir(directory);
}

static void count(pid_t thread)
{
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, thread, NULL, &registers) == 0) {
        steps.all++;
        steps.own += registers.rip >= steps.from && registers.rip < steps.to;
    }
}

/* What is on the standard input: a line asks for the counts so far. False: it has ended. */
static bool answer(void)
{
    struct pollfd input = {.fd = 0, .events = POLLIN};
    char line[8];
    if (poll(&input, 1, 0) <= 0) {
        return true;
    }
    if (read(0, line, sizeof line) <= 0) {
        return false;
    }
    printf("%llu %llu\n", (unsigned long long)steps.own, (unsigned long long)steps.all);
    fflush(stdout);
    return true;
}

/* One stop of one thread: a step is counted, a signal handed on. */
static void go_on(pid_t thread, int status)
{
    int signal = WSTOPSIG(status);
    if (signal == SIGTRAP || status >> 16 != 0) {
        if (status >> 16 == 0) {
            count(thread);
        }
        signal = 0;
    }
    ptrace(PTRACE_SINGLESTEP, thread, NULL, (void *)(uintptr_t)signal);
}

static void wake(int signal)
{
    (void)signal; /* it ends waitpid */
}

static void wake_now_and_then(void)
{
    const struct sigaction action = {.sa_handler = wake};
    const struct itimerval often = {.it_interval = {.tv_usec = 50000}, .it_value = {.tv_usec = 50000}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
}

static void step(void)
{
    for (unsigned stops = 1;; stops++) {
        int status = 0;
        const pid_t thread = waitpid(-1, &status, __WALL);
        if (thread > 0 && WIFSTOPPED(status)) {
            go_on(thread, status);
        }
        if ((thread <= 0 || stops % LOOK_EVERY == 0) && !answer()) {
            return;
        }
    }
}

int main(int argument_count, char **arguments)
{
    if (argument_count != 4) {
        fputs("usage: steps PROCESS FROM TO\n", stderr);
        return 2;
    }
    steps.from = strtoull(arguments[2], NULL, 16);
    steps.to = strtoull(arguments[3], NULL, 16);
    seize(arguments[1]);
    puts("ready");
    fflush(stdout);
    wake_now_and_then();
    step(); /* its end lets the threads go */
    return 0;
}
