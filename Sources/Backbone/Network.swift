public import Torch

/// A convolutional network in two parts, so that classification, probes and detection share it.
///
/// Letters: N images, H and W their size, R regions of all images together, C channels of the trunk, M of the last map, F features.
public protocol Network: AnyObject {
    /// C, channels of the map that `trunk` gives.
    var trunkChannels: Int { get }
    /// Pixels of the input from one cell of that map to the next.
    var trunkStride: Int { get }
    /// Cells a side of a region of interest that `regionFeatures` expects, or is published with.
    var regionSize: Int { get }
    /// Whether `regionFeatures` takes regions of any size.
    var takesAnyRegionSize: Bool { get }
    /// F, width of the features in front of the last linear layer.
    var featureCount: Int { get }
    /// M, channels of the last map.
    var mapChannels: Int { get }
    /// Names of the layers that `layer` gives, from the input on.
    var layerNames: [String] { get }
    /// Whether its layers keep running statistics that must fit the weights.
    var hasBatchNorm: Bool { get }
    /// The stages that `trunk` consists of, from the input on: name prefixes of the parameters of each.
    var trunkStages: [[String]] { get }

    /// Some consecutive stages of the trunk; the first one takes [N, 3, H, W] normalised pixels, the last one gives
    /// [N, C, H/stride, W/stride].
    func trunk(_ x: Tensor, stages: Range<Int>, mode: Mode) -> Tensor
    /// [R, C, regionSize, regionSize] → [R, F]: the rest of the network, up to the last linear layer.
    func regionFeatures(_ x: Tensor, mode: Mode) -> Tensor
    /// [N, 3, H, W] → [N, M, h, w]: the last map, before anything of it is pooled: that of the trunk, or of the last stage of a
    /// ResNet.
    func denseMap(_ x: Tensor, mode: Mode) -> Tensor
    /// [N, 3, H, W] → [N, F]: what the last linear layer sees.
    func features(_ x: Tensor, mode: Mode) -> Tensor
    /// [N, 3, H, W] → [N, C', h, w]: the last map of convolutions as it is, pooled where the network pools it, whatever its size.
    func lastMap(_ x: Tensor, mode: Mode) -> Tensor
    /// [N, 3, H, W] → [N, classes]. Traps when the network was made without its last layer.
    func logits(_ x: Tensor, mode: Mode) -> Tensor
    /// Gives `visit` the output of each layer of `layerNames` in evaluation mode, in its own shape and from the input on,
    /// until it returns false: what lies behind is not computed. x [N, 3, H, W].
    func forEachLayer(_ x: Tensor, _ visit: (_ name: String, _ output: Tensor) -> Bool)

    /// The same network for inference alone: batch norm is folded into the convolutions, and what follows them is done in
    /// the same pass (`FusedConv2d`). It holds a copy of the weights as they are now, and computes and answers in the
    /// precision's type. Traps when asked to train.
    ///
    /// - Parameter trunkOnly: Shares the layers behind the trunk instead, which may be large and must not be called.
    func frozen(_ precision: Precision, trunkOnly: Bool) -> any Network

    /// Of the tensors it was made with, those that are written out: of a network in a form for training alone, those of the
    /// plain network that computes the same in evaluation mode.
    func exported(_ entries: [Parameters.Entry]) -> [Parameters.Entry]
}

extension Network {
    /// [N, 3, H, W] normalised pixels → [N, C, H/stride, W/stride]: the map regions are pooled from.
    public func trunk(_ x: Tensor, mode: Mode) -> Tensor { trunk(x, stages: trunkStages.indices, mode: mode) }

    public func frozen(_ precision: Precision) -> any Network { frozen(precision, trunkOnly: false) }

    public func exported(_ entries: [Parameters.Entry]) -> [Parameters.Entry] { entries }

    /// [N, 3, H, W] → the output of a layer of `layerNames` in evaluation mode, in its own shape; nil for other names.
    public func layer(_ name: String, _ x: Tensor) -> Tensor? {
        layerNames.contains(name) ? layers([name], x)[0] : nil
    }

    /// The outputs of several layers in one pass, in the order of the names. Traps for a name not in `layerNames`.
    public func layers(_ names: [String], _ x: Tensor) -> [Tensor] {
        var outputs: [String: Tensor] = [:]
        let wanted = Set(names)
        if let unknown = wanted.first(where: { !layerNames.contains($0) }) {
            preconditionFailure("there is no layer \(unknown)")
        }
        if wanted.isEmpty { return [] }
        forEachLayer(x) { name, output in
            if wanted.contains(name) { outputs[name] = output }
            return outputs.count < wanted.count
        }
        return names.map { outputs[$0]! }
    }
}
