/* amphost_device.h: all that a sketch includes, in C or C++. For Arduino and PlatformIO, which find
 * headers beside the sources; any other build has the folder `include` on its path. */
#ifndef AMPHOST_DEVICE_H
#define AMPHOST_DEVICE_H

#ifdef __cplusplus
#define _Noreturn [[noreturn]]
extern "C" {
#endif

#include "amp/device.h"
#include "amp/port.h"

#ifdef __cplusplus
}
#undef _Noreturn
#endif

#endif
