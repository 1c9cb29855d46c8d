public import Boxes
public import Imaging
public import Support

/// What is wrong with a box of an annotation file.
public enum BoxIssue: String, Hashable, Sendable, CaseIterable {
    /// Reaches outside the image; 0-based coordinates do so at the left and at the top.
    case outOfFrame = "out of the frame"
    /// xmax < xmin or ymax < ymin.
    case inverted = "inverted"
    /// xmax = xmin or ymax = ymin: one pixel in VOC's inclusive convention, nothing in any other, and no object.
    case zeroArea = "without area"

    /// The first problem of a box, or nil; without a size the frame is only checked at the left and at the top.
    public static func find(in box: Box, size: ImageSize?) -> BoxIssue? {
        let corners = box.voc
        if corners.xmax < corners.xmin || corners.ymax < corners.ymin { return .inverted }
        if corners.xmax == corners.xmin || corners.ymax == corners.ymin { return .zeroArea }
        if box.minX < 0 || box.minY < 0 { return .outOfFrame }
        if let size, box.maxX > Double(size.width) || box.maxY > Double(size.height) { return .outOfFrame }
        return nil
    }
}

/// What to do with an object whose box has a `BoxIssue`, and with what cannot be read at all.
///
/// An object without class or box, or a file that is no annotation, is an error under `stop` and `keep`, and left out and
/// told under `clip` and `skip`: the object alone, or the image of the file.
public enum BadAnnotationPolicy: String, Hashable, Sendable, CaseIterable {
    /// An error that names the file, the object and the box.
    case stop
    /// Cut boxes at the frame; leave out those of which nothing remains, inverted ones and those without area.
    case clip
    /// Leave the object out.
    case skip
    /// Take boxes as the file has them, as the official evaluator does.
    case keep
}

extension BadAnnotationPolicy {
    /// Whether what cannot be read is left out.
    var leavesOut: Bool { self == .clip || self == .skip }
}

/// One thing that was done to an object of an annotation file.
public struct AnnotationRepair: Hashable, Sendable, CustomStringConvertible {
    public enum Action: String, Hashable, Sendable {
        case clipped
        case leftOut = "left out"
    }

    public var file: String
    /// Counted from 1, in file order.
    public var objectNumber: Int
    /// What was wrong, with the object: "object 2 (car): box out of the frame".
    public var problem: String
    /// What was wrong with its box; nil when the object could not be read.
    public var issue: BoxIssue?
    public var action: Action

    public var description: String { "\(file): \(problem), \(action.rawValue)" }
}

extension Annotation {
    /// Objects that are safe to train on, and what was done to get there; `file` names the annotation in errors.
    ///
    /// - Throws: `InputError` under `.stop`.
    public func checked(
        _ policy: BadAnnotationPolicy, file: String
    ) throws(InputError) -> (annotation: Annotation, repairs: [AnnotationRepair]) {
        try checked(policy, file: file, numbers: Array(1..<(objects.count + 1)))
    }

    /// - Parameter numbers: of each object its place in the file.
    func checked(
        _ policy: BadAnnotationPolicy, file: String, numbers: [Int]
    ) throws(InputError) -> (annotation: Annotation, repairs: [AnnotationRepair]) {
        if policy == .keep { return (self, []) }
        var result = self
        var repairs: [AnnotationRepair] = []
        result.objects = []
        for (number, object) in zip(numbers, objects) {
            guard let issue = BoxIssue.find(in: object.box, size: size) else {
                result.objects.append(object)
                continue
            }
            var action = AnnotationRepair.Action.leftOut
            switch policy {
            case .keep, .skip: break
            case .stop:
                throw InputError(
                    file, "object \(number) (\(object.name)): " + describe(object.box, issue),
                    remedy: "correct the file, or clip or skip such boxes")
            case .clip where issue == .outOfFrame:
                var kept = object
                kept.box = object.box.clipped(
                    width: size.map { Double($0.width) } ?? .infinity,
                    height: size.map { Double($0.height) } ?? .infinity)
                if kept.box.area > 0 {
                    action = .clipped
                    result.objects.append(kept)
                }
            case .clip: break
            }
            repairs.append(
                AnnotationRepair(
                    file: file, objectNumber: number,
                    problem: "object \(number) (\(object.name)): box \(issue.rawValue)",
                    issue: issue, action: action))
        }
        return (result, repairs)
    }

    private func describe(_ box: Box, _ issue: BoxIssue) -> String {
        let (xmin, ymin, xmax, ymax) = box.voc
        let frame = size.map { " in an image of \($0.width)x\($0.height)" } ?? ""
        return "the box xmin \(shortest(xmin)), ymin \(shortest(ymin)), xmax \(shortest(xmax)), ymax \(shortest(ymax))"
            + "\(frame) is \(issue.rawValue)"
    }
}
