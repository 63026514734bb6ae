/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Preloaded into twmond by the benchmark: how much of the CPU time of its scans is the kernel's. What
 * the system says (getrusage(2) and /proc) is sampled, at 250 ticks a second on many kernels, and a
 * scan takes a few. So the system calls of the thread that scans are timed: those that ask sock_diag
 * and read from it, and those that read files of /proc; on the clock of the thread's CPU time, which
 * stands still while another thread runs.
 *
 * The file named by BENCH_SHIM, of 16 bytes at least, holds the sum in nanoseconds since the start.
 * What a scan takes besides is user time. Asking that clock is a system call as well, and no work of
 * twmond's: what it takes outside of what is timed is measured at the start, and a second sum tells it.
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SCANNER     "twmond-scan"
#define NAME_BYTES  16 /* of a thread */
#define CALIBRATION 1000

struct sums {
        _Atomic uint64_t kernel_nsec;
        _Atomic uint64_t own_nsec;
};

static struct sums *sums;
static uint64_t own_nsec; /* of each call that is timed, what is not in its time */
static _Thread_local bool is_scanner;

static ssize_t (*next_recvmsg)(int fd, struct msghdr *msg, int flags);
static ssize_t (*next_recvfrom)(int fd, void *restrict buf, size_t len, int flags,
                                struct sockaddr *restrict addr, socklen_t *restrict addr_len);
static ssize_t (*next_sendto)(int fd, const void *buf, size_t len, int flags,
                              const struct sockaddr *addr, socklen_t addr_len);
static ssize_t (*next_pread)(int fd, void *buf, size_t len, off_t offset);
static int (*next_open)(const char *path, int flags, ...);
static int (*next_close)(int fd);

static uint64_t cpu_nsec(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t measure_own(void)
{
        const uint64_t began_nsec = cpu_nsec();
        uint64_t timed_nsec = 0;

        for (unsigned i = 0; i < CALIBRATION; i++) {
                const uint64_t call_nsec = cpu_nsec();

                timed_nsec += cpu_nsec() - call_nsec;
        }
        return (cpu_nsec() - began_nsec - timed_nsec) / CALIBRATION;
}

static void *find(const char *name)
{
        void *function = dlsym(RTLD_NEXT, name);

        if (!function)
                abort();
        return function;
}

/* Before main(), or for another library's constructor: no thread has begun. */
__attribute__((constructor)) static void begin(void)
{
        const char *path = getenv("BENCH_SHIM");
        int fd;
        void *map;

        if (sums)
                return;
        *(void **)&next_recvmsg = find("recvmsg");
        *(void **)&next_recvfrom = find("recvfrom");
        *(void **)&next_sendto = find("sendto");
        *(void **)&next_pread = find("pread");
        *(void **)&next_open = find("open");
        *(void **)&next_close = find("close");
        fd = path ? next_open(path, O_RDWR | O_CLOEXEC) : -1;
        map = fd < 0 ? MAP_FAILED
                     : mmap(NULL, sizeof(*sums), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
                abort();
        (void)next_close(fd);
        sums = map;
        own_nsec = measure_own();
}

/* 0: another thread, whose calls are not timed. A thread gets its name after it has begun. */
static uint64_t start(void)
{
        char name[NAME_BYTES];

        begin();
        if (!is_scanner) {
                if (prctl(PR_GET_NAME, name) < 0 || strcmp(name, SCANNER) != 0)
                        return 0;
                is_scanner = true;
        }
        return cpu_nsec();
}

static ssize_t add(uint64_t began_nsec, ssize_t result)
{
        if (began_nsec > 0)
                (void)atomic_fetch_add(&sums->kernel_nsec, cpu_nsec() - began_nsec);
        if (began_nsec > 0)
                (void)atomic_fetch_add(&sums->own_nsec, own_nsec);
        return result;
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
        const uint64_t began_nsec = start();

        return add(began_nsec, next_recvmsg(fd, msg, flags));
}

ssize_t recvfrom(int fd, void *restrict buf, size_t len, int flags, struct sockaddr *restrict addr,
                 socklen_t *restrict addr_len)
{
        const uint64_t began_nsec = start();

        return add(began_nsec, next_recvfrom(fd, buf, len, flags, addr, addr_len));
}

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
        return recvfrom(fd, buf, len, flags, NULL, NULL);
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
               socklen_t addr_len)
{
        const uint64_t began_nsec = start();

        return add(began_nsec, next_sendto(fd, buf, len, flags, addr, addr_len));
}

ssize_t pread(int fd, void *buf, size_t len, off_t offset)
{
        const uint64_t began_nsec = start();

        return add(began_nsec, next_pread(fd, buf, len, offset));
}

int open(const char *path, int flags, ...)
{
        const uint64_t began_nsec = start();
        va_list args;
        mode_t mode;

        va_start(args, flags);
        mode = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t) : 0;
        va_end(args);
        return (int)add(began_nsec, next_open(path, flags, mode));
}

int close(int fd)
{
        const uint64_t began_nsec = start();

        return (int)add(began_nsec, next_close(fd));
}
