/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loading: sources -> draft -> struct conf.
 *
 *   conffile.c    which files there are, and their bytes
 *   conftext.c    bytes -> lines -> (inih) sections and keys
 *   confdraft.c   sections and keys -> what each option was last set to (table: confoption.c)
 *   confrules.c   draft -> rules, exceptions with what they inherit
 *
 * Every step goes on after an error, so that one run names all wrong lines; only a load without any
 * error makes a struct conf.
 */

#include "conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "confdraft.h"
#include "conffile.h"
#include "conftext.h"

/* A load under way. */
struct load {
        struct conf_errors errors;
        struct conf_draft draft;
};

static void load_done(struct load *load)
{
        conf_draft_done(&load->draft);
        conf_errors_done(&load->errors);
}

static int load_text(struct load *load, const struct conf_text *text)
{
        const struct conf_handler handler = {
                .section = conf_draft_section,
                .assign = conf_draft_assign,
                .userdata = &load->draft,
        };

        return conf_text_parse(text, &handler, &load->errors);
}

/* A file that cannot be read is among the errors; the load goes on. The draft borrows path. */
static int load_file(struct load *load, const char *path)
{
        struct conf_text text = { .name = path };
        char *bytes;
        int r;

        r = conf_file_read(path, &load->errors, &bytes, &text.len);
        if (r != 0)
                return r < 0 ? r : load->errors.failure;
        text.bytes = bytes;
        r = load_text(load, &text);
        free(bytes);
        return r;
}

static int make_conf(struct load *load, struct conf **ret_conf)
{
        struct conf *conf = calloc(1, sizeof(*conf));
        int r;

        if (!conf)
                return -ENOMEM;
        conf->refs = 1;
        conf->interval_usec = (uint64_t)load->draft.values[OPTION_INTERVAL].number;
        conf->cpu_budget_ppm = (uint32_t)load->draft.values[OPTION_CPU_BUDGET].number;
        conf->max_tracked = (size_t)load->draft.values[OPTION_MAX_TRACKED].number;
        memcpy(conf->start, load->draft.start, sizeof(conf->start));
        conf->history = load->draft.history;
        r = conf_draft_rules(&load->draft, &conf->rules);
        if (r < 0) {
                (void)conf_unref(conf);
                return r;
        }
        *ret_conf = conf;
        return 0;
}

/* All sources were read: the outcome. */
static int load_finish(struct load *load, struct conf **ret_conf, char **ret_errors)
{
        int r;

        conf_draft_check(&load->draft);
        r = conf_errors_finish(&load->errors, ret_errors);
        return r != 0 ? r : make_conf(load, ret_conf);
}

int conf_new_default(struct conf **ret_conf)
{
        CLEANUP(load_done) struct load load = { 0 };
        int r;

        r = conf_draft_init(&load.draft, &load.errors);
        return r < 0 ? r : make_conf(&load, ret_conf);
}

int conf_load_file(const char *path, struct conf **ret_conf, char **ret_errors)
{
        CLEANUP(load_done) struct load load = { 0 };
        int r;

        r = conf_draft_init(&load.draft, &load.errors);
        if (r == 0)
                r = load_file(&load, path);
        return r < 0 ? r : load_finish(&load, ret_conf, ret_errors);
}

int conf_load_text(const char *name, const char *text, size_t len, struct conf **ret_conf,
                   char **ret_errors)
{
        CLEANUP(load_done) struct load load = { 0 };
        int r;

        r = conf_draft_init(&load.draft, &load.errors);
        if (r == 0)
                r = load_text(&load, &(struct conf_text){ name, text, len });
        return r < 0 ? r : load_finish(&load, ret_conf, ret_errors);
}

int conf_load_system(const char *root, struct conf **ret_conf, char **ret_errors)
{
        CLEANUP(conf_paths_done) struct conf_paths paths = { .n = 0 };
        CLEANUP(load_done) struct load load = { 0 };
        int r;

        r = conf_draft_init(&load.draft, &load.errors);
        if (r == 0)
                r = conf_paths_find(root, &paths, &load.errors);
        for (size_t i = 0; i < paths.n && r == 0; i++)
                r = load_file(&load, paths.items[i]);
        return r < 0 ? r : load_finish(&load, ret_conf, ret_errors);
}

struct conf *conf_ref(struct conf *conf)
{
        (void)__atomic_add_fetch(&conf->refs, 1, __ATOMIC_RELAXED);
        return conf;
}

struct conf *conf_unref(struct conf *conf)
{
        /* What the other threads did with it happens before it is freed. */
        if (conf && __atomic_sub_fetch(&conf->refs, 1, __ATOMIC_ACQ_REL) == 0) {
                (void)rules_free(conf->rules);
                free(conf);
        }
        return NULL;
}
