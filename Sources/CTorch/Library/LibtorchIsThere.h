// Included before every file of this library, so that a build without libtorch says what to do about it.
#if !__has_include(<ATen/core/dispatch/Dispatcher.h>)
#error "libtorch is missing: run `make setup`, which installs it under .libtorch; or `python3 -m pip install --target .libtorch torch==2.13.0`; or set LIBTORCH to the folder of an installed torch 2.11 or later (the one that holds include/ and lib/)"
#endif
