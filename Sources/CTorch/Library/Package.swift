// swift-tools-version: 6.1
import Foundation
import PackageDescription

// The C++ behind CTorch.h as a library of its own, which the program opens, and libtorch with it, when it needs its first
// tensor. It is declared an executable and linked with -shared: SwiftPM builds an executable that a target depends on,
// but would link the program to a library, so that libtorch were loaded at every start.

// libtorch: $LIBTORCH if set, else the copy that `make setup` puts into the project's folder.
let project = URL(fileURLWithPath: "\(Context.packageDirectory)/../../..").standardizedFileURL.path
let libtorch = Context.environment["LIBTORCH"] ?? "\(project)/.libtorch/torch"
guard FileManager.default.fileExists(atPath: "\(libtorch)/lib/libtorch_cpu.so") else {
    fatalError(
        """
        libtorch is missing: \(libtorch)/lib/libtorch_cpu.so does not exist. Either
          - run `make setup`, which installs it under .libtorch;
          - or run `python3 -m pip install --target .libtorch torch==2.13.0`;
          - or set LIBTORCH to the folder of an installed torch 2.11 or later (the one that holds include/ and lib/).
        """)
}

func library(_ name: String, path: String, exclude: [String] = [], sources: [String]) -> Target {
    .executableTarget(
        name: name, path: path, exclude: exclude, sources: sources,
        cxxSettings: [
            .unsafeFlags([
                "-I\(libtorch)/include", "-I\(libtorch)/include/torch/csrc/api/include", "-std=c++20", "-O2",
                "-fno-strict-aliasing", "-w",
            ])
        ],
        // By absolute path: with -ltorch another libtorch of the machine could win.
        linkerSettings: [
            .unsafeFlags([
                "-Xclang-linker", "-shared", "-Xclang-linker", "-Wno-unused-command-line-argument",
                "\(libtorch)/lib/libtorch_cpu.so", "\(libtorch)/lib/libc10.so",
                "-Xlinker", "-rpath", "-Xlinker", "\(libtorch)/lib",
            ])
        ])
}

let package = Package(
    name: "CTorch",
    products: [
        .executable(name: "libCTorch.so", targets: ["CTorchLibrary"]),
        // The same with a GPU that is none, for tests.
        .executable(name: "libCTorchStandIn.so", targets: ["CTorchStandIn"]),
    ],
    targets: [
        library(
            "CTorchLibrary", path: ".",
            exclude: [
                "Package.swift", "StandIn", "Vectors.inc", "WinogradKernels.inc", "BatchNormKernels.inc",
                "DirectKernels.inc",
            ],
            sources: [
                "CTorch.cpp", "CUDA.cpp", "Winograd.cpp", "WinogradOperator.cpp", "BatchNorm.cpp",
                "BatchNormOperator.cpp", "DirectConvolution.cpp", "DirectOperator.cpp",
            ]
        ),
        library("CTorchStandIn", path: "StandIn", sources: ["CTorch.cpp", "Device.cpp"]),
    ],
    cxxLanguageStandard: .cxx20
)
