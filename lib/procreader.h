/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files of procfs that are read at every scan. They stay open: to open one costs more than to read it. */

#include <stddef.h>

#define PROC_READER_FILES_MAX 9 /* descriptors held: kernlimits_read_scan(), host_facts_read*() */

struct proc_reader {
        const char *proc; /* "/proc"; borrowed */
        size_t n_files;
        struct proc_reader_file {
                const char *name; /* below proc; borrowed */
                int fd;           /* -1: not open */
        } files[PROC_READER_FILES_MAX];
};

/* Opens nothing yet. proc: where procfs is mounted; has to outlive the reader. */
void proc_reader_init(struct proc_reader *reader, const char *proc);
/* Closes what is open. */
void proc_reader_done(struct proc_reader *reader);

/*
 * The same as procfile_read(), of a file that is opened when it is first asked for. It goes on
 * telling about the network namespace in which it was opened, as a netlink socket does, so one
 * reader per namespace and thread. name has to outlive the reader. A file that is not there, and any
 * beyond PROC_READER_FILES_MAX, costs an open() each time.
 */
int proc_reader_read(struct proc_reader *reader, const char *name, char *buf, size_t size);
