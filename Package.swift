// swift-tools-version: 6.1
import Foundation
import PackageDescription

// libtorch: $LIBTORCH if set, else the copy that `make setup` puts into the package folder.
let libtorch = Context.environment["LIBTORCH"] ?? "\(Context.packageDirectory)/.libtorch/torch"
guard FileManager.default.fileExists(atPath: "\(libtorch)/lib/libtorch_cpu.so") else {
    fatalError(
        """
        libtorch is missing: \(libtorch)/lib/libtorch_cpu.so does not exist. Either
          - run `make setup`, which installs it under .libtorch;
          - or run `python3 -m pip install --target .libtorch torch==2.13.0`;
          - or set LIBTORCH to the folder of an installed torch 2.11 or later (the one that holds include/ and lib/).
        """)
}

// Set by scripts/fuzz alone: libFuzzer without a main function. It brings the target detect-fuzz into the package.
let libFuzzer = Context.environment["DETECT_FUZZ"]

let swift: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ] + (Context.environment["DETECT_STRICT"] == nil ? [] : [.unsafeFlags(["-warnings-as-errors"])])
    + (libFuzzer == nil ? [] : [.unsafeFlags(["-sanitize=address,fuzzer"])])

// libtorch is linked by absolute path: with -ltorch another libtorch of the machine could win.
// OpenBLAS comes after it, so that libtorch keeps its own BLAS.
let torchLinkage: [LinkerSetting] = [
    .unsafeFlags([
        "\(libtorch)/lib/libtorch_cpu.so", "\(libtorch)/lib/libc10.so",
        "-Xlinker", "-rpath", "-Xlinker", "\(libtorch)/lib",
        "-lopenblas",
    ])
]

func room(_ name: String, _ dependencies: [String], linkerSettings: [LinkerSetting] = []) -> Target {
    .target(
        name: name, dependencies: dependencies.map { .byName(name: $0) }, swiftSettings: swift,
        linkerSettings: linkerSettings)
}

// Golden files are found beside the sources, not in a bundle.
func tests(_ name: String, _ dependencies: [String], golden: Bool = false) -> Target {
    .testTarget(
        name: name, dependencies: dependencies.map { .byName(name: $0) }, exclude: golden ? ["Golden"] : [],
        swiftSettings: swift)
}

let package = Package(
    name: "detect",
    products: [.executable(name: "detect-cli", targets: ["detect-cli"])],
    targets: [
        .systemLibrary(
            name: "CXML2", path: "Sources/SystemLibraries/CXML2", pkgConfig: "libxml-2.0",
            providers: [.apt(["libxml2-dev"])]),
        .systemLibrary(
            name: "CPNG", path: "Sources/SystemLibraries/CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(
            name: "CZlib", path: "Sources/SystemLibraries/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "CTurboJPEG", path: "Sources/SystemLibraries/CTurboJPEG", pkgConfig: "libturbojpeg",
            providers: [.apt(["libturbojpeg0-dev"])]),
        .systemLibrary(
            name: "COpenBLAS", path: "Sources/SystemLibraries/COpenBLAS", providers: [.apt(["libopenblas-dev"])]),
        .target(
            name: "CTorch",
            cxxSettings: [
                .unsafeFlags([
                    "-I\(libtorch)/include", "-I\(libtorch)/include/torch/csrc/api/include", "-std=c++20", "-O2",
                    "-fno-strict-aliasing", "-w",
                ])
            ],
            linkerSettings: torchLinkage),
        room("Support", []),
        room("Torch", ["CTorch", "Support"]),
        room("Boxes", []),
        room("Imaging", ["CTurboJPEG", "CPNG", "Support"]),
        room("Datasets", ["Imaging", "Support"]),
        room("VOCData", ["Boxes", "Imaging", "Datasets", "CXML2", "Support"]),
        room("Training", ["Torch", "Support"]),
        room("Backbone", ["Torch", "Support"]),
        room("Pretrain", ["Backbone", "Training", "Datasets", "Imaging", "Torch", "Support"]),
        room("Probes", ["Backbone", "Training", "Datasets", "Imaging", "Torch", "COpenBLAS", "Support"]),
        room("Detection", ["Backbone", "Training", "Datasets", "Imaging", "Boxes", "Torch", "CZlib", "Support"]),
        .executableTarget(
            name: "detect-cli",
            dependencies: [
                "Support", "Torch", "Boxes", "Imaging", "Datasets", "VOCData", "Training", "Backbone", "Pretrain",
                "Probes", "Detection",
            ], swiftSettings: swift),
        // What fuzzing runs; the tests replay its corpus.
        .target(
            name: "FuzzTargets",
            dependencies: ["VOCData", "Detection", "Backbone", "Torch", "Imaging", "Boxes", "Support"],
            path: "Fuzz/Targets",
            swiftSettings: swift),
        tests("FuzzTests", ["FuzzTargets", "Support"]),
        .target(
            name: "TestSupport", dependencies: ["Torch", "Support"], path: "Tests/TestSupport", swiftSettings: swift),
        tests("SupportTests", ["Support", "TestSupport"]),
        tests("TorchTests", ["Torch", "Support"]),
        tests("BoxesTests", ["Boxes"]),
        tests("ImagingTests", ["Imaging", "Support"], golden: true),
        tests("DatasetsTests", ["Datasets", "Imaging", "Support"]),
        tests("VOCDataTests", ["VOCData", "Boxes", "Datasets", "Imaging", "Support"], golden: true),
        tests("BackboneTests", ["Backbone", "Torch", "Support", "TestSupport"], golden: true),
        tests("TrainingTests", ["Training", "Torch", "Support", "TestSupport"], golden: true),
        tests(
            "PretrainTests", ["Pretrain", "Backbone", "Training", "Datasets", "Imaging", "Torch", "Support"],
            golden: true),
        tests(
            "ProbesTests", ["Probes", "Backbone", "Datasets", "Imaging", "Torch", "Support"], golden: true),
        tests(
            "DetectionTests",
            ["Detection", "Backbone", "Boxes", "Training", "Datasets", "Imaging", "Torch", "Support", "TestSupport"],
            golden: true),
        tests("CommandLineTests", ["detect-cli", "Torch", "Imaging", "Support", "TestSupport"], golden: true),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx20
)

if let libFuzzer {
    package.targets.append(
        .executableTarget(
            name: "detect-fuzz", dependencies: ["FuzzTargets"], path: "Fuzz/Runner", swiftSettings: swift,
            linkerSettings: [.unsafeFlags(["-sanitize=address", libFuzzer, "-lstdc++"])]))
}
