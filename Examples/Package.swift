// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "examples",
    dependencies: [.package(name: "detect", path: "..")],
    targets: [
        .executableTarget(
            name: "evaluate-comp4",
            dependencies: [.product(name: "VOCData", package: "detect")],
            path: "EvaluateComp4"),
        .executableTarget(
            name: "embed-image",
            dependencies: [
                .product(name: "Backbone", package: "detect"),
                .product(name: "Imaging", package: "detect"),
                .product(name: "Torch", package: "detect"),
            ],
            path: "EmbedImage"),
    ],
    swiftLanguageModes: [.v6]
)
