/* Fuzzing: a segment of which the fuzzer writes every word. The rules are hostile.h's. */
#include "../tests/hostile.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct enemy enemy = {.bytes = bytes, .size = size};
    const char *const broken = hostile_reads(&enemy);
    if (broken != NULL) {
        fprintf(stderr, "does not hold: %s\n", broken);
        abort();
    }
    return 0;
}
