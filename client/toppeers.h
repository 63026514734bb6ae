/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The peers of a port: from which addresses its connections come, or to which they go. twmond tells
 * none, for there may be any number; so twmonctl asks the kernel itself, as anybody may, by one dump
 * of the port's sockets, which costs as much as a look of twmond's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sockrec.h"

#define TOPPEERS_ADDRESSES_MAX 1024 /* that are told apart; connections of others are counted */
#define TOPPEERS_SHOWN         4

struct toppeer {
        uint8_t family;
        struct sock_addr address;
        uint64_t close_wait;
        uint64_t total;
};

/* Zeroed: nothing was seen yet. */
struct toppeers {
        bool remote; /* the port is the peers' */
        uint16_t port;
        struct toppeer items[TOPPEERS_ADDRESSES_MAX];
        uint16_t places[2 * TOPPEERS_ADDRESSES_MAX]; /* by hash: position in items + 1; 0: free */
        size_t n;
        uint64_t others; /* connections of addresses that found no room */
        bool partial;    /* the kernel broke off before it had told all */
};

/* One socket; what is no connection of that port on that side is left out. */
void toppeers_add(struct toppeers *peers, const struct sockrec *record);
/* Puts those first that have most in CLOSE_WAIT, and then most at all. No toppeers_add() after it. */
void toppeers_sort(struct toppeers *peers);
/*
 * "10.0.0.7: 14, 12 in CLOSE_WAIT; 10.0.0.9: 3; and 3 more addresses", and where it is partial
 * " (not all were seen)" behind it.
 */
void toppeers_write(FILE *out, const struct toppeers *peers);

/*
 * Asks the kernel, and sorts; sets partial. remote and port are set. 0, or -errno: nobody knows.
 */
int toppeers_look(struct toppeers *peers);
