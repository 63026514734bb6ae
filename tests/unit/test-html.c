/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* html: whatever it is given, the page shows it and does nothing else. */

#include "html.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#define START "<!DOCTYPE html>\n<p>"
#define END   "</p>\n"

static void assert_page(struct html *html, const char *expected)
{
        char *text = NULL;
        size_t len;

        assert_int_equal(html_finish(html, &text, &len), 0);
        assert_string_equal(text, expected);
        assert_int_equal(len, strlen(expected));
        free(text);
        html_free(html);
}

static void assert_escaped(const char *text, const char *expected)
{
        struct html *html = html_new();
        char *page;

        assert_non_null(html);
        html_element(html, "p", NULL, "%s", text);
        assert_true(asprintf(&page, START "%s" END, expected) > 0);
        assert_page(html, page);
        free(page);

        html = html_new();
        assert_non_null(html);
        html_open_class(html, "p", text);
        html_close(html);
        assert_true(asprintf(&page, "<!DOCTYPE html>\n<p class=\"%s\"></p>\n", expected) > 0);
        assert_page(html, page);
        free(page);
}

static void test_escape(void **state)
{
        (void)state;
        assert_escaped("", "");
        assert_escaped("plain: 100%", "plain: 100%");
        assert_escaped("<script>alert('1\")&amp;</script>",
                       "&lt;script&gt;alert(&#39;1&quot;)&amp;amp;&lt;/script&gt;");
        assert_escaped("\033[2J\r\n\t\x7f", "\\x1b[2J\\x0d\\x0a\\x09\\x7f");
        assert_escaped("stra\xc3\x9f"
                       "e \xe2\x82\xac \xf0\x9f\x94\xa5",
                       "stra\xc3\x9f"
                       "e \xe2\x82\xac \xf0\x9f\x94\xa5");
        assert_escaped("\xff\xfe <", "\\xff\\xfe &lt;");
        assert_escaped("\xe4", "\\xe4");                      /* cut, or Latin-1 */
        assert_escaped("\xc0\xbcscript", "\\xc0\\xbcscript"); /* an overlong "<" */
        assert_escaped("\xed\xa0\x80", "\\xed\\xa0\\x80");    /* a surrogate */
        assert_escaped("\xc2\x9b"
                       "31m",
                       "\\xc2\\x9b31m");                         /* C1: CSI */
        assert_escaped("\xe2\x80\xaegpj", "\\xe2\\x80\\xaegpj"); /* right to left */
        assert_escaped("\xef\xbf\xbf\xef\xbf\xbe", "\\xef\\xbf\\xbf\\xef\\xbf\\xbe"); /* not XML */
        assert_escaped("\xef\xbb\xbf", "\\xef\\xbb\\xbf");
}

/* Every byte, and every pair of bytes, comes out as XML's own characters, markup escaped. */
static void test_every_byte(void **state)
{
        (void)state;
        for (unsigned first = 1; first < 256; first++)
                for (unsigned second = 0; second < 256; second++) {
                        const char text[] = { (char)first, (char)second, '\0' };
                        struct html *html = html_new();
                        char *page = NULL;
                        size_t len;

                        assert_non_null(html);
                        html_element(html, "p", NULL, "%s", text);
                        assert_int_equal(html_finish(html, &page, &len), 0);
                        for (size_t i = strlen(START); i < len - strlen(END); i++) {
                                const uint8_t byte = (uint8_t)page[i];

                                assert_true(byte >= 0x20 && byte != 0x7f && byte != '<' &&
                                            byte != '>' && byte != '"' && byte != '\'');
                                assert_true(byte < 0x80 || (byte == first && first >= 0xc2) ||
                                            (byte == second && first >= 0xc2));
                        }
                        free(page);
                        html_free(html);
                }
}

static void test_elements(void **state)
{
        struct html *html = html_new();

        (void)state;
        assert_non_null(html);
        html_open(html, "html");
        html_attribute(html, "lang", "%s", "en");
        html_open(html, "meta");
        html_attribute(html, "charset", "utf-8");
        html_close(html);
        html_style(html, "p > span { color: red }");
        html_open_class(html, "p", "a b");
        html_text(html, "%d is ", 3);
        html_element(html, "span", "x", "%s", "<>");
        html_text(html, ".");
        html_close(html);
        html_close(html);
        assert_page(html, "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\" />\n"
                          "<style>p > span { color: red }</style>\n<p class=\"a b\">3 is "
                          "<span class=\"x\">&lt;&gt;</span>.</p></html>\n");
}

enum misuse { SCRIPT, HANDLER, LINK, LATE_ATTRIBUTE, STYLE, UNCLOSED };

static void misuse(enum misuse how)
{
        struct html *html = html_new();
        size_t len;
        char *text;

        html_open(html, "p");
        switch (how) {
        case SCRIPT:
                html_open(html, "script");
                break;
        case HANDLER:
                html_attribute(html, "onclick", "x");
                break;
        case LINK:
                html_attribute(html, "href", "x");
                break;
        case LATE_ATTRIBUTE:
                html_text(html, "x");
                html_attribute(html, "class", "x");
                break;
        case STYLE:
                html_style(html, "</style>");
                break;
        case UNCLOSED:
                html_finish(html, &text, &len);
                break;
        }
}

/* What would open a door is no matter of escaping: the program ends. */
static void test_misuse(void **state)
{
        (void)state;
        for (enum misuse how = SCRIPT; how <= UNCLOSED; how++) {
                int status = 0;
                pid_t pid = fork();

                assert_true(pid >= 0);
                if (pid == 0) {
                        signal(SIGABRT, SIG_DFL);
                        if (!freopen("/dev/null", "w", stderr))
                                _exit(1);
                        misuse(how);
                        _exit(0);
                }
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_escape),
                cmocka_unit_test(test_every_byte),
                cmocka_unit_test(test_elements),
                cmocka_unit_test(test_misuse),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
