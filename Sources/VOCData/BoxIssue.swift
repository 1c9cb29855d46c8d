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

/// What to do with an object whose box has a `BoxIssue`.
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

/// One thing that was done to an object of an annotation file.
public struct AnnotationRepair: Hashable, Sendable, CustomStringConvertible {
    public enum Action: String, Hashable, Sendable {
        case clipped
        case leftOut = "left out"
    }

    public var file: String
    /// Counted from 1, in file order.
    public var objectNumber: Int
    public var className: String
    public var issue: BoxIssue
    public var action: Action

    public var description: String {
        "\(file): object \(objectNumber) (\(className)): box \(issue.rawValue), \(action.rawValue)"
    }
}

extension Annotation {
    /// Objects that are safe to train on, and what was done to get there; `file` names the annotation in errors.
    ///
    /// - Throws: `InputError` under `.stop`.
    public func checked(
        _ policy: BadAnnotationPolicy, file: String
    ) throws(InputError) -> (annotation: Annotation, repairs: [AnnotationRepair]) {
        if policy == .keep { return (self, []) }
        var result = self
        var repairs: [AnnotationRepair] = []
        result.objects = []
        for (index, object) in objects.enumerated() {
            guard let issue = BoxIssue.find(in: object.box, size: size) else {
                result.objects.append(object)
                continue
            }
            var action = AnnotationRepair.Action.leftOut
            switch policy {
            case .keep, .skip: break
            case .stop:
                throw InputError(
                    file, "object \(index + 1) (\(object.name)): " + describe(object.box, issue),
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
                    file: file, objectNumber: index + 1, className: object.name, issue: issue, action: action))
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
