/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* twmonctl's command line: every option before and behind the verb, and each way to be wrong. */

#include "cmdline.h"

#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base.h"
#include "verbs.h"

#define WORDS_MAX 16

/* Parses a line whose words are separated by one blank. The line outlives ret_cmdline. */
static int parse(char *line, struct cmdline *ret_cmdline, char *ret_error)
{
        char *argv[WORDS_MAX + 2] = { "twmonctl" }, *rest = line;
        int argc = 1;

        for (char *word; *line && (word = strsep(&rest, " "));) {
                assert_true(argc <= WORDS_MAX);
                argv[argc++] = word;
        }
        return cmdline_parse(argc, argv, ret_cmdline, ret_error);
}

static char *parse_good(const char *text, struct cmdline *ret_cmdline)
{
        char error[CMDLINE_ERROR_MAX] = "", *line = strdup(text);

        assert_non_null(line);
        if (parse(line, ret_cmdline, error) != 0)
                fail_msg("\"%s\" was refused: %s", text, error);
        return line;
}

static void assert_wrong(const char *text, const char *expected)
{
        char error[CMDLINE_ERROR_MAX] = "", *line = strdup(text);
        struct cmdline options = { .n_ports = 77 };

        assert_non_null(line);
        if (parse(line, &options, error) != CMDLINE_WRONG)
                fail_msg("\"%s\" was taken", text);
        if (strcmp(error, expected) != 0)
                fail_msg("\"%s\": \"%s\", expected \"%s\"", text, error, expected);
        assert_int_equal(options.n_ports, 77);
        free(line);
}

static void test_verbs(void **state)
{
        struct cmdline options;

        (void)state;
        for (size_t i = 0; verb_get(i); i++) {
                char text[32], *line;

                snprintf(text, sizeof(text), "%s%s", verb_get(i)->name,
                         verb_get(i)->operands == OPERANDS_FILE           ? " file"
                         : verb_get(i)->operands == OPERANDS_PORT_ADDRESS ? " 80"
                         : verb_get(i)->operands == OPERANDS_PORT         ? " 80"
                         : verb_get(i)->operands == OPERANDS_ALERT        ? " 80"
                                                                          : "");
                line = parse_good(text, &options);
                assert_ptr_equal(options.verb, verb_get(i));
                assert_false(options.json || options.live || options.once || options.help);
                assert_null(options.socket_path);
                free(line);
        }
}

static void test_order(void **state)
{
        static const char *const lines[] = {
                "--json --socket /s --limit 3 ports 80 443",
                "ports 80 443 --limit 3 --json --socket=/s",
                "--limit=3 ports 80 --json 443 --socket /s",
                "--json --limit=3 --socket /s ports -- 80 443",
        };
        struct cmdline options;

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                char *line = parse_good(lines[i], &options);

                assert_string_equal(options.verb->name, "ports");
                assert_true(options.json);
                assert_string_equal(options.socket_path, "/s");
                assert_int_equal(options.limit, 3);
                assert_int_equal(options.n_ports, 2);
                assert_int_equal(options.ports[0], 80);
                assert_int_equal(options.ports[1], 443);
                free(line);
        }
}

static void test_order_posix(void **state)
{
        setenv("POSIXLY_CORRECT", "1", 1);
        test_order(state);
        unsetenv("POSIXLY_CORRECT");
}

static void test_values(void **state)
{
        struct cmdline options;
        char *line;

        (void)state;
        free(parse_good("status --live --count 3 --no-color", &options));
        assert_true(options.live && options.no_color);
        assert_int_equal(options.count, 3);
        free(parse_good("ports --all --once", &options));
        assert_true(options.all && options.once);
        free(parse_good("report 80 443 --since 1h --force", &options));
        assert_true(options.force);
        assert_int_equal(options.since_sec, 3600);
        assert_int_equal(options.n_ports, 2);
        free(parse_good("watch --after 0", &options));
        assert_true(options.has_after);
        assert_int_equal(options.after, 0);
        free(parse_good("watch", &options));
        assert_false(options.has_after);
        line = parse_good("--config tuned.conf replay rec --json", &options);
        assert_string_equal(options.config, "tuned.conf");
        assert_string_equal(options.file, "rec");
        free(line);
        line = parse_good("replay -", &options);
        assert_string_equal(options.file, "-");
        assert_null(options.config);
        free(line);
}

