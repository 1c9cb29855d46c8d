import Backbone
import Boxes
import Datasets
import Detection
import Foundation
import Imaging
import Proposals
import Support

/// Pictures of one red square each on dark noise, with proposals around the square and elsewhere.
struct SquareImages {
    let folder: String
    let ids: [String]
    let objects: [[LabeledBox]]
    let proposals: [[Box]]

    /// Makes 64×48 pictures in a folder.
    init(_ count: Int, in folder: String, seed: UInt64 = 0) throws {
        self.folder = folder
        try Files.makeFolder(folder)
        var ids: [String] = []
        var objects: [[LabeledBox]] = []
        var proposals: [[Box]] = []
        for i in 0..<count {
            var random = RandomStream(seed, UInt64(i))
            let size = ImageSize(width: 64, height: 48)
            var image = Image(
                size: size, pixels: (0..<size.pixelCount * 3).map { _ in UInt8(random.integer(below: 60)) })
            let side = 16 + random.integer(below: 12)
            let (x, y) = (random.integer(below: 64 - side), random.integer(below: 48 - side))
            image.fill(x: x, y: y, w: side, h: side, color: Color(red: 230, green: 30, blue: 20))
            try image.write(to: "\(folder)/\(i).png")
            let object = Box(minX: Double(x), minY: Double(y), maxX: Double(x + side), maxY: Double(y + side))
            ids.append("\(i)")
            objects.append([LabeledBox(box: object, classIndex: 0)])
            proposals.append(Self.proposals(around: object, &random))
        }
        self.ids = ids
        self.objects = objects
        self.proposals = proposals
    }

    private static func proposals(around object: Box, _ random: inout RandomStream) -> [Box] {
        let near = (0..<16).map { _ in
            let shift = 0.35 * object.width
            return Box(
                minX: object.minX + random.uniform(-shift, shift), minY: object.minY + random.uniform(-shift, shift),
                maxX: object.maxX + random.uniform(-shift, shift), maxY: object.maxY + random.uniform(-shift, shift))
        }
        let anywhere = (0..<16).map { _ in
            let (x, y) = (random.uniform(0, 50), random.uniform(0, 34))
            return Box(minX: x, minY: y, maxX: x + random.uniform(8, 30), maxY: y + random.uniform(8, 30))
        }
        return near + anywhere
    }

    /// The set with these proposals and objects, or its own.
    func set(proposals: [[Box]]? = nil, objects: [[LabeledBox]]? = nil) throws -> DetectionSet {
        let path = "\(folder)/../proposals-\(UUID()).bin"
        let writer = try ProposalFile.Writer(
            path: path, header: ProposalFile.Header(method: "test", options: [:], seed: 0, imageIDs: ids))
        for (id, boxes) in zip(ids, proposals ?? self.proposals) { try writer.append(boxes, for: id) }
        try writer.finish()
        return try DetectionSet(
            ids: ids, images: try ImageFolder(path: folder), classes: ["square"], objects: objects ?? self.objects,
            proposals: try ProposalFile(contentsOf: path), proposalPath: path)
    }
}

/// ResNet-18 for pictures of 32 pixels; small numbers of everything.
func smallDetector(classes: [String] = ["square"]) -> DetectorConfig {
    var config = DetectorConfig(
        network: NetworkConfig(.resnet18, stem: .cifar), normalization: .cifar10, classes: classes)
    config.shortSide = 32
    config.longSide = 48
    return config
}
