public import Boxes
internal import Foundation

/// The difference between a proposal and an object as a regressor learns it (Girshick et al., R-CNN, CVPR 2014,
/// appendix C): shifts of the centre in units of the proposal's size, and logarithms of the ratio of sizes.
public struct BoxDelta: Hashable, Sendable {
    public var dx: Double
    public var dy: Double
    public var dw: Double
    public var dh: Double

    public init(dx: Double, dy: Double, dw: Double, dh: Double) {
        self.dx = dx
        self.dy = dy
        self.dw = dw
        self.dh = dh
    }

    /// What turns `proposal` into `target`; both need a positive size.
    public init(from proposal: Box, to target: Box) {
        dx = (target.centerX - proposal.centerX) / proposal.width
        dy = (target.centerY - proposal.centerY) / proposal.height
        dw = log(target.width / proposal.width)
        dh = log(target.height / proposal.height)
    }

    /// Growth beyond this is cut off, so that one bad prediction cannot overflow: 1000 pixels from a cell of 16.
    static let maximumGrowth = log(1000.0 / 16)

    /// The box this delta makes of a proposal.
    public func applied(to proposal: Box) -> Box {
        let width = proposal.width * exp(min(dw, Self.maximumGrowth))
        let height = proposal.height * exp(min(dh, Self.maximumGrowth))
        let centerX = proposal.centerX + dx * proposal.width
        let centerY = proposal.centerY + dy * proposal.height
        return Box(
            minX: centerX - 0.5 * width, minY: centerY - 0.5 * height, maxX: centerX + 0.5 * width,
            maxY: centerY + 0.5 * height)
    }
}
