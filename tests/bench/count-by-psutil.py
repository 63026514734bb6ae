#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What many a script does: connections by state, as psutil lists them."""

import collections

import psutil

counts = collections.Counter(item.status for item in psutil.net_connections("tcp"))
print(counts["TIME_WAIT"], counts["CLOSE_WAIT"])