static void test_port_address(void **state)
{
        static const char *const lines[][2] = {
                { "why 7865", "" },
                { "why 7865 10.0.0.9 --try", "10.0.0.9" },
                { "why --try 7865 -- ::1", "::1" },
                { "why 7865 0:0:0::1 --try", "::1" },
                { "why 7865 ::", "::" },
                { "why 7865 ::ffff:10.0.0.9", "10.0.0.9" },
                { "why 10.0.0.9:7865", "10.0.0.9" },
                { "why --try [::1]:7865", "::1" },
                { "why [0:0::]:7865", "::" },
                { "why *:7865", "::" }, /* as ss(8) shows a socket of both families */
                { "why 0.0.0.0:7865", "0.0.0.0" },
                { "why [::ffff:10.0.0.9]:7865", "10.0.0.9" },
                { "why 7865 ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
                  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
        };
        struct cmdline options;

        (void)state;
        if (getservbyname("https", "tcp")) { /* a small machine has no services(5) */
                free(parse_good("why https", &options));
                assert_int_equal(options.ports[0], 443);
                free(parse_good("why 127.0.0.1:https --try", &options));
                assert_int_equal(options.ports[0], 443);
        } else {
                assert_wrong("why https", "PORT must be a number from 1 to 65535, a service or "
                                          "ADDRESS:PORT, not \"https\"");
        }
        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                free(parse_good(lines[i][0], &options));
                assert_int_equal(options.n_ports, 1);
                assert_int_equal(options.ports[0], 7865);
                assert_string_equal(options.address, lines[i][1]);
                assert_int_equal(options.try_bind, strstr(lines[i][0], "--try") != NULL);
        }
        free(parse_good("destinations --limit 5 --json", &options));
        assert_int_equal(options.limit, 5);
}

static void expect_choice(const char *words, const char *key, const char *side, uint16_t port)
{
        char line[128], text[CHOICE_TEXT_MAX], *kept;
        struct cmdline options;

        snprintf(line, sizeof(line), "events %s", words);
        kept = parse_good(line, &options);
        assert_int_equal(options.choice.key != NULL, key != NULL);
        if (key)
                assert_string_equal(options.choice.key, key);
        assert_int_equal(options.choice.side != NULL, side != NULL);
        if (side)
                assert_string_equal(options.choice.side, side);
        assert_int_equal(options.choice.port, port);
        assert_true(strlen(choice_text(&options.choice, text)) > 0);
        free(kept);
}

