import TestSupport
import Testing

/// Tests that run networks: one at a time, because they share libtorch's threads and take its memory.
@Suite(.tags(.training), .tiered, .serialized) struct DetectorSuites {}
