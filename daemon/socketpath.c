/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Every refusal is one line that names the path and what would do instead: at this moment there is
 * nobody else to tell.
 */

#include "socketpath.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base.h"

static int refuse(const char *path, const char *why)
{
        fprintf(stderr, "twmond: control socket %s: %s\n", path, why);
        return SOCKETPATH_REFUSED;
}

static int listen_at(struct control *control, const char *path)
{
        char why[128];
        int r = control_listen(control, path);

        if (r == 0)
                return 0;
        if (r == CONTROL_IN_USE)
                return refuse(path, "a running twmond answers there; stop it, or give --socket");
        if (r == -ENAMETOOLONG) {
                snprintf(why, sizeof(why), "%zu bytes long, expected at most %zu", strlen(path),
                         sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
                return refuse(path, why);
        }
        if (r == -EEXIST)
                return refuse(path, "something that is not a socket is in the way");
        return refuse(path, strerror(-r));
}

static int make_directory(const char *directory)
{
        if (mkdir(directory, 0755) < 0 && errno != EEXIST)
                return refuse(directory, strerror(errno));
        return 0;
}

int socketpath_listen(struct control *control, const char *path)
{
        const char *base = getuid() == 0 ? "/run" : getenv("XDG_RUNTIME_DIR");
        char directory[PATH_MAX], place[PATH_MAX + 16];
        int r;

        if (path)
                return listen_at(control, path);
        if (!base || base[0] != '/')
                return refuse("(none)", "XDG_RUNTIME_DIR is not set; give --socket PATH");
        if (snprintf(directory, sizeof(directory), "%s/twmon", base) >= (int)sizeof(directory))
                return refuse(base, "too long a directory; give --socket PATH");
        r = make_directory(directory);
        if (r != 0)
                return r;
        snprintf(place, sizeof(place), "%s/control", directory);
        return listen_at(control, place);
}

int socketpath_adopt_fd(struct control *control, int fd)
{
        char name[64];
        const int r = control_adopt(control, fd);

        if (r == 0)
                return 0;
        (void)close(fd);
        snprintf(name, sizeof(name), "(descriptor %d of the service manager)", fd);
        return refuse(name,
                      r == -EINVAL ? "expected a listening UNIX stream socket" : strerror(-r));
}
