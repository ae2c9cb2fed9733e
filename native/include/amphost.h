/* amphost.h: everything that a program needs to join a system: include this one file.
 *
 * C11 or C++. Link with what `amphost cflags --libs` prints.
 */
#ifndef AMPHOST_H
#define AMPHOST_H

#ifdef __cplusplus
extern "C" {
#define _Noreturn [[noreturn]]
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* a sample ends in as many words as its channel has */
#endif

#include "amp/attach.h"
#include "amp/base.h"
#include "amp/channel.h"
#include "amp/queue.h"
#include "amp/segment.h"
#include "amp/stats.h"
#include "amp/wait.h"

#ifdef __cplusplus
#pragma GCC diagnostic pop
#undef _Noreturn
}
#endif

#endif
