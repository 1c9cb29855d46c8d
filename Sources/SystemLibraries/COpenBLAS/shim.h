// Headers only; Probes opens the library when it needs it.
#if __has_include(<openblas/cblas.h>)
#include <openblas/cblas.h>
#else
#include <cblas.h>
#endif

// The functions that Probes uses, with the types of OpenBLAS's own declarations.
typedef struct __attribute__((swift_attr("@Sendable"))) {
    __typeof__(cblas_sgemm) *_Nonnull sgemm;
    __typeof__(cblas_sdot) *_Nonnull sdot;
    __typeof__(cblas_saxpy) *_Nonnull saxpy;
    __typeof__(openblas_get_num_threads) *_Nonnull get_num_threads;
    __typeof__(openblas_set_num_threads) *_Nonnull set_num_threads;
} OpenBLASFunctions;
