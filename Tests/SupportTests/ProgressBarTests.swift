import Support
import TestSupport
import Testing

/// A clock and a page that tests turn and read.
private final class Scene {
    var time = 100.0
    var output: [String] = []

    func bar(total: Int, start: Int = 0, style: ProgressBar.Style) -> ProgressBar {
        ProgressBar(
            "pretrain", total: total, unit: "images", start: start, style: style, clock: { self.time },
            output: { self.output.append($0) })
    }
}

@Suite(.tags(.unit), .tiered) struct ProgressBarTests {
    @Test func aTerminalIsRedrawnAtMostTenTimesASecond() {
        let scene = Scene()
        let bar = scene.bar(total: 10_000, style: .terminal)
        for count in 1...10_000 {
            scene.time += 0.001
            bar.update(count)
        }
        // Ten seconds of work.
        #expect((90...101).contains(scene.output.count))
        #expect(scene.output.allSatisfy { $0.hasPrefix("\r\u{1b}[K") && !$0.contains("\n") })
        bar.finish()
        #expect(scene.output.last == "\n")
    }

    @Test func aLineTellsCountRateAndTimeLeft() {
        let scene = Scene()
        let bar = scene.bar(total: 1000, style: .lines)
        scene.time += 10
        bar.update(250, detail: "loss 3.2")
        #expect(scene.output == ["pretrain  25%  250/1000 images  25.0 images/s  0:30 left  loss 3.2\n"])
        scene.time += 30
        bar.update(1000)
        bar.finish()
        #expect(scene.output.last == "pretrain 100%  1000/1000 images  25.0 images/s  in 0:40\n")
    }

    @Test func plainLinesComeEveryTenSecondsOrTenth() {
        let scene = Scene()
        let bar = scene.bar(total: 1000, style: .lines)
        for count in 1...50 {
            scene.time += 1
            bar.update(count)
        }
        #expect(scene.output.count == 5)
        scene.output = []
        for count in stride(from: 100, through: 1000, by: 10) {
            scene.time += 0.2
            bar.update(count)
        }
        #expect(scene.output.count == 10)
    }

    @Test func shortWorkPrintsOnlyItsEnd() {
        let scene = Scene()
        let bar = scene.bar(total: 10, style: .lines)
        for count in 1...10 {
            scene.time += 0.01
            bar.update(count)
        }
        bar.finish()
        bar.finish()
        #expect(scene.output.count == 1)
    }

    @Test func workOfAnEarlierRunDoesNotCountForTheRate() {
        let scene = Scene()
        let bar = scene.bar(total: 1000, start: 900, style: .lines)
        scene.time += 10
        bar.update(950)
        #expect(scene.output == ["pretrain  95%  950/1000 images  5.00 images/s  0:10 left\n"])
    }

    @Test func quietIsQuietButForMessages() {
        let scene = Scene()
        let bar = scene.bar(total: 5, style: .quiet)
        scene.time += 60
        bar.update(3)
        bar.finish()
        #expect(scene.output.isEmpty)
        bar.message("saved")
        #expect(scene.output == ["saved\n"])
    }

    @Test func aMessageReplacesTheBarAndBringsItBack() {
        let scene = Scene()
        let bar = scene.bar(total: 5, style: .terminal)
        bar.message("saved")
        #expect(scene.output.count == 2)
        #expect(scene.output[0] == "\r\u{1b}[Ksaved\n")
        #expect(scene.output[1].contains("0/5 images"))
    }

    @Test func hugeTimesDoNotOverflow() {
        let scene = Scene()
        let bar = scene.bar(total: .max, style: .lines)
        scene.time += 1e6
        bar.update(1)
        #expect(scene.output.first?.contains("long left") == true)
    }
}
