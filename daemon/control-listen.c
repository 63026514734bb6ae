/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A socket file outlives a daemon that was killed, and bind() refuses to reuse it. Whether somebody
 * serves it is asked with connect(): only the living accept connections (a stopped daemon's backlog
 * does too, and it is not to be robbed either). Refused means dead, and the file is unlinked.
 *
 * Two daemons that start at the same moment could each find the same dead file, and the slower
 * would unlink the faster one's new socket. A lock on the directory is held meanwhile. It is
 * advice, and anybody who may open the directory can hold it, so it is waited for a second and no
 * longer.
 */

#include "control-listen.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base.h"
#include "control.h"

static int socket_new(void)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        return fd < 0 ? -errno : fd;
}

/* 0: the file can go; CONTROL_IN_USE; -EEXIST: something else than a stream socket. */
static int probe(const struct sockaddr_un *address)
{
        CLEANUP(close_fdp) int fd = socket_new();
        struct stat st;

        if (fd < 0)
                return fd;
        if (lstat(address->sun_path, &st) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISSOCK(st.st_mode))
                return -EEXIST;

        if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
                return CONTROL_IN_USE;
        switch (errno) {
        case EAGAIN:
                return CONTROL_IN_USE;
        case ECONNREFUSED:
        case ENOENT:
                return 0;
        case EPROTOTYPE:
                return -EEXIST;
        default:
                return -errno;
        }
}

static int bind_once(int fd, const struct sockaddr_un *address)
{
        return bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
}

static int bind_or_replace(int fd, const struct sockaddr_un *address)
{
        int r = bind_once(fd, address);

        if (r != -EADDRINUSE)
                return r;
        r = probe(address);
        if (r != 0)
                return r;
        if (unlink(address->sun_path) < 0 && errno != ENOENT)
                return -errno;
        return bind_once(fd, address);
}

/* The directory's descriptor, locked if that was possible; -1 where it cannot be opened. */
static int lock_directory(const char *path)
{
        const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
        char copy[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
        int fd;

        strcpy(copy, path); /* fits: the caller checked */
        fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (unsigned i = 0; fd >= 0 && i < LISTENER_LOCK_TRIES; i++) {
                if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
                        break;
                (void)nanosleep(&pause, NULL);
        }
        return fd;
}

/* Remembers which file the bound socket is. */
static int publish(struct listener *listener)
{
        struct stat st;

        if (listen(listener->fd, LISTENER_BACKLOG) < 0 || lstat(listener->path, &st) < 0)
                return -errno;
        listener->device = st.st_dev;
        listener->inode = st.st_ino;
        return 0;
}

int listener_bind(const char *path, struct listener *ret_listener)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        CLEANUP(close_fdp) int fd = -1, lock = -1;
        struct listener listener = { 0 };
        mode_t before;
        int r;

        if (path[0] == '\0')
                return -EINVAL;
        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);

        fd = socket_new();
        if (fd < 0)
                return fd;
        lock = lock_directory(path);
        /* Reading is for everybody. By umask: a chmod() of the path could meet another file there. */
        before = umask(0111);
        r = bind_or_replace(fd, &address);
        (void)umask(before);
        if (r != 0)
                return r;

        listener.fd = fd;
        listener.path = strdup(path);
        r = listener.path ? publish(&listener) : -ENOMEM;
        if (r < 0) {
                free(listener.path);
                return r;
        }
        (void)TAKE_FD(fd);
        *ret_listener = listener;
        return 0;
}

static bool socket_option_is(int fd, int option, int expected)
{
        socklen_t len = sizeof(int);
        int value;

        return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 && value == expected;
}

int listener_adopt(int fd, struct listener *ret_listener)
{
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0)
                return -errno;
        if (!socket_option_is(fd, SO_DOMAIN, AF_UNIX) ||
            !socket_option_is(fd, SO_TYPE, SOCK_STREAM) || !socket_option_is(fd, SO_ACCEPTCONN, 1))
                return -EINVAL;
        if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
                return -errno;

        *ret_listener = (struct listener){ .fd = fd };
        return 0;
}

int listener_accept(int listener, int *ret_fd, uid_t *ret_uid)
{
        CLEANUP(close_fdp) int fd = -1;
        struct ucred peer = { 0 };
        socklen_t len = sizeof(peer);

        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
                return -errno;
        *ret_uid = peer.uid;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

void listener_unlink(struct listener *listener)
{
        struct stat st;

        if (listener->path && lstat(listener->path, &st) == 0 && st.st_dev == listener->device &&
            st.st_ino == listener->inode)
                (void)unlink(listener->path);
        free(listener->path);
        listener->path = NULL;
}

void listener_done(struct listener *listener)
{
        sd_event_source_disable_unref(listener->source);
        listener_unlink(listener);
        (void)close(listener->fd);
        *listener = (struct listener){ .fd = -1 };
}
