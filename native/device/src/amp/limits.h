/* For a build that finds headers beside the sources (Arduino); the contract is the file it names. An
 * AVR has 2 KiB of RAM. */
#ifdef __AVR__
#include "../arduino/avr_limits.h"
#else
#include "../../include/amp/limits.h"
#endif
