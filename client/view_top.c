/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * twmonctl top: one loop that waits for keys, signals and twmond, and draws after each. Signals come
 * through a descriptor, so that none can end the program before the terminal is as it was; one that
 * asks for the end then ends it as it would have. Stopping (Ctrl-Z) and going on is left to curses.
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>

#include "top.h"

#define REDRAW_USEC USEC_PER_SEC /* ages go on */
#define GO_ON       (-1)

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH };

/* The loop's own. */
struct loop {
        struct top top;
        enum top_mode before_help;
        int signal_fd;
        int ended_by; /* a signal; 0: none */
        bool quit;
};

static uint64_t now_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

/* ---- keys ---- */

static void open_page(struct top *top)
{
        const struct topmodel_row *row = topmodel_selected(&top->model);

        if (!row)
                return;
        toppage_open(&top->page, row);
        top->mode = TOP_PAGE;
        top_ask_page(top);
}

static void go_back(struct loop *loop)
{
        if (loop->top.mode == TOP_HELP && loop->before_help == TOP_PAGE)
                top_ask_page(&loop->top);
        loop->top.mode = loop->top.mode == TOP_HELP ? loop->before_help : TOP_LIST;
}

static void help(struct loop *loop)
{
        if (loop->top.mode == TOP_HELP) {
                go_back(loop);
                return;
        }
        loop->before_help = loop->top.mode;
        loop->top.mode = TOP_HELP;
}

static void move(struct top *top, long rows)
{
        if (top->mode == TOP_LIST)
                topmodel_move(&top->model, rows);
        else if (rows < 0)
                top->page.first -= MIN(top->page.first, (size_t)-rows);
        else
                top->page.first +=
                        MIN((size_t)rows, (size_t)UINT16_MAX); /* drawing sets it right */
}

static void sort(struct top *top, enum topmodel_order order)
{
        if (top->mode == TOP_LIST)
                topmodel_sort(&top->model, order);
}

static void take_letter(struct loop *loop, int key)
{
        struct top *top = &loop->top;

        switch (key) {
        case 'q':
                loop->quit = true;
                break;
        case '?':
        case 'h':
                help(loop);
                break;
        case 'j':
                move(top, 1);
                break;
        case 'k':
                move(top, -1);
                break;
        case 's':
                sort(top, (top->model.order + 1) % TOPMODEL_ORDERS);
                break;
        case 'c':
                sort(top, TOPMODEL_BY_COUNT);
                break;
        case 't':
                sort(top, TOPMODEL_BY_STUCK);
                break;
        case 'a':
                sort(top, TOPMODEL_BY_AGE);
                break;
        case 'r':
                sort(top, TOPMODEL_BY_RATE);
                break;
        }
}

static void take_key(struct loop *loop, int key)
{
        struct top *top = &loop->top;
        const size_t rows = top->mode == TOP_LIST ? top_list_rows(top) : top_page_rows(top);
        const long page = (long)MAX(rows, 1U);

        switch (key) {
        case TOPSCREEN_UP:
                move(top, -1);
                break;
        case TOPSCREEN_DOWN:
                move(top, 1);
                break;
        case TOPSCREEN_PAGE_UP:
                move(top, -page);
                break;
        case TOPSCREEN_PAGE_DOWN:
                move(top, page);
                break;
        case TOPSCREEN_HOME:
                move(top, -UINT16_MAX);
                break;
        case TOPSCREEN_END:
                move(top, UINT16_MAX);
                break;
        case TOPSCREEN_ENTER:
                if (top->mode == TOP_LIST)
                        open_page(top);
                break;
        case TOPSCREEN_BACK:
                go_back(loop);
                break;
        default:
                take_letter(loop, key);
                break;
        }
}

static void take_keys(struct loop *loop)
{
        int key;

        while (!loop->quit && (key = topscreen_key(loop->top.screen)) != TOPSCREEN_NONE)
                take_key(loop, key);
}

/* ---- signals ---- */

