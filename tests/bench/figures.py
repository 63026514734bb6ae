# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the benchmark does with numbers: medians, ratios of what was measured side by side, claims.

Pure: knows no socket, no file and no clock.
"""

import math
import statistics

PASS, FAIL, SKIP = "PASS", "FAIL", "SKIP"


def percentile(values, share):
    """The smallest value that so great a share (0..1) of all is not above."""
    ranked = sorted(values)
    return ranked[max(math.ceil(share * len(ranked)), 1) - 1]


def summary(values):
    """Of one figure over all its rounds; None where there was no round."""
    if not values:
        return None
    return {"median": statistics.median(values), "min": min(values), "max": max(values),
            "rounds": len(values)}


def paired_ratio(ours, theirs):
    """The median of each round's own ratio: what slows the machine for a while is in both.

    Both are {round: value}; a round that has but one of them says nothing. None: there is none.
    """
    ratios = [ours[key] / theirs[key] for key in ours if theirs.get(key, 0) > 0]
    return statistics.median(ratios) if ratios else None


def per_minute(msec_per_run, period_sec):
    return None if msec_per_run is None else msec_per_run * 60 / period_sec


def claim(text, got, wanted, unit="x", why="not measured"):
    """A line of what must be shown: got is to be at most wanted. got None: skipped, and why."""
    verdict = SKIP if got is None else PASS if got <= wanted else FAIL
    return {"claim": text, "got": got, "wanted": wanted, "unit": unit, "verdict": verdict,
            **({"why": why} if got is None else {})}


def ratio(ours, theirs):
    """None where either is missing or there is nothing to divide by."""
    return None if ours is None or not theirs else ours / theirs


def exit_status(claims):
    return 1 if any(item["verdict"] == FAIL for item in claims) else 0