static void test_alerts(void **state)
{
        struct cmdline options;
        char *line;

        (void)state;
        free(parse_good("events --last 7", &options));
        assert_true(choice_is_empty(&options.choice));
        assert_int_equal(options.last, 7);
        expect_choice("7865", NULL, NULL, 7865);
        expect_choice("local:7865", NULL, "local", 7865);
        expect_choice("remote:65535 --json", NULL, "remote", 65535);
        expect_choice("host", NULL, "host", 0);
        expect_choice("blind:-:host:0:-", "blind:-:host:0:-", NULL, 0);
        expect_choice("--last 3 close-wait-stuck:-:local:7865:-", "close-wait-stuck:-:local:7865:-",
                      NULL, 0);
        free(parse_good("acknowledge 7865", &options));
        assert_null(options.comment);
        assert_false(options.undo);
        line = parse_good("acknowledge --comment known local:7865 --undo", &options);
        assert_string_equal(options.comment, "known");
        assert_true(options.undo);
        free(line);

        assert_wrong("acknowledge", "acknowledge needs the KEY of an alert or a PORT");
        assert_wrong("acknowledge 80 81", "acknowledge takes one KEY or PORT");
        assert_wrong("events 80 81", "events takes one KEY or PORT");
        assert_wrong("events --last 0", "--last must be a number from 1 on, not \"0\"");
        assert_wrong("events --undo", "events takes no --undo");
        line = parse_good("history --since 1h30min 80 --ascii", &options);
        assert_int_equal(options.since_sec, 5400);
        assert_true(options.ascii);
        assert_int_equal(options.ports[0], 80);
        free(line);
        line = parse_good("history remote:80", &options);
        assert_int_equal(options.ports[0], 80);
        assert_string_equal(options.sides[0], "remote");
        free(line);
        line = parse_good("ports local:80 81", &options);
        assert_int_equal(options.n_ports, 2);
        assert_string_equal(options.sides[0], "local");
        assert_null(options.sides[1]);
        free(line);
        assert_wrong("history host:80", "PORT must be a number from 1 to 65535, not \"host:80\"");
        assert_wrong("history local:0", "PORT must be a number from 1 to 65535, not \"0\"");
        assert_wrong("history", "history needs a PORT");
        assert_wrong("history 80 81", "history takes one PORT");
        assert_wrong("history 80 --since 999ms",
                     "--since must be a duration of 1s to 30d, which is as long as twmond keeps, "
                     "not \"999ms\"");
        assert_wrong("history 80 --since 31d",
                     "--since must be a duration of 1s to 30d, which is as long as twmond keeps, "
                     "not \"31d\"");
        free(parse_good("history 80 --since 30d", &options));
        assert_int_equal(options.since_sec, 30 * 86400);
        assert_wrong("history 80 --csv --ascii", "--csv excludes --json and --ascii");
        assert_wrong("history 80 --force", "history takes no --force");
        assert_wrong("acknowledge 80 --last 1", "acknowledge takes no --last");
        assert_wrong("acknowledge 80 --comment \xff",
                     "--comment must be UTF-8 of at most 127 bytes, not \"\xff\"");
}

static void test_no_choice(void **state)
{
        static const char *const words[] = {
                "0",         "65536",      "-1",           "x",
                "local",     "local:",     "host:0",       "host:80",
                ":80",       "lo:80",      "Host",         "local:local:80",
                "local:80:", "remote: 80", "80 ",          "",
                "remote",    "local:http", "blind:-:host", "blind:0:host:0:-",
        };
        struct choice choice = { .port = 77 };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (choice_parse(words[i], &choice) == 0 || choice.port != 77)
                        fail_msg("\"%s\" was taken", words[i]);
        assert_wrong("events http", "not the KEY of an alert, a PORT or SIDE:PORT: \"http\"");
}

static void test_what_a_choice_fits(void **state)
{
        static const char *const keys[] = { "close-wait-stuck:-:local:80:-",
                                            "close-wait-stuck:-:remote:80:-", "blind:-:host:0:-" };
        static const struct {
                const char *text;
                bool fits[3];
        } rows[] = {
                { "80", { true, true, false } },
                { "local:80", { true, false, false } },
                { "remote:80", { false, true, false } },
                { "81", { false, false, false } },
                { "host", { false, false, true } },
                { "close-wait-stuck:-:remote:80:-", { false, true, false } },
        };
        struct choice choice = { 0 };

        (void)state;
        assert_true(choice_fits(&choice, NULL));
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                assert_int_equal(choice_parse(rows[i].text, &choice), 0);
                assert_false(choice_fits(&choice, NULL));
                for (size_t j = 0; j < ARRAY_SIZE(keys); j++) {
                        struct alert_key key;
                        json_t *alert;

                        assert_int_equal(alert_key_parse(keys[j], &key), 0);
                        alert = json_pack("{s:s, s:s, s:i}", "key", keys[j], "side",
                                          port_side_name(key.port.side), "port", key.port.port);
                        assert_int_equal(choice_fits(&choice, alert), rows[i].fits[j]);
                        json_decref(alert);
                }
        }
}

