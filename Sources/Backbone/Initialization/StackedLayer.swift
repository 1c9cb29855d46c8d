internal import Support
package import Torch

/// A layer with weights in a network whose layers follow each other without branches: y = W·prepare(x) + b.
package struct StackedLayer {
    /// What the names of its parameters begin with: "features.0".
    package let name: String
    /// [out, in, kH, kW] of a convolution, [out, in] of a fully connected layer.
    package let weight: Tensor
    /// [out]
    package let bias: Tensor
    /// How a convolution moves over its input; nil for a fully connected layer.
    package let steps: (stride: Extent, padding: Extent)?
    /// Pooling and flattening between the layer below and this one.
    package let prepare: (Tensor) -> Tensor

    init(_ name: String, _ convolution: Conv2d, prepare: @escaping (Tensor) -> Tensor = { $0 }) {
        precondition(convolution.groups == 1 && convolution.bias != nil, "\(name) has groups or no bias")
        self.name = name.hasSuffix(".") ? String(name.dropLast()) : name
        weight = convolution.weight
        bias = convolution.bias!
        steps = (convolution.stride, convolution.padding)
        self.prepare = prepare
    }

    package init(_ name: String, _ linear: Linear, prepare: @escaping (Tensor) -> Tensor = { $0 }) {
        precondition(linear.bias != nil, "\(name) has no bias")
        self.name = name.hasSuffix(".") ? String(name.dropLast()) : name
        weight = linear.weight
        bias = linear.bias!
        steps = nil
        self.prepare = prepare
    }

    /// Values before the ReLU, of an input that `prepare` has given.
    package func callAsFunction(_ x: Tensor) -> Tensor {
        guard let steps else { return x.linear(weight, bias: bias) }
        return x.conv2d(weight, bias: bias, stride: steps.stride, padding: steps.padding)
    }

    /// What each value of the output is the product of the weights with, at `count` places of an image drawn by `random`:
    /// [count, in·kH·kW]. A fully connected layer has one such place.
    ///
    /// - Parameter image: A prepared input of one image.
    func patches(of image: Tensor, count: Int, _ random: inout RandomStream) -> Tensor {
        guard let steps else { return image }
        let kernel = Extent(height: weight.size(2), width: weight.size(3))
        let columns = image.unfolded(kernel, stride: steps.stride, padding: steps.padding)  // [1, D, places]
        let places = (0..<count).map { _ in random.integer(below: columns.size(2)) }
        return columns.indexSelect(2, Tensor(places).uploaded(to: columns.device)).select(0, 0).transpose()
            .contiguous()
    }
}

/// A network without branches and without batch norm.
protocol StackedNetwork: Network {
    /// Its layers with weights, from the input on; a ReLU follows each but the last.
    var stack: [StackedLayer] { get }
}
