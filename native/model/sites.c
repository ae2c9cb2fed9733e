#include "sites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 160

extern const struct model_site __start_model_sites[], __stop_model_sites[];

static const struct model_site *sorted[MODEL_SITES_MAX];
static unsigned rank[MODEL_SITES_MAX]; /* by place in the section */
static char names[MODEL_SITES_MAX][NAME_SIZE];

static int by_place(const void *a, const void *b) {
    const struct model_site *const left = *(const struct model_site *const *)a;
    const struct model_site *const right = *(const struct model_site *const *)b;
    int order = strcmp(left->function, right->function);
    if (order == 0) {
        order = strcmp(left->operation, right->operation);
    }
    if (order == 0) {
        order = strcmp(left->word, right->word);
    }
    return order != 0 ? order : left->line - right->line;
}

static void make_name(char *name, const struct model_site *site) {
    const char *word = site->word[0] == '&' ? site->word + 1 : site->word;
    (void)snprintf(name, NAME_SIZE, "%s %s%s%s", site->function, site->operation,
                   word[0] == '\0' ? "" : " ", word);
}

static void sort_once(void) {
    if (sorted[0] != NULL) {
        return;
    }
    const unsigned count = model_site_count();
    for (unsigned i = 0; i < count; i++) {
        sorted[i] = &__start_model_sites[i];
    }
    qsort(sorted, count, sizeof sorted[0], by_place);
    for (unsigned i = 0, same = 1; i < count; i++) {
        rank[sorted[i] - __start_model_sites] = i;
        make_name(names[i], sorted[i]);
        const size_t length = strlen(names[i]);
        same = i > 0 && strncmp(names[i], names[i - 1], length) == 0 &&
                       strchr("#", names[i - 1][length]) != NULL
                   ? same + 1
                   : 1;
        if (same > 1) {
            (void)snprintf(names[i] + length, NAME_SIZE - length, "#%u", same);
        }
    }
}

unsigned model_site_count(void) {
    const size_t count = (size_t)(__stop_model_sites - __start_model_sites);
    if (count > MODEL_SITES_MAX) {
        abort();
    }
    return (unsigned)count;
}

const struct model_site *model_site_at(unsigned index) {
    sort_once();
    return sorted[index];
}

unsigned model_site_index(const struct model_site *site) {
    sort_once();
    return rank[site - __start_model_sites];
}

const char *model_site_name(const struct model_site *site) {
    return names[model_site_index(site)];
}

const struct model_site *model_site_find(const char *name) {
    for (unsigned i = 0; i < model_site_count(); i++) {
        if (strcmp(model_site_name(model_site_at(i)), name) == 0) {
            return model_site_at(i);
        }
    }
    return NULL;
}
