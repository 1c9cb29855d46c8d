/// Greedy non-maximum suppression: indices of the boxes kept, best score first.
///
/// A box is dropped when its IoU with a better box that was kept is *greater* than `iouThreshold` (an IoU equal to the
/// threshold stays, as in py-faster-rcnn). Equal scores keep their order in the input; a NaN score comes last.
///
/// - Parameters:
///   - iouThreshold: in [0, 1].
///   - limit: stop after this many boxes are kept.
public func nonMaximumSuppression(
    _ boxes: [Box], scores: [Double], iouThreshold: Double, limit: Int = .max
) -> [Int] {
    precondition(boxes.count == scores.count, "\(boxes.count) boxes but \(scores.count) scores")
    precondition((0...1).contains(iouThreshold), "iouThreshold must be in [0, 1], got \(iouThreshold)")
    guard limit > 0, !boxes.isEmpty else { return [] }

    let order = scores.indicesByDescendingValue()
    let capacity = min(limit, boxes.count)
    var kept: [Int] = []
    kept.reserveCapacity(capacity)
    // Corners and areas of the kept boxes, each in its own flat row: the inner loop reads them in order.
    withUnsafeTemporaryAllocation(of: Double.self, capacity: 5 * capacity) { storage in
        guard let minX = storage.baseAddress else { return }
        let (minY, maxX, maxY, area) = (
            minX + capacity, minX + 2 * capacity, minX + 3 * capacity, minX + 4 * capacity
        )
        for index in order {
            let box = boxes[index]
            let boxArea = box.area
            var isSuppressed = false
            for other in 0..<kept.count {
                let width = min(box.maxX, maxX[other]) - max(box.minX, minX[other])
                if width <= 0 { continue }
                let height = min(box.maxY, maxY[other]) - max(box.minY, minY[other])
                if height <= 0 { continue }
                let common = width * height
                if common / (boxArea + area[other] - common) > iouThreshold {
                    isSuppressed = true
                    break
                }
            }
            if isSuppressed { continue }
            let slot = kept.count
            (minX[slot], minY[slot], maxX[slot], maxY[slot]) = (box.minX, box.minY, box.maxX, box.maxY)
            area[slot] = boxArea
            kept.append(index)
            if kept.count == capacity { return }
        }
    }
    return kept
}

extension [Double] {
    /// Indices of the elements, largest first; equal elements keep their order, NaN comes last.
    public func indicesByDescendingValue() -> [Int] {
        withUnsafeBufferPointer { values in
            values.indices.sorted { left, right in
                let (a, b) = (values[left], values[right])
                if a == b { return left < right }
                if a.isNaN || b.isNaN { return a.isNaN == b.isNaN ? left < right : b.isNaN }
                return a > b
            }
        }
    }
}
