/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A file that is no good is renamed, not removed: it may be of use to whoever looks into it, and it
 * does not get in the way again. One is kept of each sort. A memory file that is no good is passed
 * over: a SIGKILL in the middle of a write leaves one.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base.h"
#include "state-private.h"

#define NO_STATE     "starting without it"
#define NOT_USED     "it is not used"
#define MEMORY_STATE "what the service manager kept is used"

void state_loaded_done(struct state_loaded *loaded)
{
        free(loaded->data);
        *loaded = (struct state_loaded){ .data = NULL };
}

static void describe(int outcome, const struct statefile_header *header,
                     char ret_wrong[static STATE_WRONG_MAX])
{
        if (outcome == STATEFILE_NEWER)
                snprintf(ret_wrong, STATE_WRONG_MAX,
                         "of a later version (format %u, expected at most %d)", header->version,
                         STATEFILE_VERSION);
        else
                snprintf(ret_wrong, STATE_WRONG_MAX, "%s",
                         outcome == STATEFILE_FOREIGN ? "not a state file of this kind"
                                                      : "damaged (checksum)");
}

int state_open_image(uint8_t *data, size_t len, enum statefile_kind kind,
                     struct state_loaded *ret_loaded, uint64_t *serial,
                     char ret_wrong[static STATE_WRONG_MAX])
{
        struct state_loaded loaded = { .data = data };
        const int r = statefile_open(data, len, kind, &loaded.header, &loaded.body);

        *serial = MAX(*serial, loaded.header.serial);
        if (r == 0) {
                *ret_loaded = loaded;
                return 0;
        }
        describe(r, &loaded.header, ret_wrong);
        free(data);
        return r;
}

static const char *set_aside_as(int outcome)
{
        if (outcome == STATEFILE_NEWER)
                return "newer";
        return outcome == STATEFILE_FOREIGN ? "foreign" : "damaged";
}

/* Appends a line to *notes. 0 or -ENOMEM. */
static PRINTF_LIKE(2, 3) int add_note(char **notes, const char *format, ...)
{
        char *line, *both;
        va_list args;
        int n;

        va_start(args, format);
        n = vasprintf(&line, format, args);
        va_end(args);
        if (n < 0)
                return -ENOMEM;
        if (!*notes) {
                *notes = line;
                return 0;
        }
        n = asprintf(&both, "%s\n%s", *notes, line);
        free(line);
        if (n < 0)
                return -ENOMEM;
        free(*notes);
        *notes = both;
        return 0;
}

/* Renames the file and says so. next: what happens now. 0 or -ENOMEM. */
static int set_aside(const struct state *state, struct state_item *item, int outcome,
                     const char *what, const char *next, char **notes)
{
        char name[64];

        item->file_rejected = true; /* it may have to stay where it is */
        snprintf(name, sizeof(name), "%s.%s", item->name, set_aside_as(outcome));
        if (renameat(state->dirfd, item->name, state->dirfd, name) < 0)
                return add_note(notes, "%s/%s: %s, and cannot be renamed (%s); %s", state->dir,
                                item->name, what, strerror(errno), next);
        return add_note(notes, "%s/%s: %s, kept as %s; %s", state->dir, item->name, what, name,
                        next);
}

/* Takes the file if it is no older than *loaded, which holds what a memory file had. */
static int load_file(struct state *state, struct state_item *item, struct state_loaded *loaded,
                     char **notes)
{
        struct state_loaded other = { .data = NULL };
        char wrong[STATE_WRONG_MAX];
        uint8_t *data;
        size_t len;
        int r = state_file_read(state->dirfd, item->name, &data, &len, wrong);

        if (r < 0 || r == STATE_FILE_MISSING)
                return MIN(r, 0);
        r = r == STATE_FILE_WRONG
                    ? STATEFILE_DAMAGED
                    : state_open_image(data, len, item->kind, &other, &state->serial, wrong);
        if (r > 0)
                return set_aside(state, item, r, wrong, loaded->data ? MEMORY_STATE : NO_STATE,
                                 notes);
        if (loaded->data && loaded->header.serial > other.header.serial) {
                state_loaded_done(&other);
                return 0;
        }
        state_loaded_done(loaded);
        *loaded = other;
        item->source = STATE_FROM_FILE;
        return 0;
}

static int load(struct state *state, struct state_item *item, struct state_loaded *loaded,
                char **notes)
{
        char wrong[STATE_WRONG_MAX];
        int r = state_memory_load(&item->memory, item->kind, loaded, &state->serial, wrong);

        if (r < 0)
                return r;
        item->source = loaded->data ? STATE_FROM_MEMORY : STATE_FROM_NOTHING;
        if (state->dirfd >= 0 && !item->file_rejected)
                r = load_file(state, item, loaded, notes);
        if (r == 0 && !loaded->data && wrong[0])
                r = add_note(notes, "what the service manager kept of %s: %s; " NO_STATE,
                             item->name, wrong);
        return r;
}

/* Zeros, which are nobody's boot, stand for unknown. */
static void compare(const struct state *state, struct state_loaded *loaded)
{
        static const uint8_t unknown[STATEFILE_BOOT_ID];

        loaded->same_boot = memcmp(state->boot_id, unknown, sizeof(unknown)) != 0 &&
                            memcmp(state->boot_id, loaded->header.boot_id, sizeof(unknown)) == 0;
        loaded->netns_known = state->netns != 0 && loaded->header.netns != 0;
        loaded->same_netns = loaded->netns_known && state->netns == loaded->header.netns;
}

int state_load(struct state *state, enum statefile_kind kind, struct state_loaded *ret_loaded,
               char **ret_notes)
{
        CLEANUP(free_text) char *notes = NULL;
        struct state_loaded loaded = { .data = NULL };
        int r;

        *ret_loaded = loaded;
        *ret_notes = NULL;
        if (state->dir && state->dirfd < 0 && state->opening.outcome.error == 0)
                state_open_directory(state);
        r = load(state, state_get_item(state, kind), &loaded, &notes);
        if (r < 0) {
                state_loaded_done(&loaded);
                return r;
        }
        if (loaded.data)
                compare(state, &loaded);
        *ret_loaded = loaded;
        *ret_notes = TAKE_PTR(notes);
        return 0;
}

int state_reject(struct state *state, enum statefile_kind kind, const char *why, char **ret_notes)
{
        struct state_item *item = state_get_item(state, kind);
        const enum state_source source = item->source;
        char what[STATE_WRONG_MAX];

        *ret_notes = NULL;
        item->source = STATE_FROM_NOTHING;
        snprintf(what, sizeof(what), "damaged (%.128s)", why);
        switch (source) {
        case STATE_FROM_NOTHING:
                return 0;
        case STATE_FROM_FILE:
                return set_aside(state, item, STATEFILE_DAMAGED, what, NOT_USED, ret_notes);
        case STATE_FROM_MEMORY:
                state_memory_reject(&item->memory);
                return add_note(ret_notes, "what the service manager kept of %s: %s; " NOT_USED,
                                item->name, what);
        }
        return 0;
}
