/* sandbox.h: from some moment on, a process may make the system calls of a loop and no others.
 *
 * A control role makes one system call a period, the sleep. The sandbox holds it to that: Linux ends
 * the process when anything in it, a law included, asks for something else. To its supervisor that
 * is the death of a control role like any other: outputs go safe.
 *
 * It cannot be left again, so it holds what the way to the end needs too: memory of its own, never
 * executable, a word to the supervisor, the exit. A program ends in it by _exit(): what a language
 * does besides when it ends may need more. Whatever it needs to open, it has to open before.
 *
 * Linux asks that such a process, and what it would start, gains no rights by starting a program
 * (no_new_privs). It keeps those it has, ambient capabilities and priorities among them.
 */
#ifndef AMP_SANDBOX_H
#define AMP_SANDBOX_H

#include "amp/base.h"

/// Let the calling thread make, for ever, these system calls only: sleep and read the clocks; write
/// to |status_descriptor| and to standard error; get, resize, protect and give back memory that is
/// not executable; wait and wake on a word; block signals, return from one, abort itself; exit. Any
/// other ends the process by SIGSYS.
/// Returns 0, or -AMP_ESYS where Linux refuses or this machine's system calls are not known here:
/// the process then goes on as before.
/// Context: init.
int amp_sandbox_enter(int status_descriptor);

#endif
