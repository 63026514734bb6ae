/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The listening end of the control socket: made at a path, or taken over from the service manager.
 */

#include <sys/types.h>
#include <systemd/sd-event.h>

#define LISTENER_BACKLOG    128
#define LISTENER_LOCK_TRIES 100 /* 10 ms apart */

struct listener {
        int fd;
        sd_event_source *source;
        char *path; /* NULL: not ours to unlink */
        dev_t device;
        ino_t inode;
};

/* Outcomes as those of control_listen(). */
int listener_bind(const char *path, struct listener *ret_listener);
/* Takes over fd on success: -EINVAL where it is no listening UNIX stream socket. */
int listener_adopt(int fd, struct listener *ret_listener);
/* One connection and who is at its other end, read once. 0, or -errno: -EAGAIN where none waits. */
int listener_accept(int listener, int *ret_fd, uid_t *ret_uid);
/* Unlinks the path while it still names this socket, which goes on; once. */
void listener_unlink(struct listener *listener);
/* The same, and closes it. */
void listener_done(struct listener *listener);
