public import Datasets
public import Support
public import Torch

/// Counts how often the right class is first, or among the first five.
public struct TopAccuracy: Hashable, Sendable {
    public private(set) var count = 0
    private var first = 0
    private var amongFive = 0
    /// Top-5 says nothing over five classes or fewer.
    private let hasTop5: Bool

    public init(classes: Int) { hasTop5 = classes > 5 }

    /// Adds images: logits [N, classes] and a class for each. Of equal logits the lower class comes first; one that is
    /// not a number is never right.
    public mutating func add(_ logits: Tensor, _ labels: [Int]) {
        let classes = logits.size(1)
        precondition(logits.size(0) == labels.count, "\(labels.count) labels for \(logits)")
        let values = logits.floats
        for (row, label) in labels.enumerated() {
            precondition(label >= 0 && label < classes, "label \(label) of \(classes) classes")
            let target = values[row * classes + label]
            var rank = 0
            for index in 0..<classes where index != label {
                let value = values[row * classes + index]
                if !(value < target), !(value == target && index > label) { rank += 1 }
            }
            count += 1
            if rank == 0 { first += 1 }
            if rank < 5 { amongFive += 1 }
        }
    }

    /// Fractions; nil before the first image, and for five classes or fewer.
    public var top1: Double? { count > 0 ? Double(first) / Double(count) : nil }
    public var top5: Double? { count > 0 && hasTop5 ? Double(amongFive) / Double(count) : nil }
}

extension ImageCollection {
    /// Checks that a probe can be trained on these images and tested on `test`.
    ///
    /// - Throws: `InputError` naming the folder: fewer than two classes, an image without a label, other classes than
    ///   the test's, or a class that has no image in one of them.
    public func checkLabels(against test: any ImageCollection) throws(InputError) {
        guard classes.count >= 2 else {
            throw InputError(
                source, "has \(classes.count == 1 ? "a single class" : "no class labels")",
                remedy: "give a folder with one folder a class")
        }
        guard test.classes == classes else {
            let difference = Set(classes).symmetricDifference(test.classes).sorted().first
            throw InputError(
                test.source, "has other classes than \(source)" + (difference.map { " (\($0), for one)" } ?? ""),
                remedy: "use folders with the same classes")
        }
        for data in [self, test] as [any ImageCollection] {
            var counts = [Int](repeating: 0, count: classes.count)
            for i in 0..<data.count {
                guard let label = data.label(i) else {
                    throw InputError(data.path(i), "has no class label", remedy: "put it into a class folder")
                }
                counts[label] += 1
            }
            if let empty = counts.firstIndex(of: 0) {
                throw InputError(
                    data.source, "has no image of the class \(classes[empty])",
                    remedy: "add some, or leave the class out of both sets (a limit may cut classes off)")
            }
        }
    }
}
