internal import Boxes
internal import Imaging
public import Support

/// An image set and detections in it as COCO's JSON.
///
/// VOC's 1-based inclusive (xmin, ymin, xmax, ymax) become (xmin − 1, ymin − 1, xmax − xmin + 1, ymax − ymin + 1): the
/// same pixels. An image's id is its VOC id as a number where all ids are different numbers, otherwise its place in the
/// set from 1 on; a category's id is the place of its class from 1 on. `area` is that of the box.
/// Source: the data format of cocodataset.org, object detection.
public struct COCOExport: Sendable {
    /// What becomes of objects marked difficult, which COCO does not know.
    public enum Difficult: String, Hashable, Sendable, CaseIterable {
        /// `iscrowd` 1, so that COCO's evaluator neither asks for them nor counts detections of them as wrong.
        case crowd
        /// Objects like all others.
        case keep
        /// Left out.
        case drop
    }

    private let set: AnnotatedSet
    private let classes: [String]
    private let imageIDs: [Int]
    private let difficult: Difficult
    private let fileNames: [String]

    /// - Parameters:
    ///   - fileNames: the image file of each id.
    ///   - classes: objects of other classes take no part.
    /// - Throws: `InputError` naming an annotation that states no size.
    public init(_ set: AnnotatedSet, fileNames: [String], classes: [String], difficult: Difficult = .crowd) throws {
        precondition(fileNames.count == set.ids.count, "\(fileNames.count) file names for \(set.ids.count) images")
        if let missing = set.annotations.firstIndex(where: { $0.size == nil }) {
            throw InputError(
                set.ids[missing], "neither the annotation nor an image says how large this image is",
                remedy: "state <size> in the annotation")
        }
        let numbers = set.ids.compactMap { id in id.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(id) : nil }
        let isNumbered = numbers.count == set.ids.count && Set(numbers).count == numbers.count
        imageIDs = isNumbered ? numbers : set.ids.indices.map { $0 + 1 }
        self.set = set
        self.classes = classes
        self.difficult = difficult
        self.fileNames = fileNames
    }

    /// `{"info", "images", "annotations", "categories"}`
    public var groundTruth: JSON {
        let indices = Dictionary(zip(classes, classes.indices)) { first, _ in first }
        var images: [JSON] = []
        var annotations: [JSON] = []
        for (index, annotation) in set.annotations.enumerated() {
            let size = annotation.size ?? ImageSize(width: 0, height: 0)
            images.append(
                [
                    "id": .integer(imageIDs[index]), "file_name": .string(fileNames[index]),
                    "width": .integer(size.width), "height": .integer(size.height),
                ])
            for object in annotation.objects {
                guard let category = indices[object.name], !(difficult == .drop && object.isDifficult) else { continue }
                let isCrowd = difficult == .crowd && object.isDifficult
                annotations.append(
                    [
                        "id": .integer(annotations.count + 1), "image_id": .integer(imageIDs[index]),
                        "category_id": .integer(category + 1), "bbox": Self.box(object.box),
                        "area": Self.number(object.box.area), "iscrowd": .integer(isCrowd ? 1 : 0),
                        "ignore": .integer(isCrowd ? 1 : 0), "difficult": .integer(object.isDifficult ? 1 : 0),
                        "truncated": .integer(object.isTruncated ? 1 : 0), "segmentation": [],
                    ])
            }
        }
        return [
            "info": ["description": "PASCAL VOC annotations in COCO's format"], "images": .array(images),
            "annotations": .array(annotations),
            "categories": .array(
                classes.enumerated().map { index, name in
                    ["id": .integer(index + 1), "name": .string(name), "supercategory": "object"]
                }),
        ]
    }

    /// The results format: a list of `{"image_id", "category_id", "bbox", "score"}`.
    ///
    /// - Parameter detections: split by class, in the order of `classes`; image indices count in the set.
    public func results(_ detections: [ClassDetections]) -> JSON {
        precondition(detections.count == classes.count, "\(detections.count) lists for \(classes.count) classes")
        var results: [JSON] = []
        for (category, list) in detections.enumerated() {
            for index in 0..<list.count {
                results.append(
                    [
                        "image_id": .integer(imageIDs[list.imageIndices[index]]),
                        "category_id": .integer(category + 1), "bbox": Self.box(list.boxes[index]),
                        "score": Self.number(list.scores[index]),
                    ])
            }
        }
        return .array(results)
    }

    private static func box(_ box: Box) -> JSON {
        .array([box.minX, box.minY, box.width, box.height].map(number))
    }

    private static func number(_ value: Double) -> JSON { Int(exactly: value).map { .integer($0) } ?? .number(value) }
}
