/* device_parts.h: what device.c, device_line.c and device_init.c share. Private to them. */
#ifndef AMP_DEVICE_PARTS_H
#define AMP_DEVICE_PARTS_H

#include "amp/device.h"

/// Microseconds from |at_us| to now; AMP_WIRE_NONE if there are more.
uint32_t amp_device_since(const struct amp_device *device, uint64_t at_us);

/// Queue one of the library's own events.
void amp_device_report(struct amp_device *device, enum amp_event_code code, uint32_t argument,
                       uint64_t at_us);

/// Let |now_us| be now, unless that is in the past; end the lease if it is over; move the ramps.
void amp_device_pass_time(struct amp_device *device, uint64_t now_us);

#endif
