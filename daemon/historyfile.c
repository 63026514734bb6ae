/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Only what touches the disk: opening, locking and setting aside, and bytes at an offset. What they
 * mean is lib/historyheader.c's and lib/historyrings.c's.
 */

#include "historyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base.h"
#include "fdio.h"
#include "historyrings.h"

#define FILE_WRONG 1

/* What a file is called that is not to be written to, and why. */
struct fault {
        const char *suffix;
        const char *what;
};

static const struct fault faults[] = {
        [HISTORY_FOREIGN] = { "foreign", "not a history file" },
        [HISTORY_DAMAGED] = { "damaged", "damaged (checksum)" },
        [HISTORY_NEWER] = { "newer", "of a later version" },
        [HISTORY_MISFIT] = { "damaged", "damaged (size)" },
        [HISTORY_ELSEWHERE] = { "foreign", "of another network namespace" },
};

/* ---- bytes ---- */

/* What is left belongs to the alerts, whose state is written anew beside its place. */
static bool has_room(int fd)
{
        struct statvfs disk;

        return fstatvfs(fd, &disk) < 0 ||
               (uint64_t)disk.f_bavail * disk.f_frsize >= HISTORYFILE_LEFT_BYTES;
}

static int write_at(int fd, const void *data, size_t len, off_t offset)
{
        return has_room(fd) ? fd_write_at(fd, data, len, offset) : -ENOSPC;
}

/* ---- the header ---- */

static int write_header(const struct history_file *file)
{
        uint8_t header[HISTORY_HEADER_BYTES];

        history_header_write(&file->origin, header);
        return write_at(file->fd, header, sizeof(header), 0);
}

/* 0, FILE_WRONG and why, or -errno. */
static int check_header(const struct history_file *file, const struct fault **ret_fault)
{
        uint8_t header[HISTORY_HEADER_BYTES];
        const ssize_t n = fd_read_at(file->fd, header, sizeof(header), 0);
        enum history_verdict verdict;
        struct stat st;

        if (n < 0)
                return (int)n;
        if (fstat(file->fd, &st) < 0)
                return -errno;
        verdict = history_header_judge(header, (size_t)n, (uint64_t)st.st_size, &file->origin);
        if (verdict == HISTORY_OURS || verdict == HISTORY_EMPTY)
                return 0;
        *ret_fault = &faults[verdict];
        return FILE_WRONG;
}

/* ---- the file ---- */

void history_file_close(struct history_file *file)
{
        if (file->fd >= 0)
                (void)close(file->fd);
        file->fd = -1;
}

static int open_and_lock(struct history_file *file, int dirfd)
{
        struct stat st;

        file->fd = openat(dirfd, HISTORYFILE_NAME,
                          O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
        if (file->fd < 0)
                return -errno;
        if (flock(file->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
                return -EBUSY;
        if (fstat(file->fd, &st) < 0)
                return -errno;
        return S_ISREG(st.st_mode) ? 0 : FILE_WRONG;
}

/* Out of the way, and said. */
static int set_aside(struct history_file *file, int dirfd, const struct fault *fault,
                     char note[static HISTORYFILE_NOTE])
{
        char name[32];

        history_file_close(file);
        snprintf(name, sizeof(name), HISTORYFILE_NAME ".%s", fault->suffix);
        if (renameat(dirfd, HISTORYFILE_NAME, dirfd, name) < 0)
                return -errno;
        snprintf(note, HISTORYFILE_NOTE,
                 "%.256s/" HISTORYFILE_NAME ": %s, kept as %s; the history begins anew", file->dir,
                 fault->what, name);
        return 0;
}

static int open_in(struct history_file *file, int dirfd, char note[static HISTORYFILE_NOTE])
{
        const struct fault *fault = &faults[HISTORY_FOREIGN];
        int r = open_and_lock(file, dirfd);

        if (r == -ELOOP || r == -ENXIO || r == -EISDIR)
                r = FILE_WRONG;
        if (r == 0)
                r = check_header(file, &fault);
        if (r == FILE_WRONG) {
                r = set_aside(file, dirfd, fault, note);
                if (r == 0)
                        r = open_and_lock(file, dirfd);
        }
        return r < 0 ? r : write_header(file); /* which boot it is now */
}

/* It has been removed, or something else has taken its place. */
static bool has_moved(const struct history_file *file)
{
        struct stat st;

        return fstat(file->fd, &st) < 0 || st.st_nlink == 0;
}

int history_file_open(struct history_file *file, char ret_note[static HISTORYFILE_NOTE])
{
        CLEANUP(close_fdp) int dirfd = -1;
        int r;

        ret_note[0] = '\0';
        if (file->fd >= 0 && !has_moved(file))
                return 0;
        history_file_close(file);
        dirfd = open(file->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dirfd < 0)
                return -errno;
        r = open_in(file, dirfd, ret_note);
        if (r != 0)
                history_file_close(file);
        return r;
}

/* ---- rows ---- */

static int read_rows(void *userdata, uint64_t offset, uint8_t *data, size_t len)
{
        const struct history_file *file = userdata;
        const ssize_t n = fd_read_at(file->fd, data, len, (off_t)offset);

        if (n < 0)
                return (int)n;
        memset(data + n, 0, len - (size_t)n);
        return 0;
}

static int write_rows(void *userdata, uint64_t offset, const uint8_t *data, size_t len)
{
        const struct history_file *file = userdata;

        return write_at(file->fd, data, len, (off_t)offset);
}

static struct history_io io_of(struct history_file *file)
{
        return (struct history_io){ .read = read_rows, .write = write_rows, .userdata = file };
}

int history_file_put(struct history_file *file, const struct history_row *minute)
{
        const struct history_io io = io_of(file);

        return history_rings_put(&io, minute);
}

int history_file_read(struct history_file *file, uint64_t until_sec, struct history_series *series)
{
        const struct history_io io = io_of(file);

        return history_rings_read(&io, until_sec, series);
}
