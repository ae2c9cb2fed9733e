# How a firmware is compiled on every port, read by make and by amphost: NAME = words.
FLAGS_COMPILE = -std=c11 -Os -ffreestanding -ffunction-sections -fdata-sections -fno-common -DAMP_CRC_ENTRIES=16
FLAGS_WARN = -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
FLAGS_LINK = -Wl,--gc-sections,--fatal-warnings,--build-id=none
