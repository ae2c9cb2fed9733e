/* avr_limits.h: limits.h for a sketch on an AVR, see include/amp/limits.h for what each means. */
#ifndef AMP_LIMITS_H
#define AMP_LIMITS_H

#define AMP_FRAME_PAYLOAD_MAX 64
#define AMP_FRAME_BODY_MAX 75
#define AMP_FRAME_WIRE_MAX 77

#define AMP_DEVICE_VALUES_MAX 6
#define AMP_DEVICE_PARAMETERS_MAX 4
#define AMP_COMMANDS_MAX 1
#define AMP_DEVICE_EVENTS_MAX 4

#ifndef AMP_CRC_ENTRIES
#define AMP_CRC_ENTRIES 16 /* its table lies in RAM */
#endif

#include <avr/pgmspace.h>

#define AMP_DICTIONARY_PLACE PROGMEM
#define AMP_DICTIONARY_BYTE(address) pgm_read_byte(address)

#endif
