// Headers only. Package.swift links the library after libtorch, so that libtorch keeps its own BLAS.
#if __has_include(<openblas/cblas.h>)
#include <openblas/cblas.h>
#else
#include <cblas.h>
#endif
