/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Preloaded into twmond by the benchmark: how much of the CPU time of its dumps is the kernel's. What
 * the system says (getrusage(2) and /proc) is sampled, at 250 ticks a second on many kernels, and a
 * scan takes a few. So each system call that asks sock_diag or reads from it is timed, on the clock
 * of its thread's CPU time, which stands still while another thread runs.
 *
 * The file named by BENCH_SHIM, of 8 bytes at least, holds the sum in nanoseconds since the start.
 * What a scan takes besides is user time and, a little, the kernel's for files of /proc.
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

ssize_t recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t recv(int fd, void *buf, size_t len, int flags);
ssize_t recvfrom(int fd, void *restrict buf, size_t len, int flags, struct sockaddr *restrict addr,
                 socklen_t *restrict addr_len);
ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
               socklen_t addr_len);

static _Atomic uint64_t *sum_nsec;
static ssize_t (*next_recvmsg)(int fd, struct msghdr *msg, int flags);
static ssize_t (*next_recvfrom)(int fd, void *restrict buf, size_t len, int flags,
                                struct sockaddr *restrict addr, socklen_t *restrict addr_len);
static ssize_t (*next_sendto)(int fd, const void *buf, size_t len, int flags,
                              const struct sockaddr *addr, socklen_t addr_len);

/* Before main(): no thread has begun. */
__attribute__((constructor)) static void begin(void)
{
        const char *path = getenv("BENCH_SHIM");
        int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
        void *map =
                fd < 0 ? MAP_FAILED
                       : mmap(NULL, sizeof(*sum_nsec), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        if (map == MAP_FAILED)
                abort();
        (void)close(fd);
        sum_nsec = map;
        *(void **)&next_recvmsg = dlsym(RTLD_NEXT, "recvmsg");
        *(void **)&next_recvfrom = dlsym(RTLD_NEXT, "recvfrom");
        *(void **)&next_sendto = dlsym(RTLD_NEXT, "sendto");
}

static uint64_t cpu_nsec(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int is_netlink(int fd)
{
        int domain = 0;
        socklen_t len = sizeof(domain);

        return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_NETLINK;
}

static ssize_t add(uint64_t began_nsec, int fd, ssize_t result)
{
        const uint64_t taken_nsec = cpu_nsec() - began_nsec;

        if (is_netlink(fd))
                (void)atomic_fetch_add(sum_nsec, taken_nsec);
        return result;
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
        const uint64_t began_nsec = cpu_nsec();

        return add(began_nsec, fd, next_recvmsg(fd, msg, flags));
}

ssize_t recvfrom(int fd, void *restrict buf, size_t len, int flags, struct sockaddr *restrict addr,
                 socklen_t *restrict addr_len)
{
        const uint64_t began_nsec = cpu_nsec();

        return add(began_nsec, fd, next_recvfrom(fd, buf, len, flags, addr, addr_len));
}

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
        return recvfrom(fd, buf, len, flags, NULL, NULL);
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
               socklen_t addr_len)
{
        const uint64_t began_nsec = cpu_nsec();

        return add(began_nsec, fd, next_sendto(fd, buf, len, flags, addr, addr_len));
}
