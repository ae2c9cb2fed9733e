/* system_linux.h: what the files that know Linux share. */
#ifndef AMP_SYSTEM_LINUX_H
#define AMP_SYSTEM_LINUX_H

/// Keep errno for amp_platform_errno(); returns -AMP_ESYS.
int amp_system_error(void);

#endif
