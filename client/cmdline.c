/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * getopt_long() hands out options and words in the order in which they stand ("-" in its string of
 * short options), so an option means the same before and behind the verb, whatever POSIXLY_CORRECT
 * says. What a verb does not take is an error, never ignored: a script that asks for --once must
 * not get the daemon's numbers.
 */

#include "cmdline.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "base.h"
#include "cmdline-private.h"
#include "conn.h"
#include "history.h"
#include "units.h"
#include "verbs.h"

/* Without quotes, which a plugin's line would escape. */
#define RANGE_EXPECTED "a range such as 10, 10:, 10:20, @10:20 or (quoted, for the shell) ~:10"

#define LETTERS "-:hVw:c:t:" /* "-": words are options of code 1; ":": what lacks is told apart */

#define SINCE_MAX_USEC (HISTORY_TENS * HISTORY_TEN_SEC * USEC_PER_SEC)

static int set_count(const char *text, uint64_t *ret_value)
{
        uint64_t value;

        if (units_parse_count(text, INT64_MAX, &value) < 0 || value == 0)
                return -EINVAL;
        *ret_value = value;
        return 0;
}

static int set_socket(struct cmdline *options, const char *text)
{
        options->socket_path = text;
        return conn_path_fits(text) ? 0 : -EINVAL;
}

static int set_json(struct cmdline *options, const char *text)
{
        (void)text;
        options->json = true;
        return 0;
}

static int set_no_color(struct cmdline *options, const char *text)
{
        (void)text;
        options->no_color = true;
        return 0;
}

static int set_help(struct cmdline *options, const char *text)
{
        (void)text;
        options->help = true;
        return 0;
}

static int set_version(struct cmdline *options, const char *text)
{
        (void)text;
        options->version = true;
        return 0;
}

static int set_live(struct cmdline *options, const char *text)
{
        (void)text;
        options->live = true;
        return 0;
}

static int set_once(struct cmdline *options, const char *text)
{
        (void)text;
        options->once = true;
        return 0;
}

static int set_all(struct cmdline *options, const char *text)
{
        (void)text;
        options->all = true;
        return 0;
}

static int set_try(struct cmdline *options, const char *text)
{
        (void)text;
        options->try_bind = true;
        return 0;
}

static int set_tables(struct cmdline *options, const char *text)
{
        return set_count(text, &options->count);
}

static int set_limit(struct cmdline *options, const char *text)
{
        return set_count(text, &options->limit);
}

static int set_last(struct cmdline *options, const char *text)
{
        return set_count(text, &options->last);
}

static int set_after(struct cmdline *options, const char *text)
{
        options->has_after = true;
        return units_parse_count(text, INT64_MAX, &options->after);
}

static int set_since(struct cmdline *options, const char *text)
{
        uint64_t usec;

        if (units_parse_duration(text, &usec) < 0 || usec < USEC_PER_SEC || usec > SINCE_MAX_USEC)
                return -EINVAL;
        options->since_sec = usec / USEC_PER_SEC;
        return 0;
}

static int set_ascii(struct cmdline *options, const char *text)
{
        (void)text;
        options->ascii = true;
        return 0;
}

static int set_csv(struct cmdline *options, const char *text)
{
        (void)text;
        options->csv = true;
        return 0;
}

static int set_force(struct cmdline *options, const char *text)
{
        (void)text;
        options->force = true;
        return 0;
}

static int set_config(struct cmdline *options, const char *text)
{
        options->config = text;
        return text[0] ? 0 : -EINVAL;
}

static int set_undo(struct cmdline *options, const char *text)
{
        (void)text;
        options->undo = true;
        return 0;
}

static int set_prometheus(struct cmdline *options, const char *text)
{
        (void)text;
        options->prometheus = true;
        return 0;
}

static int set_comment(struct cmdline *options, const char *text)
{
        struct acknowledgement unused;

        options->comment = text;
        return acknowledgement_set_comment(&unused, text);
}

static int set_warning(struct cmdline *options, const char *text)
{
        return threshold_parse(text, &options->levels.warning);
}

static int set_critical(struct cmdline *options, const char *text)
{
        return threshold_parse(text, &options->levels.critical);
}

static int set_metric(struct cmdline *options, const char *text)
{
        return check_metric_find(text, &options->levels.metric);
}

static int set_timeout(struct cmdline *options, const char *text)
{
        if (units_parse_duration(text, &options->timeout_usec) < 0)
                return -EINVAL;
        return options->timeout_usec >= USEC_PER_MSEC && options->timeout_usec <= USEC_PER_HOUR
                       ? 0
                       : -EINVAL;
}

static int set_order(struct cmdline *options, const char *text)
{
        return topmodel_order_find(text, &options->order);
}

