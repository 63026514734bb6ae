/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * In a quiet scan every socket is seen and none has changed: three zeros, however many there are.
 *
 * The kernel dumps its sockets in an order of its own, but gives cookies in that order to those
 * that it dumps for the first time. So the socket behind the last one found is tried first, and an
 * index is made only where that fails.
 */

#include "recdelta.h"

#include <errno.h>

#include "recsock.h"

static struct rectable_entry *find_near(struct rectable *table, uint64_t cookie)
{
        struct rectable_entry *entry;

        if (table->hint < table->n && table->entries[table->hint].record.cookie == cookie)
                entry = &table->entries[table->hint];
        else {
                rectable_index(table);
                entry = rectable_find(table, cookie);
        }
        if (entry)
                table->hint = (size_t)(entry - table->entries) + 1;
        return entry;
}

int recdelta_see(struct rectable *table, const struct sockrec *record)
{
        struct sockrec reduced;
        struct rectable_entry *entry;
        int r;

        recsock_reduce(record, &reduced);
        entry = find_near(table, reduced.cookie);
        if (!entry) {
                r = rectable_add(table, &reduced);
                if (r == -ENOSPC)
                        table->left_out++;
                return r == -ENOMEM ? r : 0;
        }
        if (entry->seen == table->attempt)
                return 0; /* a dump may show a socket twice: the first time counts */
        entry->seen = table->attempt;
        entry->changed = (uint8_t)recsock_diff(&entry->record, &reduced);
        if (entry->changed)
                entry->record = reduced;
        return 0;
}

static void write_unseen(const struct rectable *table, struct recbuf *buf)
{
        size_t runs = 0, i = 0, behind = 0;

        for (size_t e = 0; e < table->n; e++)
                runs += table->entries[e].seen != table->attempt &&
                        (e == 0 || table->entries[e - 1].seen == table->attempt);
        recbuf_put(buf, runs);
        while (runs-- > 0) {
                size_t first;

                while (table->entries[i].seen == table->attempt)
                        i++;
                first = i;
                while (i < table->n && table->entries[i].seen != table->attempt)
                        i++;
                recbuf_put(buf, first - behind);
                recbuf_put(buf, i - first - 1);
                behind = i;
        }
}

static void write_changed(const struct rectable *table, struct recbuf *buf)
{
        size_t changed = 0, behind = 0;

        for (size_t e = 0; e < table->n; e++)
                changed += table->entries[e].changed != 0;
        recbuf_put(buf, changed);
        for (size_t e = 0; changed > 0 && e < table->n; e++) {
                const struct rectable_entry *entry = &table->entries[e];

                if (entry->changed == 0)
                        continue;
                recbuf_put(buf, e - behind);
                recsock_put_change(buf, entry->changed, &entry->record);
                behind = e + 1;
        }
}

static void write_fresh(const struct rectable *table, struct recbuf *buf)
{
        uint64_t previous = 0;

        recbuf_put(buf, table->n_fresh);
        for (size_t i = 0; i < table->n_fresh; i++) {
                recsock_put(buf, &table->fresh[i].record, previous);
                previous = table->fresh[i].record.cookie;
        }
}

int recdelta_write(struct rectable *table, struct recbuf *buf)
{
        int r = rectable_sort(table);

        if (r == RECTABLE_REPEATED)
                r = rectable_drop_repeated(table);
        if (r < 0)
                return r;
        write_unseen(table, buf);
        write_changed(table, buf);
        write_fresh(table, buf);
        return rectable_adopt(table);
}

static void read_unseen(struct rectable *table, struct recview *view)
{
        static const char what[] = "which sockets were not seen";
        size_t runs = recview_get_count(view, table->n, what), i = 0;

        while (runs-- > 0 && !view->wrong) {
                size_t gap = recview_get(view, table->n - i, what), len;

                if (i + gap == table->n) {
                        recview_set_wrong(view, what);
                        return;
                }
                len = recview_get(view, table->n - i - gap - 1, what) + 1;
                for (; gap > 0; gap--)
                        table->entries[i++].seen = table->attempt;
                i += len;
        }
        while (i < table->n)
                table->entries[i++].seen = table->attempt;
}

static void read_changed(struct rectable *table, struct recview *view)
{
        static const char what[] = "which sockets have changed";
        size_t changed = recview_get_count(view, table->n, what), i = 0;

        while (changed-- > 0 && !view->wrong) {
                struct rectable_entry *entry;

                i += recview_get(view, table->n - i, what);
                if (i == table->n || table->entries[i].seen != table->attempt) {
                        recview_set_wrong(view, what);
                        return;
                }
                entry = &table->entries[i++];
                entry->changed = (uint8_t)recsock_get_change(view, &entry->record);
        }
}

static int read_fresh(struct rectable *table, struct recview *view)
{
        static const char what[] = "how many sockets are new";
        size_t fresh = recview_get_count(view, RECTABLE_SOCKETS_MAX - table->n, what);
        struct sockrec record = { 0 };
        int r = 0;

        while (fresh-- > 0 && !view->wrong && r == 0) {
                recsock_get(view, SOCK_CLOSE_WAIT, record.cookie, &record);
                if (rectable_find(table, record.cookie))
                        recview_set_wrong(view, "a new socket that is none");
                r = rectable_add(table, &record);
        }
        return r;
}

int recdelta_read(struct rectable *table, struct recview *view)
{
        int r;

        read_unseen(table, view);
        read_changed(table, view);
        r = read_fresh(table, view);
        if (r == 0)
                r = rectable_sort(table);
        if (r == RECTABLE_REPEATED)
                recview_set_wrong(view, "a new socket that is there twice");
        return r < 0 ? r : 0;
}

int recdelta_each(const struct rectable *table,
                  int (*fn)(const struct sockrec *record, void *userdata), void *userdata)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < table->n; i++)
                if (table->entries[i].seen == table->attempt)
                        r = fn(&table->entries[i].record, userdata);
        for (size_t i = 0; r == 0 && i < table->n_fresh; i++)
                r = fn(&table->fresh[i].record, userdata);
        return r;
}