static void test_check(void **state)
{
        struct cmdline options;
        char *line;

        (void)state;
        free(parse_good("check", &options));
        assert_true(!options.levels.warning.text && !options.levels.critical.text);
        assert_int_equal(options.levels.metric, CHECK_STUCK);
        assert_int_equal(options.timeout_usec, 0);
        line = parse_good("-t 3 check -w 10 local:80 -c @20:30 --metric oldest", &options);
        assert_string_equal(options.levels.warning.text, "10");
        assert_string_equal(options.levels.critical.text, "@20:30");
        assert_int_equal(options.levels.metric, CHECK_OLDEST);
        assert_int_equal(options.timeout_usec, 3000000);
        assert_int_equal(options.choice.port, 80);
        free(line);
        line = parse_good("check --critical=~:5 --timeout 500ms", &options);
        assert_string_equal(options.levels.critical.text, "~:5");
        assert_int_equal(options.timeout_usec, 500000);
        free(line);
        free(parse_good("check -V", &options));
        assert_true(options.version);

        assert_wrong("check -w", "-w needs an argument");
        assert_wrong(
                "check -w 20:10",
                "--warning must be a range such as 10, 10:, 10:20, @10:20 or (quoted, for the shell) ~:10, not "
                "\"20:10\"");
        assert_wrong("check --metric oldest", "--metric needs --warning or --critical");
        assert_wrong("check -w 1 --metric age",
                     "--metric must be stuck, close-wait, time-wait, oldest or time-wait-table, "
                     "not \"age\"");
        assert_wrong("check -w 1 host", "--warning and --critical take a PORT or none");
        assert_wrong("check -c 1 blind:-:host:0:-", "--warning and --critical take a PORT or none");
        assert_wrong("check -c 1 80 --metric time-wait-table",
                     "--metric time-wait-table is of the whole host and takes no PORT");
        assert_wrong("check -t 0", "--timeout must be a time span of 1ms to 1h, not \"0\"");
        assert_wrong("check -t 2h", "--timeout must be a time span of 1ms to 1h, not \"2h\"");
        assert_wrong("status -w 1", "status takes no --warning");
        assert_wrong("ports -t 1", "ports takes no --timeout");
}

static void test_complete(void **state)
{
        char *argv[] = {
                "twmonctl", "--socket", "/s", "complete", "--", "why", "--json", "", NULL
        };
        char error[CMDLINE_ERROR_MAX];
        struct cmdline options;

        (void)state;
        assert_int_equal(cmdline_parse(8, argv, &options, error), 0);
        assert_int_equal(options.n_words, 3);
        assert_ptr_equal(options.words, &argv[5]);
        assert_false(options.json);
        assert_int_equal(cmdline_parse(5, argv, &options, error), 0);
        assert_int_equal(options.n_words, 0);
        assert_wrong("complete why", "complete takes its words behind --");
}

/* Also where the rest is not understood: who calls a check reads its exit status. */
static void test_find_verb(void **state)
{
        static const struct {
                const char *line, *verb;
        } rows[] = {
                { "check --frob", "check" },        { "--frob check", "check" },
                { "--socket /s check 0", "check" }, { "-w 1 -- check", "check" },
                { "--socket check", NULL },         { "frob check", NULL },
                { "status check", "status" },       { "--help", NULL },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char *argv[WORDS_MAX + 2] = { "twmonctl" }, *line = strdup(rows[i].line);
                char *rest = line, *word;
                const struct verb *verb;
                int argc = 1;

                while ((word = strsep(&rest, " ")))
                        argv[argc++] = word;
                verb = cmdline_find_verb(argc, argv);
                if (verb != (rows[i].verb ? verb_find(rows[i].verb) : NULL))
                        fail_msg("\"%s\": %s", rows[i].line, verb ? verb->name : "none");
                free(line);
        }
}

static void test_help(void **state)
{
        struct cmdline options;

        (void)state;
        free(parse_good("--help", &options));
        assert_true(options.help);
        assert_null(options.verb);
        free(parse_good("ports --help", &options));
        assert_true(options.help);
        assert_string_equal(options.verb->name, "ports");
        free(parse_good("help watch", &options));
        assert_string_equal(options.topic->name, "watch");
        free(parse_good("--version", &options));
        assert_true(options.version);
        free(parse_good("-h", &options));
        assert_true(options.help);
}

