internal import Support
public import Torch

/// What a step works on.
public struct StepInputs {
    /// On the device; the same shapes and types in every step.
    public var group: any TensorGroup
    /// Images in the step, for the rate.
    public var images: Int
    /// Names of the step's images, asked for only when the loss is not finite.
    public var imageNames: () -> [String]

    public init(_ group: any TensorGroup, images: Int, imageNames: @escaping () -> [String]) {
        self.group = group
        self.images = images
        self.imageNames = imageNames
    }
}

/// A task that does the same operations in every step, so that a device can capture one step and replay it.
///
/// On a GPU a replay calls neither `forward(_:)` nor what it leaves for after the update; on the CPU it calls both. So all
/// they change must be tensors, in place.
public protocol CapturableTask: TrainingTask {
    /// Whether that is so from now on: nothing changes with the step any more but its inputs and the learning rate.
    var isCapturable: Bool { get }
    var device: Device { get }
    /// Everything that comes from the host or from a random generator.
    func inputs(step: Int) throws -> StepInputs
    /// The forward pass, by operators alone that neither wait for values nor draw any.
    func forward(_ inputs: any TensorGroup) -> StepLoss
}

extension CapturableTask {
    public func forward(step: Int) throws -> StepResult {
        let inputs = try inputs(step: step)
        return StepResult(forward(inputs.group), images: inputs.images, imageNames: inputs.imageNames)
    }
}

/// The steps of a task, from the first one that can be captured on as replays of one device graph.
final class CapturedStep {
    private let task: any CapturableTask
    private let gradientClip: Double?
    private let graph: DeviceGraph
    /// What the graph reads: the inputs, and the learning rate.
    private let rate: Tensor
    private var inputs: (any TensorGroup)?
    /// What the graph writes.
    private var names: [String] = []
    private var values: Tensor?
    private var stepsBefore = 0
    private var shapesBefore: [[Int]] = []

    /// Steps before the captured one: libraries of the device choose their methods and make their buffers in them.
    private static let warmUp = 3

    init(_ task: any CapturableTask, gradientClip: Double?) throws(TorchError) {
        self.task = task
        self.gradientClip = gradientClip
        graph = try DeviceGraph(on: task.device)
        rate = Tensor.zeros([], dtype: task.device.kind == .cpu ? .float64 : .float32, device: task.device)
    }

    /// One whole step, up to and with its update.
    func run(step: Int, learningRate: Double) throws -> (inputs: StepInputs, names: [String], values: Tensor) {
        let now = try task.inputs(step: step)
        rate.fill_(learningRate)
        let tensors = now.group.tensors
        let shapes = tensors.map(\.shape)
        defer { (stepsBefore, shapesBefore) = (stepsBefore + 1, shapes) }
        if let inputs, shapes == inputs.tensors.map(\.shape) {
            for (own, new) in zip(inputs.tensors, tensors) { own.copy_(new) }
        } else if inputs == nil, stepsBefore >= Self.warmUp, task.isCapturable, shapes == shapesBefore {
            let inputs = now.group.map { $0.clone() }
            self.inputs = inputs
            try graph.capture { [unowned self] in (names, values) = work(inputs) }
        } else {
            // Too early, or a batch that lacks images which could not be read.
            let (names, values) = work(now.group)
            return (now, names, values)
        }
        try graph.replay()
        // The next replay writes over them.
        return (now, names, values!.clone())
    }

    private func work(_ inputs: any TensorGroup) -> (names: [String], values: Tensor) {
        task.optimizer.clearGradients()
        let all = task.update(task.forward(inputs), clip: gradientClip, byOperators: true, profile: nil) {
            $0.step(learningRate: rate)
        }
        return (all.map(\.name), all.joined)
    }
}
