internal import Backbone
internal import Datasets
internal import Imaging
internal import Support
internal import Torch
internal import Training

extension MethodContext {
    /// Two halves of the run's network, `l` for the lightness and `ab` for the colours of Lab.
    func makeHalves() -> NetworkParts {
        NetworkParts(scope, options.network(classes: nil), Array(zip(["l", "ab"], NetworkPart.halves)))
    }

    /// Cells of a network's last map for images of the run.
    func mapSize(of network: any Network, inputs: Int) -> Extent {
        let side = options.recipe.imageSize
        let map = withoutGradients {
            network.denseMap(Tensor.zeros([1, inputs, side, side], device: options.device), mode: .evaluate)
        }
        return Extent(height: map.size(2), width: map.size(3))
    }
}

extension Normalization {
    /// Lab itself of images as the network takes them: the mean over what each cell of a map covers, [N, 3, h, w].
    func blockMeans(_ images: Tensor, _ size: Extent) -> Tensor { undone(images).adaptiveAvgPool2d(size) }
}

extension PretrainRecipe {
    /// What recipes of colour prediction share: short, along a cosine, and no change of colours but mirrored crops.
    mutating func predictsColors() {
        batch = min(batch, 64)
        epochs = 30
        optimization.schedule = .cosine
        normalization = .lab
        augmentation.color = nil
    }
}

/// How often the colours of each bin occur.
enum ColorPrior {
    /// Images that are looked at: so many that their rare colours are about as rare as in all.
    private static let images = 10_000

    /// Counts the nearest bin of each cell of the last map in the crops that the first epoch begins with, [Q]; on the CPU, so
    /// that every device gets the same.
    ///
    /// - Throws: `InputError` naming an image that cannot be read.
    static func counts(
        _ context: MethodContext, _ views: [ImagePipeline], _ size: Extent
    ) throws(InputError) -> [Double] {
        let (options, data, code) = (context.options, context.data, ColorCode())
        let order = EpochSampler(count: data.count, seed: options.seed, epoch: 0).order.prefix(images)
        let loader = BatchLoader(
            data, order: Array(order), batchSize: options.recipe.batch, views: views, seed: options.seed, epoch: 0,
            workers: options.workers, onBadImage: options.onBadImage)
        var counts = [Double](repeating: 0, count: code.bins.count)
        do {
            while let batch = try loader.next() {
                let images = options.recipe.normalization(batch, device: .cpu)
                let colors = options.recipe.normalization.blockMeans(images, size).places.narrow(1, 1, 2)
                for bin in code.nearest(colors, 1).bins.ints { counts[bin] += 1 }
            }
        } catch let error as InputError {
            throw error
        } catch {
            throw InputError(data.source, "could not be looked at: \(error)")
        }
        return counts
    }
}
