/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Destinations: type Destination, and the reply of ListDestinations. */

#include "base.h"
#include "units.h"
#include "wireput.h"

static int put_address(json_t *object, const char *name, uint8_t family,
                       const struct sock_addr *address)
{
        char text[ADDRESS_TEXT_MAX];

        return put(object, name, json_string(address_text(family, address, text)));
}

json_t *wire_destination(const struct port_key *port, const struct destination *destination,
                         const struct exhaustion *exhaustion, const struct owner *owner)
{
        const bool known = exhaustion->usable > 0;
        json_t *object = json_object();
        int r = 0;

        r |= put_address(object, "source", destination->family, &destination->source);
        r |= put_address(object, "address", destination->family, &destination->address);
        r |= put_int(object, "port", port->port);
        r |= put_int(object, "used", exhaustion->used);
        r |= put_int(object, "reusable", exhaustion->reusable);
        r |= put_int_if(object, known, "usable", exhaustion->usable);
        r |= put_int(object, "errorMax", exhaustion->error_max);
        if (known)
                r |= put(object, "usedPercent",
                         json_real(100.0 * exhaustion->used / exhaustion->usable));
        if (exhaustion->burning) {
                r |= put(object, "burnPerMin", json_real(exhaustion->burn_per_min));
                r |= put_int_if(object, known, "etaSec", exhaustion->eta_usec / USEC_PER_SEC);
        }
        if (owner && owner_is_known(owner))
                r |= put(object, "owner", wire_owner(owner));
        return finish(object, r);
}

static json_t *wire_rows(const struct census *census, size_t limit)
{
        const size_t n = MIN(census->n_destinations, limit);
        json_t *array = json_array();

        for (size_t i = 0; array && i < n; i++) {
                const struct destination_row *row = &census->destinations[i];

                if (json_array_append_new(array, wire_destination(&row->port, &row->destination,
                                                                  &row->exhaustion, NULL)) < 0) {
                        json_decref(array);
                        return NULL;
                }
        }
        return array;
}

json_t *wire_destinations(const struct census *census, const struct kernlimits *limits,
                          size_t limit)
{
        json_t *object = json_object();
        int r = 0;

        r |= put(object, "destinations", wire_rows(census, limit));
        r |= put_int(object, "total", census->destinations_total);
        r |= put(object, "seenAt", wire_time(census->asof_wall_usec));
        r |= put_bool(object, "partial", !census->whole);
        r |= put_int(object, "errorMax", census->error_max);
        if (limits->port_range_known) {
                r |= put_int(object, "portFirst", limits->port_first);
                r |= put_int(object, "portLast", limits->port_last);
        }
        r |= put_int_if(object, limits->reserved_in_range >= 0, "reservedPorts",
                        (uint64_t)limits->reserved_in_range);
        r |= put_int_if(object, census->usable > 0, "usable", census->usable);
        return finish(object, r);
}
