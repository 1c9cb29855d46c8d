import TestSupport
import Testing

/// Tests that build whole networks: one at a time, because VGG16 alone takes half a gigabyte.
@Suite(.tags(.training), .tiered, .serialized) struct NetworkTests {}
