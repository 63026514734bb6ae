/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Ten minutes are added up anew from the minutes in the file with each of them, so no part of them
 * has to be remembered, and a restart in between is no matter.
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
#include "bytes.h"

#define MINUTES_PER_TEN (HISTORY_TEN_SEC / HISTORY_MINUTE_SEC)
#define CHECKED_BYTES   40 /* of the header; the checksum follows */
#define FILE_FRESH      1
#define FILE_WRONG      2

static const uint8_t magic[8] = "twmonHIS";

/* One of both rings. */
struct ring {
        off_t start;
        uint32_t rows;
        uint32_t row_sec;
};

static const struct ring minutes = { HISTORYFILE_HEADER, HISTORY_MINUTES, HISTORY_MINUTE_SEC };
static const struct ring tens = { HISTORYFILE_HEADER + HISTORY_MINUTES * HISTORY_ROW_BYTES,
                                  HISTORY_TENS, HISTORY_TEN_SEC };

/* How a header is wrong, and what the file is then called. */
struct verdict {
        const char *suffix;
        const char *what;
};

/* ---- bytes ---- */

/* How many there were, or -errno. */
static ssize_t read_at(int fd, void *data, size_t len, off_t offset)
{
        size_t done = 0;

        while (done < len) {
                const ssize_t n =
                        pread(fd, (uint8_t *)data + done, len - done, offset + (off_t)done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                done += (size_t)n;
        }
        return (ssize_t)done;
}

/* What is left belongs to the alerts, whose state is written anew beside its place. */
static bool has_room(int fd)
{
        struct statvfs disk;

        return fstatvfs(fd, &disk) < 0 ||
               (uint64_t)disk.f_bavail * disk.f_frsize >= HISTORYFILE_LEFT_BYTES;
}

static int write_at(int fd, const void *data, size_t len, off_t offset)
{
        size_t done = 0;

        if (!has_room(fd))
                return -ENOSPC;
        while (done < len) {
                const ssize_t n =
                        pwrite(fd, (const uint8_t *)data + done, len - done, offset + (off_t)done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -ENOSPC;
                done += (size_t)n;
        }
        return 0;
}

/* ---- the header ---- */

static int write_header(const struct history_file *file)
{
        uint8_t header[HISTORYFILE_HEADER] = { 0 };

        memcpy(header, magic, sizeof(magic));
        bytes_put_le(header + 8, HISTORYFILE_VERSION, 4);
        bytes_put_le(header + 12, HISTORY_ROW_BYTES, 4);
        memcpy(header + 16, file->boot_id, HISTORYFILE_BOOT_ID);
        bytes_put_le(header + 32, file->netns, 8);
        bytes_put_le(header + CHECKED_BYTES, bytes_checksum(header, CHECKED_BYTES), 4);
        return write_at(file->fd, header, sizeof(header), 0);
}

/* Namespaces are told apart by number within one boot alone. */
static bool is_of_other_netns(const struct history_file *file, const uint8_t *header)
{
        const uint64_t netns = bytes_get_le(header + 32, 8);

        return netns != 0 && file->netns != 0 && netns != file->netns &&
               memcmp(header + 16, file->boot_id, HISTORYFILE_BOOT_ID) == 0;
}

/* 0, FILE_FRESH: there is nothing in it; FILE_WRONG, or -errno. */
static int check_header(const struct history_file *file, struct verdict *ret_verdict)
{
        uint8_t header[HISTORYFILE_HEADER];
        const ssize_t n = read_at(file->fd, header, sizeof(header), 0);
        struct stat st;

        if (n < 0)
                return (int)n;
        if (n == 0)
                return FILE_FRESH;
        if (fstat(file->fd, &st) < 0)
                return -errno;
        if (n < (ssize_t)sizeof(magic) || memcmp(header, magic, sizeof(magic)) != 0)
                *ret_verdict = (struct verdict){ "foreign", "not a history file" };
        else if (n < (ssize_t)sizeof(header) ||
                 bytes_get_le(header + CHECKED_BYTES, 4) != bytes_checksum(header, CHECKED_BYTES))
                *ret_verdict = (struct verdict){ "damaged", "damaged (checksum)" };
        else if (bytes_get_le(header + 8, 4) > HISTORYFILE_VERSION)
                *ret_verdict = (struct verdict){ "newer", "of a later version" };
        else if (bytes_get_le(header + 12, 4) != HISTORY_ROW_BYTES || st.st_size > HISTORYFILE_MAX)
                *ret_verdict = (struct verdict){ "damaged", "damaged (size)" };
        else if (is_of_other_netns(file, header))
                *ret_verdict = (struct verdict){ "foreign", "of another network namespace" };
        else
                return 0;
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
static int set_aside(struct history_file *file, int dirfd, const struct verdict *verdict,
                     char note[static HISTORYFILE_NOTE])
{
        char name[32];

        history_file_close(file);
        snprintf(name, sizeof(name), HISTORYFILE_NAME ".%s", verdict->suffix);
        if (renameat(dirfd, HISTORYFILE_NAME, dirfd, name) < 0)
                return -errno;
        snprintf(note, HISTORYFILE_NOTE,
                 "%.256s/" HISTORYFILE_NAME ": %s, kept as %s; the history begins anew", file->dir,
                 verdict->what, name);
        return 0;
}

static int open_in(struct history_file *file, int dirfd, char note[static HISTORYFILE_NOTE])
{
        struct verdict verdict = { "foreign", "not a history file" };
        int r = open_and_lock(file, dirfd);

        if (r == -ELOOP || r == -ENXIO || r == -EISDIR)
                r = FILE_WRONG;
        if (r == 0)
                r = check_header(file, &verdict);
        if (r == FILE_WRONG) {
                r = set_aside(file, dirfd, &verdict, note);
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

static off_t offset_of(const struct ring *ring, uint32_t slot)
{
        return ring->start + (off_t)(slot % ring->rows) * HISTORY_ROW_BYTES;
}

/* How many bytes of a row there are; what is missing is zeros, which are no row. Or -errno. */
static int read_packed(int fd, const struct ring *ring, uint32_t slot,
                       uint8_t packed[static HISTORY_ROW_BYTES])
{
        const ssize_t n = read_at(fd, packed, HISTORY_ROW_BYTES, offset_of(ring, slot));

        if (n < 0)
                return (int)n;
        memset(packed + n, 0, HISTORY_ROW_BYTES - (size_t)n);
        return 0;
}

/* Adds a row to the sum, if it is there. 0 or -errno. */
static int add_row(int fd, const struct ring *ring, uint32_t slot, struct history_row *sum)
{
        uint8_t packed[HISTORY_ROW_BYTES];
        struct history_row row;
        int r = read_packed(fd, ring, slot, packed);

        if (r == 0 && history_row_unpack(packed, &row) && row.slot == slot)
                history_row_add(sum, &row);
        return r;
}

static int write_row(int fd, const struct ring *ring, const struct history_row *row)
{
        uint8_t packed[HISTORY_ROW_BYTES];
        const size_t len = history_row_pack(row, packed);

        return write_at(fd, packed, len, offset_of(ring, row->slot));
}

int history_file_put(struct history_file *file, const struct history_row *minute)
{
        struct history_row sum = { .slot = minute->slot };
        const uint32_t ten = minute->slot / MINUTES_PER_TEN;
        int r = add_row(file->fd, &minutes, minute->slot, &sum);

        history_row_add(&sum, minute);
        if (r == 0)
                r = write_row(file->fd, &minutes, &sum);
        sum.slot = ten;
        sum.flags = 0;
        sum.n = 0;
        for (uint32_t i = 0; r == 0 && i < MINUTES_PER_TEN; i++)
                r = add_row(file->fd, &minutes, ten * MINUTES_PER_TEN + i, &sum);
        return r < 0 ? r : write_row(file->fd, &tens, &sum);
}

static int read_ring(int fd, const struct ring *ring, uint64_t until_sec,
                     struct history_series *series)
{
        const uint64_t end =
                series->time.start_sec + (uint64_t)series->time.n * series->time.step_sec;
        const uint64_t newest = (end - 1) / ring->row_sec;
        const uint64_t oldest = newest - MIN(newest, ring->rows - UINT64_C(1));
        uint64_t slot = MAX(series->time.start_sec / ring->row_sec, oldest);
        int r = 0;

        for (; r == 0 && slot <= newest && slot * ring->row_sec < until_sec; slot++) {
                uint8_t packed[HISTORY_ROW_BYTES];
                struct history_point point;
                uint32_t found;

                r = read_packed(fd, ring, (uint32_t)slot, packed);
                if (r == 0 && history_row_find(packed, &series->port, &found, &point) &&
                    found == slot)
                        history_series_add(series, slot * ring->row_sec, ring->row_sec, &point);
        }
        return r;
}

int history_file_read(struct history_file *file, uint64_t until_sec, struct history_series *series)
{
        const uint64_t end =
                series->time.start_sec + (uint64_t)series->time.n * series->time.step_sec;
        const uint64_t day = HISTORY_MINUTES * HISTORY_MINUTE_SEC;
        const uint64_t minutes_from = end - MIN(end, day);
        int r = 0;

        if (series->time.start_sec < minutes_from)
                r = read_ring(file->fd, &tens, MIN(minutes_from, until_sec), series);
        return r < 0 ? r : read_ring(file->fd, &minutes, until_sec, series);
}
