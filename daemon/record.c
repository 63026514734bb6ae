/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Each frame is one write() at the end of what is whole. One that fails, or is cut short by a full
 * disk, is taken back by truncating the file, so that it always ends with a whole frame, but for a
 * crash in between. A file of anybody else's, or one that is damaged before its end, is left alone.
 *
 * A lock on the file keeps a second twmond from writing in between; it ends with the process.
 */

#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"
#include "clock.h"
#include "recstream.h"

#ifndef TWMON_VERSION
#define TWMON_VERSION "0" /* the build gives the real one */
#endif

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"

struct record {
        const char *path;
        int fd;       /* -1: there is no room for the file */
        int error;    /* why nothing can be written */
        uint64_t end; /* of the last whole frame */
        struct recorder *recorder;
};

static int refuse(const struct record *record, const char *why)
{
        fprintf(stderr, "twmond: --record %s: %s; nothing was written to it\n", record->path, why);
        return RECORD_REFUSED;
}

static bool is_full(int error)
{
        return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/* All of it at the end, or nothing: 0 or -errno. */
static int append(struct record *record, const void *data, size_t len)
{
        ssize_t n;

        if (record->error < 0)
                return record->error;
        do
                n = pwrite(record->fd, data, len, (off_t)record->end);
        while (n < 0 && errno == EINTR);
        if (n >= 0 && (size_t)n == len) {
                record->end += len;
                return 0;
        }
        record->error = n < 0 ? -errno : -ENOSPC;
        if (n > 0)
                (void)!ftruncate(record->fd, (off_t)record->end); /* else its tail is torn */
        return record->error;
}

static int write_frame(void *userdata, const void *frame, size_t len)
{
        return append(userdata, frame, len);
}

/* All zeros where there is none. */
static void read_boot_id(uint8_t ret_boot_id[static RECFILE_BOOT_ID])
{
        char text[64] = "";
        CLEANUP(close_fdp) int fd = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
        size_t digits = 0;

        memset(ret_boot_id, 0, RECFILE_BOOT_ID);
        for (ssize_t i = 0; i < n && digits < 2 * RECFILE_BOOT_ID; i++) {
                static const char hex[] = "0123456789abcdef";
                const char *digit = strchr(hex, text[i]);

                if (!digit || text[i] == '\0')
                        continue;
                ret_boot_id[digits / 2] |= (uint8_t)((digit - hex) << (digits % 2 ? 0 : 4));
                digits++;
        }
}

struct input {
        int fd;
        off_t at;
};

static int64_t read_input(void *userdata, void *buf, size_t size)
{
        struct input *input = userdata;
        ssize_t n;

        do
                n = pread(input->fd, buf, size, input->at);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        input->at += n;
        return n;
}

/* Some crashes leave zeros where the last frames should be. */
static bool only_zeros(int fd, uint64_t offset)
{
        struct input input = { fd, (off_t)offset };
        uint8_t buf[4096];
        int64_t n;

        while ((n = read_input(&input, buf, sizeof(buf))) > 0)
                for (int64_t i = 0; i < n; i++)
                        if (buf[i] != 0)
                                return false;
        return n == 0;
}

/* 0 with the error that the stream ends with, its text empty at a whole end; or -errno. */
static int find_error(int fd, struct recerror *ret_error, uint64_t *ret_end)
{
        struct input input = { .fd = fd };
        struct recstream *stream;
        struct recframe frame;
        int r = recstream_new(read_input, &input, &stream, ret_error);

        if (r < 0)
                return r == -EBADMSG ? 0 : r;
        while ((r = recstream_next(stream, &frame, ret_error)) == RECSTREAM_FRAME)
                ;
        *ret_end = recstream_offset(stream);
        recstream_free(stream);
        return r == -EBADMSG ? 0 : r;
}

/* Sets record->end to where the next frame belongs. 0, RECORD_REFUSED, -ENOMEM. */
static int find_end(struct record *record, uint64_t size)
{
        struct recerror error;
        char why[RECERROR_TEXT_MAX + 64];
        int r = find_error(record->fd, &error, &record->end);

        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return refuse(record, strerror(-r));
        if (!error.text[0])
                return 0;
        if (error.kind != RECERROR_TORN &&
            (error.kind != RECERROR_DAMAGED || !only_zeros(record->fd, error.offset))) {
                snprintf(why, sizeof(why), "offset %" PRIu64 ": %s", error.offset, error.text);
                return refuse(record, why);
        }
        record->end = error.offset;
        if (ftruncate(record->fd, (off_t)record->end) < 0)
                return refuse(record, strerror(errno));
        fprintf(stderr,
                "twmond: --record %s: the last %" PRIu64 " bytes, from offset %" PRIu64
                " on, were not written whole, and are cut off\n",
                record->path, size - record->end, record->end);
        return 0;
}

static void begin_file(struct record *record, const uint8_t boot_id[static RECFILE_BOOT_ID])
{
        struct recfile_header header = { .version = RECFILE_VERSION,
                                         .created_wall_usec = clock_wall_usec() };
        uint8_t bytes[RECFILE_HEADER_BYTES];

        memcpy(header.boot_id, boot_id, sizeof(header.boot_id));
        recfile_write_header(&header, bytes);
        (void)append(record, bytes, sizeof(bytes)); /* its error stays */
}

static int open_file(struct record *record)
{
        struct stat st;

        record->fd = open(record->path,
                          O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW, 0600);
        if (record->fd < 0 && is_full(errno)) {
                record->error = -errno;
                return 0;
        }
        if (record->fd < 0)
                return refuse(record, errno == ELOOP ? "it is a symbolic link" : strerror(errno));
        if (flock(record->fd, LOCK_EX | LOCK_NB) < 0)
                return refuse(record, errno == EWOULDBLOCK ? "another process records to it"
                                                           : strerror(errno));
        if (fstat(record->fd, &st) < 0) /* with the lock: what another one wrote is in it */
                return refuse(record, strerror(errno));
        if (!S_ISREG(st.st_mode))
                return refuse(record, "it is no regular file");
        if (st.st_uid != geteuid())
                return refuse(record, "it belongs to another user");
        if (fchmod(record->fd, 0600) < 0) /* it holds the addresses of peers */
                return refuse(record, strerror(errno));
        return st.st_size > 0 ? find_end(record, (uint64_t)st.st_size) : 0;
}

int record_open(const char *path, uint64_t interval_usec, struct record **ret_record)
{
        struct record *record = calloc(1, sizeof(*record));
        struct recsession session = { .now_wall_usec = clock_wall_usec(),
                                      .interval_usec = interval_usec };
        int r;

        if (!record)
                return -ENOMEM;
        record->path = path;
        record->fd = -1;
        r = recorder_new(write_frame, record, &record->recorder);
        if (r == 0)
                r = open_file(record);
        if (r != 0) {
                record_free(record);
                return r;
        }
        read_boot_id(session.boot_id);
        snprintf(session.version, sizeof(session.version), "%s", TWMON_VERSION);
        if (record->end == 0)
                begin_file(record, session.boot_id);
        recorder_session(record->recorder, &session);
        *ret_record = record;
        return 0;
}

struct record *record_free(struct record *record)
{
        if (record) {
                recorder_free(record->recorder);
                close_fdp(&record->fd);
        }
        free(record);
        return NULL;
}

struct recorder *record_get_recorder(struct record *record)
{
        return record ? record->recorder : NULL;
}
