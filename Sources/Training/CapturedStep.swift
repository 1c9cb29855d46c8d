internal import Support
public import Torch

/// What a step works on.
public struct StepInputs {
    /// On the device; the same number, shapes and types in every step.
    public var tensors: [Tensor]
    /// Images in the step, for the rate.
    public var images: Int
    /// Names of the step's images, asked for only when the loss is not finite.
    public var imageNames: () -> [String]

    public init(_ tensors: [Tensor], images: Int, imageNames: @escaping () -> [String]) {
        self.tensors = tensors
        self.images = images
        self.imageNames = imageNames
    }
}

/// A task that does the same operations in every step, so that a device can capture one step and replay it.
///
/// On a GPU a replay calls neither `forward(_:)` nor `finish(step:)`; on the CPU it calls both, with the number of the
/// captured step. So all they change must be tensors, in place.
public protocol CapturableTask: TrainingTask {
    /// Whether that is so from now on: nothing changes with the step any more but its inputs and the learning rate.
    var isCapturable: Bool { get }
    var device: Device { get }
    /// Everything that comes from the host or from a random generator.
    func inputs(step: Int) throws -> StepInputs
    /// The forward pass, by operators alone that neither wait for values nor draw any.
    func forward(_ inputs: [Tensor]) -> (loss: Tensor, values: [(name: String, value: Tensor)])
}

extension CapturableTask {
    public func forward(step: Int) throws -> StepResult {
        let inputs = try inputs(step: step)
        let (loss, values) = forward(inputs.tensors)
        return StepResult(loss: loss, images: inputs.images, values: values, imageNames: inputs.imageNames)
    }
}

/// The steps of a task, from the first one that can be captured on as replays of one device graph.
final class CapturedStep {
    private let task: any CapturableTask
    private let gradientClip: Double?
    private let graph: DeviceGraph
    /// What the graph reads: the inputs, and the learning rate.
    private let rate: Tensor
    private var inputs: [Tensor]?
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
        let shapes = now.tensors.map(\.shape)
        defer { (stepsBefore, shapesBefore) = (stepsBefore + 1, shapes) }
        if let inputs, shapes == inputs.map(\.shape) {
            for (own, new) in zip(inputs, now.tensors) { own.copy_(new) }
        } else if inputs == nil, stepsBefore >= Self.warmUp, task.isCapturable, shapes == shapesBefore {
            let inputs = now.tensors.map { $0.clone() }
            self.inputs = inputs
            try graph.capture { [unowned self] in (names, values) = work(inputs, step) }
        } else {
            // Too early, or a batch that lacks images which could not be read.
            let (names, values) = work(now.tensors, step)
            return (now, names, values)
        }
        try graph.replay()
        // The next replay writes over them.
        return (now, names, values!.clone())
    }

    private func work(_ tensors: [Tensor], _ step: Int) -> (names: [String], values: Tensor) {
        task.optimizer.clearGradients()
        let (loss, values) = task.forward(tensors)
        let all = task.update(
            step, loss, values, clip: gradientClip, byOperators: true, profile: nil
        ) { $0.step(learningRate: rate) }
        return (all.map(\.name), all.joined)
    }
}