static const struct option_row rows[] = {
        { "socket", "PATH", OPTION_EVERYWHERE, "where twmond listens", set_socket,
          "a path of 1 to 107 bytes" },
        { "json", NULL, OPTION_EVERYWHERE, "JSON instead of text", set_json, NULL },
        { "no-color", NULL, OPTION_EVERYWHERE, "no colour on a terminal either", set_no_color,
          NULL },
        { "help", NULL, OPTION_EVERYWHERE, "this help; with a VERB, that verb's", set_help, NULL },
        { "version", NULL, OPTION_EVERYWHERE, "twmonctl's version", set_version, NULL },
        { "live", NULL, OPTION_LIVE, "again after every scan, until interrupted", set_live, NULL },
        { "count", "N", OPTION_COUNT, "with --live: end after N tables", set_tables,
          "a number from 1 on" },
        { "once", NULL, OPTION_ONCE, "one scan by twmonctl itself, without twmond", set_once,
          NULL },
        { "all", NULL, OPTION_ALL, "also ports with nothing to say", set_all, NULL },
        { "limit", "N", OPTION_LIMIT, "only the N worst", set_limit, "a number from 1 on" },
        { "try", NULL, OPTION_TRY, "settle it by a real bind(), closed at once", set_try, NULL },
        { "after", "N", OPTION_AFTER, "first the events after number N", set_after,
          "the sequence number of an event" },
        { "config", "FILE", OPTION_CONFIG, "judge by that file, not by the built-in levels",
          set_config, "a file" },
        { "last", "N", OPTION_LAST, "only the N newest", set_last, "a number from 1 on" },
        { "comment", "TEXT", OPTION_COMMENT, "why it stands, for whoever asks", set_comment,
          "UTF-8 of at most 127 bytes" },
        { "prometheus", NULL, OPTION_PROMETHEUS, "the older format: text 0.0.4", set_prometheus,
          NULL },
        { "since", "AGO", OPTION_SINCE, "how far back, such as 30min, 2h or 7d", set_since,
          "a duration of 1s to 30d, which is as long as twmond keeps" },
        { "ascii", NULL, OPTION_ASCII, "draw without Unicode", set_ascii, NULL },
        { "csv", NULL, OPTION_CSV, "numbers with commas in between, times in UTC", set_csv, NULL },
        { "force", NULL, OPTION_FORCE, "write the page to a terminal as well", set_force, NULL },
        { "undo", NULL, OPTION_UNDO, "take it back", set_undo, NULL },
        { "sort", "KEY", OPTION_SORT, "of what the most stands first; stuck unless given",
          set_order, "count, stuck, age or rate" },
        { "warning", "RANGE", OPTION_WARNING, "-w: WARNING where the number is outside",
          set_warning, RANGE_EXPECTED },
        { "critical", "RANGE", OPTION_CRITICAL, "-c: CRITICAL where it is outside", set_critical,
          RANGE_EXPECTED },
        { "metric", "NAME", OPTION_METRIC, "of which number; of the stuck ones unless given",
          set_metric, CHECK_METRICS_TEXT },
        { "timeout", "TIME", OPTION_TIMEOUT, "-t: an answer by then; 10s unless given", set_timeout,
          "a time span of 1ms to 1h" },
};

/* "~:10" as a shell gives it, which takes the tilde for somebody's home. */
static bool is_expanded_range(const struct option_row *row, const char *text)
{
        return row->bit & (OPTION_WARNING | OPTION_CRITICAL) && text[0] == '/' && strchr(text, ':');
}

static int take_option(struct cmdline *options, const struct option_row *row, char *error)
{
        if (row->set(options, optarg) == 0)
                return 0;
        if (is_expanded_range(row, optarg))
                return cmdline_wrong(
                        error, "--%s is %s: the shell has expanded the ~ of a range, so quote it",
                        row->name, optarg);
        return cmdline_wrong(error, "--%s must be %s, not \"%s\"", row->name, row->expects, optarg);
}

/* What only makes sense together, or not together. given: bits of the options that were there. */
static int check(const struct cmdline *options, unsigned given, char *error)
{
        unsigned takes = OPTION_EVERYWHERE | (options->verb ? options->verb->options : 0);

        if (options->help || options->version)
                return 0;
        if (!options->verb)
                return cmdline_wrong(error, "no verb given");
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (given & rows[i].bit & ~takes)
                        return cmdline_wrong(error, "%s takes no --%s", options->verb->name,
                                             rows[i].name);
        if (options->live && options->once)
                return cmdline_wrong(error, "--live and --once exclude each other");
        if (options->count > 0 && !options->live)
                return cmdline_wrong(error, "--count needs --live");
        if (options->verb->operands == OPERANDS_FILE && !options->file)
                return cmdline_wrong(error, "%s needs a FILE", options->verb->name);
        if (options->csv && (options->json || options->ascii))
                return cmdline_wrong(error, "--csv excludes --json and --ascii");
        if ((options->verb->operands == OPERANDS_PORT_ADDRESS ||
             options->verb->operands == OPERANDS_PORT) &&
            options->n_ports == 0)
                return cmdline_wrong(error, "%s needs a PORT", options->verb->name);
        if ((given & OPTION_METRIC) && !(given & (OPTION_WARNING | OPTION_CRITICAL)))
                return cmdline_wrong(error, "--metric needs --warning or --critical");
        if ((given & (OPTION_WARNING | OPTION_CRITICAL)) &&
            (options->choice.key || (options->choice.side && !options->choice.port)))
                return cmdline_wrong(error, "--warning and --critical take a PORT or none");
        if (options->levels.metric == CHECK_TIME_WAIT_TABLE && options->choice.port)
                return cmdline_wrong(error, "--metric %s is of the whole host and takes no PORT",
                                     check_metric_name(CHECK_TIME_WAIT_TABLE));
        if (options->verb->operands == OPERANDS_ALERT && choice_is_empty(&options->choice))
                return cmdline_wrong(error, "%s needs the KEY of an alert or a PORT",
                                     options->verb->name);
        return 0;
}

