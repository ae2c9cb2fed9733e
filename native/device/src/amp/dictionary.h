/* For a build that finds headers beside the sources (Arduino); the contract is the file it names. */
#include "../../include/amp/dictionary.h"
