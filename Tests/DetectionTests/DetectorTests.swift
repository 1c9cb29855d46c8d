import Backbone
import Boxes
import Datasets
import Detection
import Foundation
import Imaging
import Support
import TestSupport
import Testing
import Torch

extension DetectorSuites {
    @Suite struct DetectorTests {
        private let config = smallDetector(classes: ["square", "disc"])
        private let image: Image = {
            var image = Image(size: ImageSize(width: 64, height: 48), color: Color(red: 40, green: 90, blue: 60))
            image.fill(x: 10, y: 12, w: 24, h: 20, color: Color(red: 230, green: 30, blue: 20))
            return image
        }()
        private let proposals = (0..<20).map { i in
            let (x, y) = (Double(i % 5) * 12, Double(i / 5) * 12)
            return Box(minX: x, minY: y, maxX: x + 16, maxY: y + 12)
        }

        private func write(_ model: FastRCNN, to path: String) throws {
            try Detector.write(model.parameters.entries.map { ($0.name, $0.tensor) }, config, to: path)
        }

        @Test func detectionsAreWhatTheModelSays() throws {
            try withTemporaryFolder { folder in
                let model = FastRCNNTests.model(classes: 2)
                try write(model, to: "\(folder)/model.safetensors")
                let detector = try Detector(path: "\(folder)/model.safetensors")
                #expect(detector.config == config)
                detector.filter.scoreThreshold = 0
                detector.filter.nmsThreshold = 1
                let detections = detector.detect(image, proposals: proposals)

                // The picture at half its size is what the network sees.
                let resized = image.resized(to: ImageSize(width: 42, height: 32))
                let (scores, deltas) = withoutGradients {
                    let x = config.normalization(resized.pixels, count: 1, height: 32, width: 42, device: .cpu)
                    let boxes = proposals.map { $0.scaled(x: 42.0 / 64, y: 32.0 / 48) }
                    let out = model.classify(model.pool(model.featureMap(x, mode: .evaluate), boxes), mode: .evaluate)
                    return (out.logits.softmax().doubles, out.deltas.doubles)
                }
                var expected: [Detection] = []
                for (r, proposal) in proposals.enumerated() {
                    for k in 1...2 {
                        let d = deltas[(12 * r + 4 * k)...]
                        let box = BoxDelta(
                            dx: d[d.startIndex], dy: d[d.startIndex + 1], dw: d[d.startIndex + 2],
                            dh: d[d.startIndex + 3]
                        )
                        .applied(to: proposal).clipped(width: 64, height: 48)
                        if box.area > 0 {
                            expected.append(Detection(box: box, classIndex: k - 1, score: scores[3 * r + k]))
                        }
                    }
                }
                #expect(expected.count > 10)
                #expect(detections.map(\.score) == detections.map(\.score).sorted(by: >))
                // Fused layers round differently.
                #expect(detections.count == expected.count)
                for detection in detections {
                    let isFound = expected.contains { other in
                        func isNear(_ path: KeyPath<Box, Double>) -> Bool {
                            (detection.box[keyPath: path] - other.box[keyPath: path]).magnitude < 1e-2
                        }
                        return other.classIndex == detection.classIndex
                            && (other.score - detection.score).magnitude < 1e-4
                            && [\Box.minX, \.minY, \.maxX, \.maxY].allSatisfy(isNear)
                    }
                    #expect(isFound, "\(detection)")
                }
            }
        }

