import Boxes
import Detection
import Foundation
import Support
import TestSupport
import Testing
import Torch

@Suite(.tags(.unit), .tiered) struct DetectionFilterTests {
    private func detection(_ k: Int, _ score: Double) -> Detection {
        Detection(box: Box(minX: 0, minY: 0, maxX: 9, maxY: 9), classIndex: k, score: score)
    }

    // Two images, so 2 · 2 detections of a class stay: of class 0 the best four of five, of class 1 all three.
    @Test func aSetKeepsTheBestOfEachClass() {
        var filter = DetectionFilter()
        filter.setDetectionsPerImage = 2
        let set = [
            [detection(0, 0.9), detection(0, 0.2), detection(1, 0.01), detection(0, 0.5)],
            [detection(0, 0.3), detection(0, 0.1), detection(1, 0.5), detection(1, 0.02)],
        ]
        let kept = filter.appliedToSet(set, classCount: 2)
        #expect(kept[0] == set[0])
        #expect(kept[1] == [set[1][0], set[1][2], set[1][3]])
        #expect(DetectionFilter().appliedToSet(set, classCount: 2) == set)
    }

    @Test func thePublishedFiltersAreWhatTheySay() {
        let release = DetectionFilter.fastRCNN
        #expect(release.scoreThreshold == 0 && release.candidatesPerClass == 100 && release.nmsThreshold == 0.3)
        #expect(release.detectionsPerImage == .max && release.setDetectionsPerImage == 40)
        let usual = DetectionFilter.pyFasterRCNN
        #expect(usual.scoreThreshold == 0.05 && usual.candidatesPerClass == nil && usual.nmsThreshold == 0.3)
        #expect(usual.detectionsPerImage == 100 && usual.setDetectionsPerImage == nil)
    }
}

@Suite(.tags(.unit), .tiered) struct DetectionJournalTests {
    private let found = [
        Detection(box: Box(minX: 0.1, minY: 1 / 3, maxX: 20.7, maxY: 1e-7 + 5), classIndex: 1, score: 0.123456789),
        Detection(box: Box(minX: 2, minY: 3, maxX: 4, maxY: 5), classIndex: 0, score: 1),
    ]

    @Test func whatWasFoundIsReadBackToTheBit() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/test.partial"
            let what: JSON = ["detector": "abc", "nms": .number(0.3)]
            do {
                let journal = try DetectionJournal(path, what: what, classCount: 2)
                #expect(journal.found.isEmpty)
                try journal.append(found, for: "000001")
                try journal.append([], for: "000002")
            }
            // A kill in the middle of a line leaves it torn.
            let handle = try #require(FileHandle(forWritingAtPath: path))
            try handle.seekToEnd()
            try handle.write(contentsOf: Data("{\"image\":\"000003\",\"detec".utf8))
            try handle.close()
            let journal = try DetectionJournal(path, what: what, classCount: 2)
            #expect(journal.found == ["000001": found, "000002": []])
            try journal.append(found, for: "000003")
            #expect(try DetectionJournal(path, what: what, classCount: 2).found.count == 3)
            // Detections of a class that the model does not have are found again.
            #expect(try DetectionJournal(path, what: what, classCount: 1).found.keys.sorted() == ["000002"])
            // Another model begins anew.
            #expect(try DetectionJournal(path, what: ["detector": "def"], classCount: 2).found.isEmpty)
            #expect(try DetectionJournal(path, what: what, classCount: 2).found.isEmpty)
            journal.remove()
            #expect(!Files.exists(path))
        }
    }
}
