/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files -> bytes, and which files there are. Internal to conf. */

#include <stddef.h>

#include "conf.h"
#include "conferror.h"

/* Paths of the sources, in the order of reading; owned. */
struct conf_paths {
        char *items[1 + CONF_FILES_MAX];
        size_t n;
};

void conf_paths_done(struct conf_paths *paths);

/*
 * Finds what conf_load_system() reads. What is wrong (a directory that cannot be read, too many
 * drop-ins) is added to errors. 0, or -ENOMEM.
 */
int conf_paths_find(const char *root, struct conf_paths *paths, struct conf_errors *errors);

/*
 * Reads a regular file (or /dev/null: empty) of at most CONF_FILE_MAX bytes. Never blocks.
 * 0: the bytes are the caller's; CONF_BAD: added to errors; -ENOMEM.
 */
int conf_file_read(const char *path, struct conf_errors *errors, char **ret_bytes, size_t *ret_len);
