/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Small language helpers that every file may use; nothing else belongs here. */

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)     ((a) < (b) ? (a) : (b))
#define MAX(a, b)     ((a) > (b) ? (a) : (b))

/* Kept apart from what is done for each socket, so that it costs nothing there. */
#define RARELY __attribute__((cold, noinline))

/* Runs fn(&variable) when the variable goes out of scope. */
#define CLEANUP(fn)             __attribute__((cleanup(fn)))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

/* Defines fn##p(T **) for CLEANUP() from a destructor that takes NULL. */
#define DEFINE_CLEANUP(type, fn)                                                                   \
        static inline void fn##p(type *p)                                                          \
        {                                                                                          \
                if (*p)                                                                            \
                        fn(*p);                                                                    \
        }

/* Hands a pointer over to the caller and leaves NULL behind for CLEANUP(). */
#define TAKE_PTR(p)                                                                                \
        ({                                                                                         \
                __auto_type take_ptr_ = (p);                                                       \
                (p) = NULL;                                                                        \
                take_ptr_;                                                                         \
        })

/* The same for a file descriptor; -1 means unset. */
#define TAKE_FD(fd)                                                                                \
        ({                                                                                         \
                int take_fd_ = (fd);                                                               \
                (fd) = -1;                                                                         \
                take_fd_;                                                                          \
        })

/* CLEANUP(close_fdp) int fd = -1; closes what is still open. Keeps errno out of it. */
static inline void close_fdp(int *fd)
{
        if (*fd >= 0)
                (void)close(*fd);
}

/* CLEANUP(free_text) char *text = NULL; */
static inline void free_text(char **text)
{
        free(*text);
}