static int hold_signals(struct loop *loop)
{
        sigset_t set;

        sigemptyset(&set);
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
                sigaddset(&set, signals[i]);
        sigprocmask(SIG_BLOCK, &set, NULL);
        loop->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return loop->signal_fd < 0 ? -errno : 0;
}

static void take_signals(struct loop *loop)
{
        struct signalfd_siginfo info;

        while (read(loop->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
                if (info.ssi_signo == SIGWINCH)
                        topscreen_resize(loop->top.screen);
                else
                        loop->ended_by = (int)info.ssi_signo;
}

/* Whoever sent it sees that it did; Ctrl-C is the usual way to leave, and a success. */
static int end_by(int signal_number)
{
        sigset_t set;

        if (signal_number == 0 || signal_number == SIGINT)
                return STATUS_DONE;
        signal(signal_number, SIG_DFL);
        sigemptyset(&set);
        sigaddset(&set, signal_number);
        raise(signal_number);
        sigprocmask(SIG_UNBLOCK, &set, NULL);
        return STATUS_FAILED;
}

/* ---- the loop ---- */

static int timeout_msec(const struct loop *loop, uint64_t now)
{
        const uint64_t due = MIN(top_due(&loop->top), now + REDRAW_USEC);

        return due > now ? (int)((due - now) / USEC_PER_MSEC) + 1 : 0;
}

/* A terminal that is gone is the end, as SIGHUP is. */
static void wait_for_news(struct loop *loop)
{
        struct pollfd fds[] = {
                { .fd = STDIN_FILENO, .events = POLLIN },
                { .fd = loop->signal_fd, .events = POLLIN },
                { .fd = toplink_fd(&loop->top.link), .events = POLLIN },
        };

        if (poll(fds, ARRAY_SIZE(fds), timeout_msec(loop, now_usec())) < 0)
                return;
        if (fds[1].revents)
                take_signals(loop);
        if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
                loop->quit = true;
}

static int run(struct loop *loop)
{
        int r = 0;

        while (r == 0 && !loop->quit && loop->ended_by == 0) {
                r = top_step(&loop->top, now_usec());
                if (r == 0)
                        r = top_draw(&loop->top, now_usec());
                if (r == 0)
                        wait_for_news(loop);
                take_keys(loop);
        }
        return r;
}

/* In one line what is wrong, and what does the same without a screen. */
static int refuse(const char *why)
{
        text_complain("top needs a terminal, and %s; instead: twmonctl ports, twmonctl status "
                      "--live, or twmonctl watch",
                      why);
        return STATUS_FAILED;
}

static int show(struct loop *loop)
{
        struct top *top = &loop->top;
        int r = hold_signals(loop);

        if (r < 0) {
                text_complain("signalfd: %s", strerror(-r));
                return STATUS_FAILED;
        }
        r = topscreen_open(&top->view->term, &top->screen);
        if (r == -ENOMEM)
                return view_no_memory();
        if (r < 0)
                return refuse("this one cannot be used");
        r = run(loop);
        top->screen = topscreen_close(top->screen);
        return r < 0 ? view_no_memory() : end_by(loop->ended_by);
}

int view_top(struct view *view)
{
        struct loop loop = { .signal_fd = -1 };
        struct top *top = &loop.top;
        const char *objection = topscreen_objection(getenv("TERM"));
        int r;

        if (view->options->json) {
                text_complain(
                        "top draws a screen, and has no JSON; instead: twmonctl --json ports");
                return STATUS_USAGE;
        }
        if (objection)
                return refuse(objection);
        top->view = view;
        top->model.order = view->options->order;
        top->link = (struct toplink){ .path = view->socket_path, .due_usec = TOPLINK_NEVER };
        r = view_connect(view, &top->link.conn);
        if (r == 0)
                r = show(&loop);
        close_fdp(&loop.signal_fd);
        toplink_done(&top->link);
        toppage_done(&top->page);
        topmodel_done(&top->model);
        json_decref(top->status);
        return r;
}
