/* Nothing builds it: a check says so, and does not either. */
#include <amp/user_code.h>
