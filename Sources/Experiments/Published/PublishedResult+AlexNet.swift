internal import Backbone
internal import Pretrain

extension PublishedResult {
    /// The shape that most papers call AlexNet.
    static let caffeNet = "CaffeNet"

    /// One row of a table: what the weights learnt from, figures from the left, † and what else is to be said.
    typealias Row = (weights: Weights, figures: [Double?], isRescaled: Bool, remarks: String)

    static func baseline(
        _ weights: Weights, _ figures: Double?..., rescaled: Bool = false, remarks: String = ""
    ) -> Row { (weights, figures, rescaled, remarks) }

    static func row(
        _ method: MethodName, _ figures: Double?..., rescaled: Bool = false, remarks: String = ""
    ) -> Row { (.method(method), figures, rescaled, remarks) }

    /// A table of a source; its figures stand in the columns named.
    static func results(
        _ task: Task, _ architecture: Architecture, _ network: String, _ source: String, _ columns: [String],
        _ rows: [Row]
    ) -> [PublishedResult] {
        rows.map { row in
            precondition(row.figures.count <= columns.count, "\(row.weights.name) has more figures than columns")
            return PublishedResult(
                task: task, weights: row.weights, architecture: architecture,
                figures: zip(columns, row.figures).compactMap { name, value in value.map { Figure(name, $0) } },
                network: network, remarks: row.remarks, isRescaled: row.isRescaled, source: source)
        }
    }

    /// All that is known, as far as it was read in its source.
    public static let all: [PublishedResult] = [alexNet, vgg16, residual].flatMap { $0 }

    private static let convolutions = (1...5).map { "conv\($0)" }
    private static let stride2 = "conv1 at stride 2, where the others have 4"
    private static let splitBrain = "Zhang, Isola, Efros, CVPR 2017"
    static let instance = "Wu et al., CVPR 2018"

    private static let alexNet: [PublishedResult] = [
        imageNet, imageNetInstance, imageNetVISSL, places, placesInstance, neighbors, voc, vocRotation, vocInstance,
    ].flatMap { $0 }

    private static let imageNet = results(
        .imageNetLinear, .alexnet, caffeNet, "\(splitBrain), Table 2", convolutions,
        [
            row(.supervised, 19.3, 36.3, 44.2, 48.3, 50.5), baseline(.random, 11.6, 17.1, 16.9, 16.3, 14.1),
            baseline(.dataDriven, 17.5, 23.0, 24.5, 23.2, 20.6, remarks: "k-means"),
            row(.context, 16.2, 23.3, 30.2, 31.7, 29.6),
            row(.jigsaw, 19.2, 30.1, 34.7, 33.9, 28.3, remarks: stride2),
            row(.bigan, 17.7, 24.5, 31.0, 29.9, 28.0),
            baseline(.other("inpainting"), 14.1, 20.7, 21.0, 19.8, 15.5),
            row(.colorization, 13.1, 24.8, 31.0, 32.6, 31.8), row(.splitBrain, 17.7, 29.3, 35.4, 35.2, 32.8),
        ])
    private static let imageNetInstance = results(
        .imageNetLinear, .alexnet, "AlexNet", instance, ["conv5"], [row(.instance, 35.6)])
    private static let imageNetVISSL = results(
        .imageNetLinear, .alexnet, "VISSL's AlexNet", "facebookresearch/vissl, model zoo", ["one_layer"],
        [
            row(.supervised, 49.54), row(.rotation, 39.51), baseline(.other("DeepCluster"), 37.88),
            row(.jigsaw, 34.82, remarks: "conv1 at stride 2"), row(.colorization, 30.39),
        ])
    private static let places = results(
        .placesLinear, .alexnet, caffeNet, "\(splitBrain), Table 3", convolutions,
        [
            baseline(.other("labels of Places"), 22.1, 35.1, 40.2, 43.3, 44.6),
            row(.supervised, 22.7, 34.8, 38.4, 39.4, 38.7, remarks: "labels of ImageNet"),
            baseline(.random, 15.7, 20.3, 19.8, 19.1, 17.5),
            baseline(.dataDriven, 21.4, 26.2, 27.1, 26.1, 24.0, remarks: "k-means"),
            row(.jigsaw, 23.0, 32.1, 35.5, 34.8, 31.3, remarks: stride2),
            row(.context, 19.7, 26.7, 31.9, 32.7, 30.9), baseline(.other("video"), 20.1, 28.5, 29.9, 29.7, 27.9),
            baseline(.other("sound"), 19.9, 29.3, 32.1, 28.8, 29.8),
            row(.bigan, 22.0, 28.7, 31.8, 31.3, 29.7),
            baseline(.other("inpainting"), 18.2, 23.2, 23.4, 21.9, 18.4),
            row(.colorization, 16.0, 25.7, 29.6, 30.3, 29.7), row(.splitBrain, 21.3, 30.7, 34.0, 34.1, 32.5),
        ])
    private static let placesInstance = results(
        .placesLinear, .alexnet, "AlexNet", instance, ["conv5"], [row(.instance, 34.5)])
    private static let neighbors = results(
        .imageNetNeighbors, .alexnet, "AlexNet", instance, ["top1"],
        [
            row(.instance, 31.3, remarks: "embedding of 128"), row(.splitBrain, 8.9, remarks: "conv3"),
            row(.splitBrain, 11.8, remarks: "conv3, projected to 128"),
        ])
    private static let voc = results(
        .voc07, .alexnet, caffeNet, "Fast R-CNN, \(splitBrain), Table 4",
        ["classification_fc6_8", "classification_all", "map"],
        [
            row(.supervised, 78.9, 79.9, 56.8), baseline(.random, nil, 53.3, 43.4),
            baseline(.dataDriven, 39.2, 56.6, 45.6, remarks: "k-means"),
            row(.context, nil, 55.3, 46.6), row(.context, 55.1, 65.3, 51.1, rescaled: true),
            row(.colorization, 61.5, 65.9, 46.9, rescaled: true),
            row(.splitBrain, 63.0, 67.1, 46.7, rescaled: true),
            baseline(.other("autoencoder"), 16.0, 53.8, 41.9), baseline(.other("egomotion"), nil, 52.9, 41.8),
            baseline(.other("egomotion"), 31.0, 54.2, 43.9, rescaled: true), baseline(.other("video"), nil, 62.8, 47.4),
            baseline(.other("video"), nil, 63.1, 47.2, rescaled: true), baseline(.other("inpainting"), nil, 56.5, 44.5),
            row(.bigan, 52.3, 60.1, 46.9, rescaled: true),
            baseline(.other("shuffle and learn"), nil, nil, 42.4), baseline(.other("sound"), 54.6, 54.4, 44.0),
            baseline(.other("sound"), 52.3, 61.3, rescaled: true),
            baseline(.other("colour by Larsson"), nil, 65.9), baseline(.other("moving objects"), nil, 61.0, 52.2),
        ])
    private static let vocRotation = results(
        .voc07, .alexnet, "AlexNet with batch norm", "Fast R-CNN, Gidaris et al., ICLR 2018, abstract", ["map"],
        [row(.rotation, 54.4)])
    private static let vocInstance = results(
        .voc07, .alexnet, "AlexNet", "Fast R-CNN, \(instance)", ["map"], [row(.instance, 48.1)])
}
