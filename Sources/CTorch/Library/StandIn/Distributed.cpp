#include "../Distributed.cpp"