static void test_wrong(void **state)
{
        (void)state;
        assert_wrong("", "no verb given");
        assert_wrong("--json", "no verb given");
        assert_wrong("stat", "no verb \"stat\"");
        assert_wrong("status --frob", "no option --frob");
        assert_wrong("-j status", "no option -j");
        assert_wrong("status --json=yes", "no option --json=yes");
        assert_wrong("ports --limit", "--limit needs an argument");
        assert_wrong("status more", "status takes no \"more\"");
        assert_wrong("alerts --once", "alerts takes no --once");
        assert_wrong("--live ports", "ports takes no --live");
        assert_wrong("status --after 1", "status takes no --after");
        assert_wrong("status --live --once", "--live and --once exclude each other");
        assert_wrong("status --count 2", "--count needs --live");
        assert_wrong("help status ports", "help takes one verb");
        assert_wrong("help nothing", "no verb \"nothing\"");
        assert_wrong("replay", "replay needs a FILE");
        assert_wrong("replay a b", "replay takes one FILE");
        assert_wrong("replay a --config=", "--config must be a file, not \"\"");
        assert_wrong("status --config a", "status takes no --config");
        assert_wrong("why", "why needs a PORT");
        assert_wrong("why --try", "why needs a PORT");
        assert_wrong("why 80 ::1 ::2", "why takes one PORT and one ADDRESS");
        assert_wrong("why 80 --once", "why takes no --once");
        assert_wrong("ports 80 --try", "ports takes no --try");
        assert_wrong("destinations 80", "destinations takes no \"80\"");
}

static void test_wrong_values(void **state)
{
        char line[200] = "status --socket ";

        (void)state;
        assert_wrong("ports 0", "PORT must be a number from 1 to 65535, not \"0\"");
        assert_wrong("ports 65536", "PORT must be a number from 1 to 65535, not \"65536\"");
        assert_wrong("ports http", "PORT must be a number from 1 to 65535, not \"http\"");
        assert_wrong("why 0", "PORT must be a number from 1 to 65535, not \"0\"");
        assert_wrong("why ::1 80", "with a PORT an IPv6 address is written [ADDRESS]:PORT");
        assert_wrong("why ::1:80", "with a PORT an IPv6 address is written [ADDRESS]:PORT");
        assert_wrong("why [::1]:0", "PORT must be a number from 1 to 65535, not \"0\"");
        assert_wrong("why 1.2.3.4:80 ::1", "why takes one PORT and one ADDRESS");
        assert_wrong("why localhost:80",
                     "in ADDRESS:PORT, ADDRESS must be an IPv4 or IPv6 address, not \"localhost\"");
        assert_wrong("why [*]:80",
                     "in ADDRESS:PORT, ADDRESS must be an IPv4 or IPv6 address, not \"*\"");
        assert_wrong("why []:80",
                     "in ADDRESS:PORT, ADDRESS must be an IPv4 or IPv6 address, not \"\"");
        assert_wrong("why :80",
                     "in ADDRESS:PORT, ADDRESS must be an IPv4 or IPv6 address, not \"\"");
        assert_wrong("why [ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:80",
                     "in ADDRESS:PORT, ADDRESS must be an IPv4 or IPv6 address");
        assert_wrong("why no-such-service", "PORT must be a number from 1 to 65535, a service or "
                                            "ADDRESS:PORT, not \"no-such-service\"");
        assert_wrong("why 1.2.3.4:", "PORT must be a number from 1 to 65535, not \"\"");
        assert_wrong("why 99999", "PORT must be a number from 1 to 65535, not \"99999\"");
        assert_wrong("why 80 81", "ADDRESS must be an IPv4 or IPv6 address, not \"81\"");
        assert_wrong("why 80 localhost",
                     "ADDRESS must be an IPv4 or IPv6 address, not \"localhost\"");
        assert_wrong("why 80 fe80::1%lo",
                     "ADDRESS must be an IPv4 or IPv6 address, not \"fe80::1%lo\"");
        assert_wrong("ports -- -1", "PORT must be a number from 1 to 65535, not \"-1\"");
        assert_wrong("ports --limit 0", "--limit must be a number from 1 on, not \"0\"");
        assert_wrong("ports --limit -3", "--limit must be a number from 1 on, not \"-3\"");
        assert_wrong("watch --after x",
                     "--after must be the sequence number of an event, not \"x\"");
        assert_wrong("watch --after 99999999999999999999",
                     "--after must be the sequence number of an event, not "
                     "\"99999999999999999999\"");
        assert_wrong("status --socket=", "--socket must be a path of 1 to 107 bytes, not \"\"");
        memset(line + strlen(line), 'a', 107);
        free(parse_good(line, &(struct cmdline){ 0 }));
        line[strlen(line)] = 'a';
        assert_wrong(line,
                     "--socket must be a path of 1 to 107 bytes, not \"aaaaaaaaaaaaaaaaaaaaaaa"
                     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                     "aaaaaaaaaaa\"");
}