        @Test func theFilterIsApplied() throws {
            try withTemporaryFolder { folder in
                try write(FastRCNNTests.model(classes: 2), to: "\(folder)/model.safetensors")
                let detector = try Detector(path: "\(folder)/model.safetensors")
                #expect(detector.filter.scoreThreshold == 0.05 && detector.filter.nmsThreshold == 0.3)
                detector.filter.scoreThreshold = 0
                let all = detector.detect(image, proposals: proposals)
                for (i, a) in all.enumerated() {
                    for b in all[..<i] where a.classIndex == b.classIndex { #expect(a.box.iou(b.box) <= 0.3) }
                }
                #expect(all.count > 2)
                detector.filter.detectionsPerImage = 2
                #expect(detector.detect(image, proposals: proposals) == Array(all.prefix(2)))
                detector.filter.scoreThreshold = all[1].score
                #expect(detector.detect(image, proposals: proposals) == Array(all.prefix(1)))
            }
        }

        @Test func aCopyOfTheFileDetectsTheSame() throws {
            try withTemporaryFolder { folder in
                let (first, second) = ("\(folder)/a.safetensors", "\(folder)/b.safetensors")
                try write(FastRCNNTests.model(classes: 2), to: first)
                let file = try SafetensorsFile(path: first)
                let tensors = file.entries.compactMap { entry in file.tensor(entry.name).map { (entry.name, $0) } }
                try Detector.write(tensors, config, to: second)
                #expect(try Files.read(first) == Files.read(second))
                let detections = try Detector(path: first).detect(image, proposals: proposals)
                #expect(try Detector(path: second).detect(image, proposals: proposals) == detections)
                #expect(!detections.isEmpty)
            }
        }

        @Test func unusualProposals() throws {
            try withTemporaryFolder { folder in
                try write(FastRCNNTests.model(classes: 2), to: "\(folder)/model.safetensors")
                let detector = try Detector(path: "\(folder)/model.safetensors")
                detector.filter.scoreThreshold = 0
                #expect(detector.detect(image, proposals: []) == [])
                let outside = Box(minX: 64, minY: 0, maxX: 90, maxY: 20)
                #expect(detector.detect(image, proposals: [Box(minX: 5, minY: 5, maxX: 5, maxY: 9), outside]) == [])
                // As large as a proposal file can hold: what counts is the part in the picture.
                let huge = Box(minX: -3e38, minY: -3e38, maxX: 3e38, maxY: 3e38)
                let whole = Box(minX: 0, minY: 0, maxX: 64, maxY: 48)
                #expect(detector.detect(image, proposals: [huge]) == detector.detect(image, proposals: [whole]))
                let tiny = Image(size: ImageSize(width: 1, height: 1))
                _ = detector.detect(tiny, proposals: [whole])
            }
        }

        @Test func whatIsNoDetectorIsRefused() throws {
            try withTemporaryFolder { folder in
                let path = "\(folder)/model.safetensors"
                func problem() -> String? {
                    let error = #expect(throws: InputError.self) { try Detector(path: path) }
                    #expect(error?.subject == path)
                    return error?.problem
                }
                let model = FastRCNNTests.model(classes: 2)
                try SafetensorsFile.write([("a", Tensor.zeros([1]))], to: path)
                #expect(problem() == "is no detector")
                try SafetensorsFile.write([("a", Tensor.zeros([1]))], metadata: ["detector": "{"], to: path)
                #expect(problem() == "is no detector")
                try SafetensorsFile.write([("a", Tensor.zeros([1]))], metadata: ["detector": "{}"], to: path)
                #expect(problem()?.contains("\"head\"") == true)
                try Detector.write(
                    model.parameters.entries.filter { $0.name != "box_predictor.bbox_pred.bias" }.map {
                        ($0.name, $0.tensor)
                    },
                    config, to: path)
                #expect(problem()?.contains("box_predictor.bbox_pred.bias is missing") == true)
                try Detector.write(model.parameters.entries.map { ($0.name, $0.tensor) }, smallDetector(), to: path)
                #expect(problem()?.contains("box_predictor.cls_score.weight [3, 512], expected [2, 512]") == true)
            }
        }

        @Test(arguments: [0, 1, 3]) func aSetIsDetectedImageByImage(workers: Int) throws {
            try withTemporaryFolder { folder in
                try write(FastRCNNTests.model(classes: 2), to: "\(folder)/model.safetensors")
                let detector = try Detector(path: "\(folder)/model.safetensors")
                let set = try SquareImages(3, in: "\(folder)/images").set()
                var test = DetectionTest(set)
                test.workers = workers
                var progress: [Int] = []
                let found = try test.run(detector) { progress.append($0) }
                #expect(progress == [1, 2, 3])
                for i in 0..<3 {
                    let image = try Image.decode(set.images.data(i), name: "\(i)")
                    #expect(found[i] == detector.detect(image, proposals: set.boxes(i, limit: 2000)))
                }
                #expect(!found[0].isEmpty)
            }
        }
    }
}
