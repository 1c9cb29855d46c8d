// The library as it is, with Device.cpp for its GPU and without the operators of its own, which are the CPU's.
#include "../CTorch.cpp"
