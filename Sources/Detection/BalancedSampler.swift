internal import Support

/// Draws a fixed number of examples without replacement, of which a limited share is positive; negatives fill the rest.
///
/// Regions of an image (Fast R-CNN, section 2.3) and anchors (Faster R-CNN, section 3.1.3) are drawn alike.
struct BalancedSampler {
    var count: Int
    /// Largest share of positives.
    var positiveFraction: Double

    func draw(_ positives: [Int], _ negatives: [Int], random: inout RandomStream) -> (
        positives: ArraySlice<Int>, negatives: ArraySlice<Int>
    ) {
        var (positives, negatives) = (positives, negatives)
        random.shuffle(&positives)
        random.shuffle(&negatives)
        let chosen = positives.prefix(Int((positiveFraction * Double(count)).rounded()))
        return (chosen, negatives.prefix(count - chosen.count))
    }
}
