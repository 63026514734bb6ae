/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A page that is HTML and well-formed XML at once, and that cannot do anything: there is no way to
 * write into it but through these functions, and each of them escapes. Markup characters become
 * entities; control characters, bytes that are not UTF-8, and characters that hide or reorder their
 * neighbours become \xNN for each byte, so that they can be seen.
 *
 * Elements and attributes are those of a list in html.c alone, which has none that runs, loads or links to
 * anything. Another name, or elements that are not nested, are errors of the program, and it ends.
 *
 * That no memory was left is remembered, and said at the end.
 */

#include <stddef.h>

#include "base.h"

#define HTML_DEPTH_MAX 16 /* of elements in each other */

struct html;

/* Begins with the doctype. NULL: no memory. */
struct html *html_new(void);
struct html *html_free(struct html *html);
DEFINE_CLEANUP(struct html *, html_free)

/* Begins an element in the one that is open; html_close() ends it. */
void html_open(struct html *html, const char *element);
/* Of the element that was just opened, before anything is in it. */
void html_attribute(struct html *html, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);
void html_text(struct html *html, const char *format, ...) PRINTF_LIKE(2, 3);
/* The innermost one. */
void html_close(struct html *html);

/* An element with a text and nothing else. class NULL: none. */
void html_element(struct html *html, const char *element, const char *class, const char *format,
                  ...) PRINTF_LIKE(4, 5);
/* html_open() with a class. */
void html_open_class(struct html *html, const char *element, const char *class);
/* A style sheet, which is ours: free of "<" and "&". */
void html_style(struct html *html, const char *css);

/* Everything is closed. *ret_text: the caller frees it. 0 or -ENOMEM. */
int html_finish(struct html *html, char **ret_text, size_t *ret_len);
