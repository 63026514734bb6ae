/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bytes -> lines -> sections and keys, each with its place. Internal to conf. */

#include <stdbool.h>
#include <stddef.h>

#include "conferror.h"

#define CONF_SECTION_MAX 49 /* bytes: what inih keeps of a section's name */

struct conf_text {
        const char *name; /* of the file, for errors; borrowed by every conf_place */
        const char *bytes;
        size_t len;
};

/* Who takes what was read. The strings are valid during the call alone. */
struct conf_handler {
        /* A header. false: it was reported, the keys below it are not wanted. */
        bool (*section)(void *userdata, const char *name, const struct conf_place *place);
        void (*assign)(void *userdata, const char *key, const char *value,
                       const struct conf_place *place);
        void *userdata;
};

/*
 * Reads the text to its end; adds every wrong line to errors. A byte that is no text ends it early:
 * the file is binary. 0, or -ENOMEM.
 */
int conf_text_parse(const struct conf_text *text, const struct conf_handler *handler,
                    struct conf_errors *errors);
