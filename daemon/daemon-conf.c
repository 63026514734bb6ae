/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The configuration: loaded at the start, and again while the daemon runs. */

#include "daemon-private.h"

#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "base.h"
#include "clock.h"
#include "notify.h"

#define CONF_ERRORS_SHOWN_BYTES 4096 /* of them in a status */

const char *daemon_conf_source(const struct options *options)
{
        return options->config ? options->config : "/etc/twmon/twmon.conf and drop-ins";
}

int daemon_load_conf(const struct options *options, struct conf **ret_conf, char **ret_errors)
{
        return options->config ? conf_load_file(options->config, ret_conf, ret_errors)
                               : conf_load_system("", ret_conf, ret_errors);
}

/* Alerts whose rule a reload has removed end now, not at the next scan. */
static void retire(struct daemon *daemon)
{
        daemon_tell_events(daemon,
                           detect_retire(daemon->alerts, daemon->conf->rules, clock_now_usec(),
                                         clock_wall_usec(), &daemon->events));
}

static void adopt_conf(struct daemon *daemon, struct conf *conf)
{
        free(daemon->conf_errors);
        daemon->conf_errors = NULL;
        conf_unref(daemon->conf);
        daemon->conf = conf;
        conf->serial = ++daemon->conf_serial; /* before the scanner sees it */
        scan_reconfigure(daemon->scan, conf);
        starter_configure(daemon->starter, conf->start);
        notify_pause(conf->interval_usec, 0, &daemon->watchdog_usec);
        desk_set_budget(&daemon->desk, conf->cpu_budget_ppm);
        daemon_configure_history(daemon);
        retire(daemon);
        alert_tell_reloaded(daemon->journal, daemon_conf_source(daemon->options));
        keep_alerts(daemon->keep);
}

/* Without memory the journal alone has them. */
static void keep_errors(struct daemon *daemon, const char *errors)
{
        free(daemon->conf_errors);
        daemon->conf_errors = strndup(errors, CONF_ERRORS_SHOWN_BYTES);
}

int daemon_reload(void *userdata, char **ret_errors)
{
        struct daemon *daemon = userdata;
        CLEANUP(free_text) char *errors = NULL;
        struct conf *conf;
        int r;

        notify_reloading(clock_now_usec());
        r = daemon_load_conf(daemon->options, &conf, &errors);
        if (r == 0)
                adopt_conf(daemon, conf);
        else if (r == CONF_BAD)
                alert_tell_rejected(daemon->journal, errors);
        else
                alert_tell_problem(daemon->journal, "reading the configuration failed", r,
                                   "the old one stays in force");
        if (r != 0)
                keep_errors(daemon, r == CONF_BAD ? errors : strerror(-r));
        if (r == CONF_BAD)
                *ret_errors = TAKE_PTR(errors);
        notify_reloaded();
        return r;
}
