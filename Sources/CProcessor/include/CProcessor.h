// The instruction sets of x86-64, as cpuid and the operating system tell them: /proc/cpuinfo may be that of another machine.
#ifndef CPROCESSOR_H
#define CPROCESSOR_H

#include <stdbool.h>

// Number of the instruction sets that are known here; 0 on other processors.
int processor_set_count(void);

// Linux's name of a set: "avx2".
const char *_Nonnull processor_set_name(int index);

// Whether programs may use it here.
bool processor_has_set(int index);

// Whether this program may use it without asking, by the processor it was built for.
bool processor_needs_set(int index);

#endif
