internal import Backbone
internal import Pretrain

extension PublishedResult {
    static let vgg16: [PublishedResult] = [
        results(.imageNetNeighbors, .vgg16, "VGG16", instance, ["top1"], [row(.instance, 33.9)]),
        results(.voc07, .vgg16, "VGG16", "Fast R-CNN, Girshick, ICCV 2015", ["map"], [row(.supervised, 66.9)]),
        results(.voc07, .vgg16, "VGG16", "Fast R-CNN, \(instance)", ["map"], [row(.instance, 60.5)]),
    ].flatMap { $0 }

    static let residual: [PublishedResult] = [
        results(.imageNetNeighbors, .resnet18, "ResNet-18", instance, ["top1"], [row(.instance, 40.5)]),
        results(
            .imageNetLinear, .resnet101, "ResNet-101", "as quoted by \(instance)", ["one_layer"],
            [row(.exemplar, 31.5, remarks: "triplets")]),
        linear, neighbors, detection,
    ].flatMap { $0 }

    private static let network = "ResNet-50"
    private static let layers = ["conv1", "layer1", "layer2", "layer3", "layer4", "avgpool"]
    private static let moco = "He et al., CVPR 2020"
    private static let mocoCode = "facebookresearch/moco"
    private static let vissl = "facebookresearch/vissl, model zoo"
    private static let mmselfsup = "open-mmlab/mmselfsup, benchmarks"

    private static let linear: [PublishedResult] = [
        linearInstance, linearMoCo, linearMoCoCode, linearSimSiam, linearMMSelfSup, linearVISSL, placesInstance50,
        placesMMSelfSup,
    ].flatMap { $0 }
    private static let linearInstance = results(
        .imageNetLinear, .resnet50, network, instance, ["layer4"], [row(.instance, 42.5)])
    private static let linearMoCo = results(
        .imageNetLinear, .resnet50, network, "\(moco), comparison of linear classifiers", ["avgpool"],
        [
            row(.instance, 54.0), row(.mocoV1, 60.6, remarks: "200 epochs"),
            row(.cmc, 68.4, remarks: "twice as wide; FastAutoAugment, which was found with labels"),
            baseline(.other("LocalAgg"), 58.8), baseline(.other("BigBiGAN"), 56.6),
        ])
    private static let linearMoCoCode = results(
        .imageNetLinear, .resnet50, network, "\(mocoCode), README", ["avgpool"],
        [row(.mocoV2, 67.5, remarks: "200 epochs"), row(.mocoV2, 71.1, remarks: "800 epochs")])
    private static let linearSimSiam = results(
        .imageNetLinear, .resnet50, network, "Chen, He, CVPR 2021", ["avgpool"],
        [row(.simsiam, 68.1, remarks: "100 epochs")])
    private static let linearMMSelfSup = results(
        .imageNetLinear, .resnet50, network, mmselfsup, layers,
        [
            row(.instance, 14.7, 32.0, 42.9, 57.0, 58.4, 58.3, remarks: "200 epochs"),
            row(.mocoV2, 16.0, 34.2, 45.8, 61.1, 66.2, 67.5, remarks: "200 epochs"),
            row(.simclr, nil, nil, nil, nil, nil, 62.7, remarks: "200 epochs of batches of 256"),
            row(.simclr, nil, nil, nil, nil, nil, 66.9, remarks: "200 epochs of batches of 4096"),
            row(.simclr, nil, nil, nil, nil, nil, 69.2, remarks: "800 epochs"),
            row(.byol, nil, nil, nil, nil, nil, 71.8, remarks: "200 epochs"),
            row(.simsiam, nil, nil, nil, nil, nil, 68.3, remarks: "100 epochs"),
            row(.simsiam, nil, nil, nil, nil, nil, 69.8, remarks: "200 epochs"),
            row(.context, 15.1, 30.5, 42.8, 51.2, 41.0, 40.4, remarks: "70 epochs"),
            row(.rotation, 12.2, 32.0, 44.6, 54.2, 45.9, 47.0, remarks: "70 epochs"),
        ])
    private static let linearVISSL = results(
        .imageNetLinear, .resnet50, network, vissl, ["one_layer"],
        [
            row(.supervised, 76.1), row(.instance, 54.99), row(.mocoV2, 66.4),
            row(.simclr, 64.4, remarks: "100 epochs"), row(.simclr, 66.61, remarks: "200 epochs"),
            row(.simclr, 69.68, remarks: "800 epochs"), row(.rotation, 48.2, remarks: "105 epochs"),
            row(.jigsaw, 48.57, remarks: "100 orders"), row(.jigsaw, 46.73, remarks: "2000 orders"),
            row(.jigsaw, 48.11, remarks: "10,000 orders"), row(.colorization, 40.11),
        ])
    private static let placesInstance50 = results(
        .placesLinear, .resnet50, network, instance, ["one_layer"], [row(.instance, 42.1)])
    private static let placesMMSelfSup = results(
        .placesLinear, .resnet50, network, mmselfsup, layers,
        [
            row(.context, 20.7, 34.7, 43.0, 46.0, 42.0, remarks: "70 epochs"),
            row(.instance, nil, nil, nil, nil, 48.7, remarks: "200 epochs"),
            row(.mocoV2, nil, nil, nil, nil, 52.3, remarks: "200 epochs"),
            row(.byol, nil, nil, nil, nil, 53.8, remarks: "200 epochs"),
            row(.simsiam, nil, nil, nil, nil, 53.3),
        ])

