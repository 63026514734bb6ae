# SPDX-License-Identifier: LGPL-2.1-or-later
"""Candidates that take turns, round after round, so that the machine's drift is in all of them."""

import time


class Rounds:
    """samples: {candidate: {round: sample}}; a sample is a dict, its figures in milliseconds."""

    def __init__(self):
        self.candidates = []
        self.samples = {}

    def add(self, name, run, every=1):
        """run() gives a sample, or None. every: takes part in every so many rounds."""
        self.candidates.append((name, run, every))
        self.samples[name] = {}

    def run(self, count, before_each=lambda: None, least_sec=0.0):
        """The order turns round from one round to the next: nobody is always after the same."""
        began = time.monotonic()
        for number in range(count):
            order = self.candidates if number % 2 == 0 else self.candidates[::-1]
            for name, run, every in order:
                if number % every == 0:
                    before_each()
                    sample = run()
                    if sample is not None:
                        self.samples[name][number] = sample
            time.sleep(max(began + least_sec * (number + 1) / count - time.monotonic(), 0))

    def figures(self, name, key):
        """{round: figure}; empty where it has none."""
        return {number: sample[key] for number, sample in self.samples.get(name, {}).items()
                if key in sample}

    def list(self, name, key):
        return list(self.figures(name, key).values())

    def drop(self, name, is_wrong):
        """Forgets the samples that is_wrong(sample) says so of; how many they were."""
        kept = {number: sample for number, sample in self.samples[name].items()
                if not is_wrong(sample)}
        dropped = len(self.samples[name]) - len(kept)
        self.samples[name] = kept
        return dropped
