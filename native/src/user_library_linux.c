#include "amp/user_library.h"

#include <dlfcn.h>
#include <stddef.h>

static void keep_message(struct amp_user_library *library) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): glibc keeps it for each thread; init context besides
    const char *const said = dlerror();
    size_t size = 0;
    while (said != NULL && said[size] != '\0' && size < AMP_USER_MESSAGE_MAX - 1) {
        library->message[size] = said[size] == '\n' ? ' ' : said[size];
        size++;
    }
    library->message[size] = '\0';
}

static int find(struct amp_user_library *library, const char *path, const char *name,
                const void **found) {
    *library = (struct amp_user_library){.abi = 0};
    void *const handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    *found = handle == NULL ? NULL : dlsym(handle, name);
    if (*found == NULL) {
        keep_message(library);
        return handle == NULL ? AMP_USER_UNLOADABLE : AMP_USER_NO_SYMBOL;
    }
    library->abi = *(const uint32_t *)*found; /* the first member, whatever the others are */
    return library->abi == AMP_USER_ABI ? AMP_USER_LOADED : AMP_USER_OTHER_ABI;
}

static int checked(const struct amp_user_library *library, bool complete) {
    if (!complete) {
        return AMP_USER_NO_FUNCTION;
    }
    return library->state_size > AMP_USER_STATE_MAX ? AMP_USER_STATE : AMP_USER_LOADED;
}

int amp_user_library_plant(struct amp_user_library *library, const char *path) {
    const void *found = NULL;
    const int end = find(library, path, "amp_user_plant", &found);
    if (end != AMP_USER_LOADED) {
        return end;
    }
    const struct amp_user_plant *const plant = found;
    library->plant = plant;
    library->ins = plant->drive_count;
    library->outs = plant->sensed_count;
    library->state_size = plant->state_size;
    return checked(library, plant->init != NULL && plant->step != NULL);
}

int amp_user_library_law(struct amp_user_library *library, const char *path) {
    const void *found = NULL;
    const int end = find(library, path, "amp_user_law", &found);
    if (end != AMP_USER_LOADED) {
        return end;
    }
    const struct amp_user_law *const law = found;
    library->law = law;
    library->ins = law->input_count;
    library->outs = law->output_count;
    library->state_size = law->state_size;
    return checked(library, law->reset != NULL && law->step != NULL);
}

void amp_user_library_bind(const struct amp_user_library *library, void *state,
                           struct amp_law *law) {
    law->state = state;
    law->reset = library->law->reset;
    law->step = library->law->step;
}