    private static let neighbors: [PublishedResult] = [neighbors50, neighborsMMSelfSup].flatMap { $0 }
    private static let neighbors50 = results(
        .imageNetNeighbors, .resnet50, network, instance, ["top1"],
        [row(.instance, 42.5, remarks: "embedding of 128")])
    private static let neighborsMMSelfSup = results(
        .imageNetNeighbors, .resnet50, network, mmselfsup, ["top1"],
        [
            row(.instance, 44.0, remarks: "avgpool, K = 20; 200 epochs"),
            row(.mocoV2, 55.7, remarks: "avgpool, K = 20; 200 epochs"),
            row(.byol, 64.2, remarks: "avgpool, K = 20; 200 epochs"),
            row(.simsiam, 57.6, remarks: "avgpool, K = 20; 100 epochs"),
            row(.simsiam, 60.4, remarks: "avgpool, K = 20; 200 epochs"),
            row(.context, 15.0, remarks: "avgpool, K = 20; 70 epochs"),
        ])

    private static let c4 = "Faster R-CNN on C4"
    private static let both = "trainval 2007 and 2012"

    private static let detection: [PublishedResult] = [
        detectionInstance, detectionMoCoCode, detectionMoCo, detectionMMSelfSup,
    ].flatMap { $0 }
    private static let detectionInstance = results(
        .voc07, .resnet50, network, "Faster R-CNN, \(instance)", ["map"],
        [row(.supervised, 76.2), row(.instance, 65.4)])
    private static let detectionMoCoCode = results(
        .voc07, .resnet50, network, "\(c4), \(mocoCode), detection/README.md", ["ap50", "ap", "ap75"],
        [
            row(.supervised, 81.3, 53.5, 58.8, remarks: both),
            row(.mocoV1, 81.5, 55.9, 62.6, remarks: "\(both); 200 epochs"),
            row(.mocoV2, 82.4, 57.0, 63.6, remarks: "\(both); 200 epochs"),
            row(.mocoV2, 82.5, 57.4, 64.0, remarks: "\(both); 800 epochs"),
        ])
    private static let detectionMoCo = results(
        .voc07, .resnet50, network, "\(c4), \(moco), comparison on trainval 2007", ["ap50", "ap", "ap75"],
        [row(.supervised, 74.4, 42.4, 42.7), row(.mocoV1, 74.9, 46.6, 50.1, remarks: "200 epochs")])
    private static let detectionMMSelfSup = results(
        .voc07, .resnet50, network, "\(c4), \(mmselfsup)", ["ap50"],
        [
            row(.instance, 79.52, remarks: "\(both); 200 epochs"),
            row(.mocoV2, 81.06, remarks: "\(both); 200 epochs"),
            row(.simclr, 79.38, remarks: "\(both); 200 epochs of batches of 256"),
            row(.byol, 80.35, remarks: "\(both); 200 epochs"),
            row(.simsiam, 79.80, remarks: "\(both); 100 epochs"),
            row(.context, 79.70, remarks: "\(both); 70 epochs"),
            row(.rotation, 79.67, remarks: "\(both); 70 epochs"),
        ])
}
