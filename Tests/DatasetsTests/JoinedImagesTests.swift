import Datasets
import Foundation
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct JoinedImagesTests {
    @Test func partsFollowEachOther() throws {
        let (first, second) = (try TemporaryFolder(), try TemporaryFolder())
        try first.writeImage("a.png", level: 1)
        try first.writeImage("b.png", level: 2)
        try second.writeImage("c.png", level: 3)
        let parts = [try ImageFolder(path: first.path), try ImageFolder(path: second.path)]
        let joined = JoinedImages(parts)
        #expect(joined.count == 3 && (0..<3).map(joined.name) == ["a.png", "b.png", "c.png"])
        #expect(joined.path(2) == "\(second.path)/c.png" && joined.path(1) == "\(first.path)/b.png")
        #expect(try joined.data(2) == parts[1].data(0) && joined.data(1) == parts[0].data(1))
        #expect(joined.label(0) == nil && joined.classes.isEmpty)
        // Order matters to whoever resumes.
        #expect(try joined.fingerprint != JoinedImages(parts.reversed()).fingerprint)
        #expect(JoinedImages([]).count == 0)
    }
}
