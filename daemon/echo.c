/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "echo.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base.h"

/*
 * The service manager says which device and inode it has connected stderr to, if that is the
 * journal (systemd.exec(5), $JOURNAL_STREAM).
 */
static bool is_journal_stream(const struct stat *st)
{
        const char *text = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;

        return text && sscanf(text, "%llu:%llu", &device, &inode) == 2 && st->st_dev == device &&
               st->st_ino == inode;
}

bool echo_has_readers(void)
{
        struct stat st;

        if (fstat(STDERR_FILENO, &st) < 0 || is_journal_stream(&st))
                return false;
        return !S_ISCHR(st.st_mode) || isatty(STDERR_FILENO);
}

static const char *priority_word(int priority)
{
        if (priority == LOG_ERR)
                return "error: ";
        return priority == LOG_WARNING ? "warning: " : ""; /* a critical alert says so itself */
}

int echo_line(int priority, const char *message)
{
        struct pollfd stderr_fd = { .fd = STDERR_FILENO, .events = POLLOUT };
        CLEANUP(free_text) char *line = NULL;
        ssize_t written;
        int len;

        if (poll(&stderr_fd, 1, 0) != 1 || !(stderr_fd.revents & POLLOUT))
                return -EAGAIN;
        len = asprintf(&line, "twmond: %s%s\n", priority_word(priority), message);
        if (len < 0) {
                line = NULL;
                return -ENOMEM;
        }
        written = write(STDERR_FILENO, line, (size_t)len);
        if (written < 0)
                return -errno;
        return written == len ? 0 : -EIO;
}