static void fill_long_options(struct option long_options[static ARRAY_SIZE(rows) + 1])
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                long_options[i] = (struct option){
                        .name = rows[i].name,
                        .has_arg = rows[i].argument ? required_argument : no_argument,
                };
        long_options[ARRAY_SIZE(rows)] = (struct option){ 0 };
}

/* Of the options that have one letter as well, which of the table; -1: none. */
static int row_of_letter(int letter)
{
        static const struct {
                char letter;
                const char *name;
        } letters[] = { { 'h', "help" },
                        { 'V', "version" },
                        { 'w', "warning" },
                        { 'c', "critical" },
                        { 't', "timeout" } };

        for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
                for (size_t j = 0; letter == letters[i].letter && j < ARRAY_SIZE(rows); j++)
                        if (strcmp(rows[j].name, letters[i].name) == 0)
                                return (int)j;
        return -1;
}

const struct option_row *cmdline_option_get(size_t i)
{
        return i < ARRAY_SIZE(rows) ? &rows[i] : NULL;
}

const struct option_row *cmdline_option_find(const char *word)
{
        const size_t len = strcspn(word, "=");

        if (word[0] != '-')
                return NULL;
        if (word[1] != '-')
                return cmdline_option_get((size_t)row_of_letter(word[1]));
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (strlen(rows[i].name) == len - 2 &&
                    strncmp(word + 2, rows[i].name, len - 2) == 0)
                        return &rows[i];
        return NULL;
}

static int take_next(int c, int row, struct cmdline *options, char *error)
{
        switch (c) {
        case 0:
                return take_option(options, &rows[row], error);
        case 1:
                return operand_take(options, optarg, error);
        default:
                return CMDLINE_WRONG;
        }
}

int cmdline_parse(int argc, char **argv, struct cmdline *ret_cmdline,
                  char ret_error[static CMDLINE_ERROR_MAX])
{
        struct option long_options[ARRAY_SIZE(rows) + 1];
        struct cmdline options = { .order = TOPMODEL_BY_STUCK };
        unsigned given = 0;
        int c, row = 0;

        fill_long_options(long_options);
        optind = 0; /* glibc: begin anew */
        while ((c = getopt_long(argc, argv, LETTERS, long_options, &row)) >= 0) {
                if (row_of_letter(c) >= 0) {
                        row = row_of_letter(c);
                        c = 0;
                }
                if (c == ':')
                        return cmdline_wrong(ret_error, "%s needs an argument", argv[optind - 1]);
                if (c == '?' && optopt > 0 && optopt < 0x80)
                        return cmdline_wrong(ret_error, "no option -%c", optopt);
                if (c == '?')
                        return cmdline_wrong(ret_error, "no option %s", argv[optind - 1]);
                if (take_next(c, row, &options, ret_error) != 0)
                        return CMDLINE_WRONG;
                if (c == 0)
                        given |= rows[row].bit;
        }
        if (options.verb && options.verb->operands == OPERANDS_WORDS) {
                options.words = argv + optind;
                options.n_words = (size_t)(argc - optind);
                optind = argc;
        }
        for (; optind < argc; optind++) /* behind "--" */
                if (operand_take(&options, argv[optind], ret_error) != 0)
                        return CMDLINE_WRONG;
        if (check(&options, given, ret_error) != 0)
                return CMDLINE_WRONG;
        *ret_cmdline = options;
        return 0;
}

const struct verb *cmdline_find_verb(int argc, char **argv)
{
        struct option long_options[ARRAY_SIZE(rows) + 1];
        int c;

        fill_long_options(long_options);
        optind = 0;
        while ((c = getopt_long(argc, argv, LETTERS, long_options, NULL)) >= 0)
                if (c == 1)
                        return verb_find(optarg);
        return optind < argc ? verb_find(argv[optind]) : NULL;
}

void cmdline_print(FILE *out, unsigned mask)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char name[32];

                if (!(rows[i].bit & mask))
                        continue;
                snprintf(name, sizeof(name), "--%s%s%s", rows[i].name, rows[i].argument ? " " : "",
                         rows[i].argument ? rows[i].argument : "");
                fprintf(out, "  %-16s %s\n", name, rows[i].help);
        }
}
