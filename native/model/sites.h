/* sites.h: the sites of the program under the model, by name. */
#ifndef AMP_MODEL_SITES_H
#define AMP_MODEL_SITES_H

#include "atomic_model.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Most sites of one program.
#define MODEL_SITES_MAX 64

/// How many sites there are. Aborts when there are too many.
unsigned model_site_count(void);

/// Site |index| in the order of its name.
const struct model_site *model_site_at(unsigned index);

/// Which one |site| is.
unsigned model_site_index(const struct model_site *site);

/// The name: function, operation and word, parted by blanks, and `#2` where the same words come a
/// second time in a function. Stays valid until the program ends.
const char *model_site_name(const struct model_site *site);

/// The site of that name; NULL when there is none.
const struct model_site *model_site_find(const char *name);

#ifdef __cplusplus
}
#endif
#endif
