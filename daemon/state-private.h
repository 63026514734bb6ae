/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inside of struct state, for the state*.c files and their tests alone. */

#include <limits.h>
#include <pthread.h>

#include "state.h"

#define STATE_KINDS        2
#define STATE_NEVER        UINT64_MAX
#define STATE_SLOTS        2                       /* memory files of a kind */
#define STATE_RETRY_USEC   (UINT64_C(1) * 1000000) /* after the first failure; doubled from then on */
#define STATE_WRONG_MAX    160
#define STATE_STACK_BYTES  (256 * 1024)
#define STATE_FILE_MISSING 1 /* state_file_read(), state_fd_read() */
#define STATE_FILE_WRONG   2

/* ---- state-file.c ---- */

/*
 * The directory, made if its parent is there, and locked for as long as it is open: *ret_fd is the
 * caller's. -EBUSY: locked by another process. *ret_doing: what failed, a constant.
 */
int state_directory_open(const char *path, int *ret_fd, const char **ret_doing);
/* Something else stands at path by now: what is written to fd would not be found again. */
bool state_directory_moved(int fd, const char *path);

/* Replaces that file, or leaves it as it was: 0 or -errno. */
int state_file_write(int dirfd, const char *name, const void *data, size_t len);
/*
 * All of a file; the bytes are the caller's to free. STATE_FILE_MISSING; STATE_FILE_WRONG: no
 * readable, regular file of a possible length, ret_wrong says what it is; -ENOMEM.
 */
int state_file_read(int dirfd, const char *name, uint8_t **ret_data, size_t *ret_len,
                    char ret_wrong[static STATE_WRONG_MAX]);
/* The same for what is open. An empty one is STATE_FILE_WRONG. */
int state_fd_read(int fd, uint8_t **ret_data, size_t *ret_len,
                  char ret_wrong[static STATE_WRONG_MAX]);

/* ---- state-memory.c ---- */

/* Written in turns, so that one of them is always whole. */
struct state_memory {
        const char *name;     /* of the kind: "alerts" */
        int fds[STATE_SLOTS]; /* -1: none yet; those that are there, the service manager has too */
        int newest;           /* slot; -1: neither is valid */
        bool unmanaged;       /* there is no service manager */
};

void state_memory_init(struct state_memory *memory, const char *name);
void state_memory_done(struct state_memory *memory);
/* As state_adopt(), for one kind. */
bool state_memory_adopt(struct state_memory *memory, int fd, const char *name);
/*
 * The newest valid one; ret_loaded is left alone if there is none. *ret_wrong: what is wrong with
 * one that has contents, "" if nothing is. *serial: raised to the greatest seen. -ENOMEM.
 */
int state_memory_load(struct state_memory *memory, enum statefile_kind kind,
                      struct state_loaded *ret_loaded, uint64_t *serial,
                      char ret_wrong[static STATE_WRONG_MAX]);
/* The newest one is no good after all. */
void state_memory_reject(struct state_memory *memory);
/* 0, also without a service manager; -errno: the one written before is still whole. */
int state_memory_write(struct state_memory *memory, const struct recbuf *image);

/* ---- state-load.c: what a saved image is ---- */

/*
 * Takes data over, into *ret_loaded if it is valid: 0. Otherwise an outcome of statefile_open(), and
 * ret_wrong says what it is. *serial: raised to its own.
 */
int state_open_image(uint8_t *data, size_t len, enum statefile_kind kind,
                     struct state_loaded *ret_loaded, uint64_t *serial,
                     char ret_wrong[static STATE_WRONG_MAX]);

/* ---- state-put.c ---- */

/* What is saved: header, body, checksum. Shared by both threads; nobody changes it any more. */
struct state_image {
        unsigned refs; /* atomic */
        struct recbuf bytes;
};

/* Both take NULL; the second one returns it. */
struct state_image *state_image_ref(struct state_image *image);
struct state_image *state_image_unref(struct state_image *image);
/* Is that what it would bring back? */
bool state_image_has_body(const struct state_image *image, const void *body, size_t len);
bool state_image_is_same(const struct state_image *a, const struct state_image *b);

/* ---- the whole ---- */

/* How the last attempt ended. */
struct state_outcome {
        int error; /* 0: it worked, or there was none */
        const char *doing;
};

/* What is tried again after a while, less and less often. */
struct state_attempts {
        struct state_outcome outcome;
        uint64_t wait_usec;
        uint64_t next_usec; /* not before */
};

enum state_source { STATE_FROM_NOTHING, STATE_FROM_FILE, STATE_FROM_MEMORY };

/* Of one kind. */
struct state_item {
        enum statefile_kind kind;
        const char *name; /* of the file */

        /* the caller's alone */
        enum state_source source; /* of what was loaded */
        bool file_rejected;       /* what it held when we started is no good */
        struct state_memory memory;
        struct state_image *newest; /* NULL: none yet */

        /* the thread's alone */
        struct state_image *image; /* the newest that it knows; NULL: none yet */
        struct state_image *disk;  /* what the file holds; NULL: unknown */
        bool urgent;               /* image */
        bool written;              /* the file, at written_usec */
        uint64_t written_usec;
        struct state_attempts attempts;

        /* under the lock: what the thread has not seen yet */
        struct state_image *waiting; /* NULL: nothing */
        bool waiting_urgent;         /* without waiting: what it has seen is urgent now */

        /* under the lock */
        struct state_outcome making;  /* an image; the caller's */
        int keeping_error;            /* 0, or it is not in memory; the caller's */
        struct state_outcome writing; /* the file; the thread's, as of its state_publish() */
};

struct state {
        char *dir; /* NULL: no files */
        struct state_item items[STATE_KINDS];

        /* the caller's */
        uint64_t serial;                    /* the greatest seen or given */
        uint8_t boot_id[STATEFILE_BOOT_ID]; /* zeros: unknown */
        uint64_t netns;                     /* 0: unknown */

        /* the caller's, and the thread's once it runs */
        int dirfd; /* locked; -1: not open */
        struct state_attempts opening;
        uint64_t n_written;
        uint64_t n_failures;

        pthread_t thread;
        int changed_fd; /* -1: not started */
        pthread_mutex_t lock;
        pthread_cond_t wake; /* to the thread: work, or stop */
        pthread_cond_t end;  /* from the thread: gone */

        /* under the lock */
        struct state_stats stats;
        struct state_outcome opened; /* of opening, as of the last state_publish() */
        uint64_t n_unmade;           /* images */
        uint64_t writing_usec;       /* the thread has been at a file since then; 0: it is not */
        bool stop;
        bool gone;
        bool abandoned; /* the thread frees all this */
};

/* ---- state.c ---- */

/* The thread's errors and counters become known. */
void state_publish(struct state *state);
/* Under the lock: which error there is by now. */
void state_update_error(struct state *state);

/* ---- state-save.c: the thread's, or the caller's before it starts ---- */

struct state_item *state_get_item(struct state *state, enum statefile_kind kind);
/* Tries to. state->opening has the outcome. */
void state_open_directory(struct state *state);
/* Takes what waits. */
void state_take_arrivals(struct state *state);
/* When state_write_due() has something to do; STATE_NEVER. */
uint64_t state_due_usec(struct state *state);
/* What is due first, if its time has come. */
void state_write_due(struct state *state);
/* At the end nothing waits for its time, and everything is tried once. */
void state_write_all(struct state *state);
