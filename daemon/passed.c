/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Names decide: what bears none of ours is a socket, whatever its unit called it, and is refused
 * where it is none, since somebody has configured that. A manager too old for names passes no memory
 * files, either.
 */

#include "passed.h"

#include <string.h>
#include <systemd/sd-daemon.h>

#include "base.h"
#include "socketpath.h"

static bool is_stored(const char *name)
{
        return strncmp(name, STATE_FDNAME_PREFIX, strlen(STATE_FDNAME_PREFIX)) == 0;
}

static void take(struct state *state, struct passed *passed, int fd, const char *name)
{
        if (is_stored(name)) {
                if (!state || !state_adopt(state, fd, name))
                        (void)close(fd);
        } else if (passed->n < PASSED_SOCKETS_MAX) {
                passed->sockets[passed->n++] = fd;
        } else {
                (void)close(fd);
        }
}

void passed_take(struct state *state, struct passed *ret_passed)
{
        char **names = NULL;
        const int n_names = sd_listen_fds_with_names(0, &names);
        const int n = sd_listen_fds(1);

        *ret_passed = (struct passed){ .n = 0 };
        for (int i = 0; i < n; i++)
                take(state, ret_passed, SD_LISTEN_FDS_START + i, i < n_names ? names[i] : "");
        for (int i = 0; i < n_names; i++)
                free(names[i]);
        free(names);
}

int passed_listen(struct passed *passed, struct control *control, const char *path)
{
        int r = 0;

        if (passed->n == 0)
                return socketpath_listen(control, path);
        for (size_t i = 0; i < passed->n && r == 0; i++)
                r = socketpath_adopt_fd(control, TAKE_FD(passed->sockets[i]));
        passed_done(passed);
        return r;
}

void passed_done(struct passed *passed)
{
        for (size_t i = 0; i < passed->n; i++)
                close_fdp(&passed->sockets[i]);
        passed->n = 0;
}
