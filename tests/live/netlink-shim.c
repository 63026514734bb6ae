/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Preloaded into twmond by tests: stands between it and the kernel's sock_diag and lets go wrong
 * what a healthy kernel never does. The file named by NETLINK_SHIM holds one word, read at each
 * call:
 *
 *   pass           nothing
 *   enoent         every dump is answered with ENOENT, as by a kernel without tcp_diag
 *   refuse-legacy  TCPDIAG_GETSOCK is answered with EINVAL, the modern requests are served
 *   refuse-one     questions about one socket are answered with ENOMEM
 *   interrupt      every message says NLM_F_DUMP_INTR
 *   cut            every datagram loses its last 20 bytes
 *   garble         the first message of every datagram is of an unknown address family
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TCPDIAG_GETSOCK 18

ssize_t recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
               socklen_t addr_len);

static _Thread_local uint16_t last_request, last_flags;

static void read_word(char word[static 32])
{
        const char *path = getenv("NETLINK_SHIM");
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        ssize_t n = fd < 0 ? 0 : read(fd, word, 31);

        if (fd >= 0)
                (void)close(fd);
        word[n > 0 ? n : 0] = '\0';
        word[strcspn(word, "\n")] = '\0';
}

static bool is_sock_diag(int fd)
{
        int domain = 0, protocol = 0;
        socklen_t len = sizeof(int);

        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 || domain != AF_NETLINK)
                return false;
        len = sizeof(int);
        return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) == 0 &&
               protocol == NETLINK_SOCK_DIAG;
}

static ssize_t answer_error(struct msghdr *msg, int error)
{
        struct nlmsghdr *nlh = msg->msg_iov[0].iov_base;

        nlh->nlmsg_type = NLMSG_ERROR;
        nlh->nlmsg_len = NLMSG_LENGTH(sizeof(error));
        memcpy(NLMSG_DATA(nlh), &error, sizeof(error));
        return (ssize_t)nlh->nlmsg_len;
}

static void mark_interrupted(struct msghdr *msg, ssize_t n)
{
        struct nlmsghdr *nlh = msg->msg_iov[0].iov_base;

        for (int left = (int)n; NLMSG_OK(nlh, left); nlh = NLMSG_NEXT(nlh, left))
                nlh->nlmsg_flags |= NLM_F_DUMP_INTR;
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
               socklen_t addr_len)
{
        ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) =
                (ssize_t(*)(int, const void *, size_t, int, const struct sockaddr *,
                            socklen_t))dlsym(RTLD_NEXT, "sendto");

        if (is_sock_diag(fd) && len >= sizeof(struct nlmsghdr)) {
                last_request = ((const struct nlmsghdr *)buf)->nlmsg_type;
                last_flags = ((const struct nlmsghdr *)buf)->nlmsg_flags;
        }
        return real(fd, buf, len, flags, addr, addr_len);
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
        ssize_t (*real)(int, struct msghdr *, int) =
                (ssize_t(*)(int, struct msghdr *, int))dlsym(RTLD_NEXT, "recvmsg");
        char word[32];
        ssize_t n;

        if (!is_sock_diag(fd))
                return real(fd, msg, flags);
        n = real(fd, msg, flags);
        if (n <= 0)
                return n;
        read_word(word);
        if (strcmp(word, "enoent") == 0)
                return answer_error(msg, -ENOENT);
        if (strcmp(word, "refuse-legacy") == 0 && last_request == TCPDIAG_GETSOCK)
                return answer_error(msg, -EINVAL);
        if (strcmp(word, "refuse-one") == 0 && !(last_flags & NLM_F_DUMP))
                return answer_error(msg, -ENOMEM);
        if (strcmp(word, "interrupt") == 0)
                mark_interrupted(msg, n);
        if (strcmp(word, "garble") == 0 && n > (ssize_t)NLMSG_HDRLEN)
                ((char *)msg->msg_iov[0].iov_base)[NLMSG_HDRLEN] = 99;
        if (strcmp(word, "cut") == 0)
                n -= 20;
        return n;
}
