/// The methods by name. A new one is a folder beside this file, and a case and a line here.
public enum MethodName: String, CaseIterable, Sendable {
    /// Every image from all others, by a memory bank (Wu et al., CVPR 2018).
    case instance
    /// Every image from all others, by an n-way linear classifier (the same paper's baseline).
    case parametric
    /// The classes of the labels.
    case supervised
    /// One view's key among those of earlier images (He et al., CVPR 2020).
    case mocoV1 = "moco-v1"
    /// The same with a deeper head and more changes (Chen et al. 2020).
    case mocoV2 = "moco-v2"
    /// One view's partner among all views of the batch (Chen et al., ICML 2020).
    case simclr
    /// The other view's embedding by a slower copy, without negatives (Grill et al., NeurIPS 2020).
    case byol
    /// The other view's embedding by the same network, without negatives (Chen, He, CVPR 2021).
    case simsiam
    /// By which of four turns an image is turned (Gidaris et al., ICLR 2018).
    case rotation
    /// In which order nine tiles of an image are (Noroozi, Favaro, ECCV 2016).
    case jigsaw
    /// In which direction one patch of an image lies from another (Doersch et al., ICCV 2015).
    case context
    /// Every image with strong changes from all others, by classes or by triplets (Dosovitskiy et al., NIPS 2014).
    case exemplar
    /// An image's colours by its lightness among those of all images, and the other way round (Tian, Krishnan, Isola 2019).
    case cmc
    /// Colours from lightness (Zhang, Isola, Efros, ECCV 2016).
    case colorization
    /// Colours from lightness, and lightness from colours (Zhang, Isola, Efros, CVPR 2017).
    case splitBrain = "split-brain"
    /// What an image is made of, against a network that tells real images with their codes from generated ones (Donahue,
    /// Krähenbühl, Darrell, ICLR 2017).
    case bigan

    public var method: any PretextMethod.Type {
        switch self {
        case .instance: InstanceDiscrimination.self
        case .parametric: ParametricClassification.self
        case .supervised: SupervisedClassification.self
        case .mocoV1: MoCo.V1.self
        case .mocoV2: MoCo.V2.self
        case .simclr: SimCLR.self
        case .byol: BYOL.self
        case .simsiam: SimSiam.self
        case .rotation: Rotation.self
        case .jigsaw: Jigsaw.self
        case .context: ContextPrediction.self
        case .exemplar: Exemplar.self
        case .cmc: CMC.self
        case .colorization: Colorization.self
        case .splitBrain: SplitBrain.self
        case .bigan: BiGAN.self
        }
    }
}