static void test_too_many_ports(void **state)
{
        static char *argv[CMDLINE_PORTS_MAX + 4] = { "twmonctl", "ports" };
        char error[CMDLINE_ERROR_MAX];
        struct cmdline options;

        (void)state;
        for (size_t i = 0; i <= CMDLINE_PORTS_MAX; i++)
                argv[2 + i] = "80";
        assert_int_equal(cmdline_parse(CMDLINE_PORTS_MAX + 2, argv, &options, error), 0);
        assert_int_equal(options.n_ports, CMDLINE_PORTS_MAX);
        assert_int_equal(cmdline_parse(CMDLINE_PORTS_MAX + 3, argv, &options, error),
                         CMDLINE_WRONG);
        assert_string_equal(error, "too many ports: at most 1000");
}

static void assert_narrow(const struct verb *verb)
{
        char *text = NULL, *rest;
        size_t len;
        FILE *out = open_memstream(&text, &len);

        assert_non_null(out);
        verbs_print_help(out, verb);
        fclose(out);
        rest = text;
        for (char *line; (line = strsep(&rest, "\n"));)
                if (strlen(line) > 80)
                        fail_msg("\"%s\" is wider than 80 columns", line);
        free(text);
}

static void test_help_is_narrow(void **state)
{
        (void)state;
        assert_narrow(NULL);
        for (size_t i = 0; verb_get(i); i++)
                assert_narrow(verb_get(i));
}

/* The help of everything names every verb, that of a verb each of its options. */
static void test_help_text(void **state)
{
        char *text = NULL;
        size_t len;
        FILE *out = open_memstream(&text, &len);

        (void)state;
        assert_non_null(out);
        verbs_print_help(out, NULL);
        fflush(out);
        for (size_t i = 0; verb_get(i); i++) {
                char line[64];

                snprintf(line, sizeof(line), "\n  %-12s ", verb_get(i)->name);
                assert_non_null(strstr(text, line));
        }
        verbs_print_help(out, verb_find("ports"));
        fclose(out);
        assert_non_null(strstr(text, "  --limit N "));
        assert_non_null(strstr(text, "  --once "));
        assert_null(strstr(text, "  --live "));
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_verbs),          cmocka_unit_test(test_order),
                cmocka_unit_test(test_order_posix),    cmocka_unit_test(test_values),
                cmocka_unit_test(test_port_address),   cmocka_unit_test(test_alerts),
                cmocka_unit_test(test_no_choice),      cmocka_unit_test(test_what_a_choice_fits),
                cmocka_unit_test(test_help),           cmocka_unit_test(test_wrong),
                cmocka_unit_test(test_wrong_values),   cmocka_unit_test(test_too_many_ports),
                cmocka_unit_test(test_check),          cmocka_unit_test(test_find_verb),
                cmocka_unit_test(test_complete),       cmocka_unit_test(test_help_text),
                cmocka_unit_test(test_help_is_narrow),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
