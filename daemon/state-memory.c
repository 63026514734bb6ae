/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Memory files that the service manager keeps open for us (FDSTORE of sd_notify(3)) and passes to
 * the next instance. There are two of each kind, written in turns: a SIGKILL in the middle of a
 * write leaves the other one whole, and the greater serial tells which is newer.
 *
 * A new one is handed over after its contents are there. Before that the manager is asked to drop
 * what it has by that name: it would only take up room in its store, which is bounded.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "base.h"
#include "fdio.h"
#include "state-private.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

#define NAME_SIZE 32

void state_memory_init(struct state_memory *memory, const char *name)
{
        *memory = (struct state_memory){ .name = name, .fds = { -1, -1 }, .newest = -1 };
}

void state_memory_done(struct state_memory *memory)
{
        for (size_t i = 0; i < STATE_SLOTS; i++) {
                close_fdp(&memory->fds[i]);
                memory->fds[i] = -1;
        }
}

static const char *slot_name(const struct state_memory *memory, int slot,
                             char buf[static NAME_SIZE])
{
        snprintf(buf, NAME_SIZE, STATE_FDNAME_PREFIX "%s-%d", memory->name, slot);
        return buf;
}

/* A regular file that can be read and written; the name alone proves nothing. */
static bool is_usable(int fd)
{
        const int flags = fcntl(fd, F_GETFL);
        struct stat st;

        return flags >= 0 && (flags & O_ACCMODE) == O_RDWR && fstat(fd, &st) == 0 &&
               S_ISREG(st.st_mode);
}

bool state_memory_adopt(struct state_memory *memory, int fd, const char *name)
{
        char buf[NAME_SIZE];

        for (int slot = 0; slot < STATE_SLOTS; slot++) {
                if (strcmp(name, slot_name(memory, slot, buf)) != 0)
                        continue;
                if (memory->fds[slot] >= 0 || !is_usable(fd))
                        (void)close(fd);
                else
                        memory->fds[slot] = fd;
                return true;
        }
        return false;
}

/* Takes over slot's contents if they are valid and newer than what *loaded has. */
static int load_slot(struct state_memory *memory, int slot, enum statefile_kind kind,
                     struct state_loaded *loaded, uint64_t *serial,
                     char ret_wrong[static STATE_WRONG_MAX])
{
        struct state_loaded other = { .data = NULL };
        struct stat st;
        uint8_t *data;
        size_t len;
        int r;

        if (memory->fds[slot] < 0 || fstat(memory->fds[slot], &st) < 0 || st.st_size == 0)
                return 0;
        r = state_fd_read(memory->fds[slot], &data, &len, ret_wrong);
        if (r == 0)
                r = state_open_image(data, len, kind, &other, serial, ret_wrong);
        if (r != 0)
                return MIN(r, 0);
        if (loaded->data && other.header.serial <= loaded->header.serial) {
                state_loaded_done(&other);
                return 0;
        }
        state_loaded_done(loaded);
        *loaded = other;
        memory->newest = slot;
        return 0;
}

int state_memory_load(struct state_memory *memory, enum statefile_kind kind,
                      struct state_loaded *ret_loaded, uint64_t *serial,
                      char ret_wrong[static STATE_WRONG_MAX])
{
        struct state_loaded loaded = { .data = NULL };
        int r = 0;

        ret_wrong[0] = '\0';
        memory->newest = -1;
        for (int slot = 0; slot < STATE_SLOTS && r == 0; slot++)
                r = load_slot(memory, slot, kind, &loaded, serial, ret_wrong);
        if (r < 0)
                state_loaded_done(&loaded);
        else if (loaded.data)
                *ret_loaded = loaded;
        return r;
}

void state_memory_reject(struct state_memory *memory)
{
        if (memory->newest >= 0)
                (void)!ftruncate(memory->fds[memory->newest], 0);
        memory->newest = -1;
}

static int make_file(const char *name)
{
        int fd = memfd_create(name, MFD_CLOEXEC | MFD_NOEXEC_SEAL);

        if (fd < 0 && errno == EINVAL)
                fd = memfd_create(name, MFD_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* Its length is that of the contents, so that it takes no more memory than they need. */
static int fill(int fd, const struct recbuf *image)
{
        const int r = fd_write_at(fd, image->data, image->len, 0);

        if (r == 0 && ftruncate(fd, (off_t)image->len) < 0)
                return -errno;
        return r;
}

/* 1: handed over; 0: there is no service manager; -errno. */
static int hand_over(int fd, const char *name)
{
        char text[128];

        /* Linux refuses to watch a memory file anyway; older managers do not know FDPOLL. */
        snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
        return sd_pid_notify_with_fds(0, 0, text, &fd, 1);
}

/* The same outcomes; the slot has a file only if the manager has it, too. */
static int fill_new_slot(struct state_memory *memory, int slot, const struct recbuf *image)
{
        char name[NAME_SIZE];
        CLEANUP(close_fdp) int fd = -1;
        int r = sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", slot_name(memory, slot, name));

        if (r <= 0)
                return r;
        fd = make_file(name);
        if (fd < 0)
                return fd;
        r = fill(fd, image);
        if (r == 0)
                r = hand_over(fd, name);
        if (r > 0)
                memory->fds[slot] = TAKE_FD(fd);
        return r;
}

int state_memory_write(struct state_memory *memory, const struct recbuf *image)
{
        const int slot = memory->newest == 0 ? 1 : 0;
        int r;

        if (memory->fds[slot] >= 0) {
                r = fill(memory->fds[slot], image);
        } else {
                if (memory->unmanaged)
                        return 0;
                r = fill_new_slot(memory, slot, image);
                memory->unmanaged = r == 0;
                r = r > 0 ? 0 : r;
        }
        if (r == 0 && memory->fds[slot] >= 0)
                memory->newest = slot;
        return r;
}
