/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The page at /, for people who have found the port. Needs nothing from elsewhere. */

#define PAGE_POLICY "default-src 'none'; style-src 'unsafe-inline'"

extern const char page_html[];
