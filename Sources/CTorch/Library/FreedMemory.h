#pragma once

#include <malloc.h>

// Lets the C library keep freed memory for the next allocation: the system would clear each page of it anew.
inline void keep_freed_memory() {
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, -1);
    mallopt(M_TOP_PAD, 64 << 20);
}
