import Foundation
import Graphics
import Imaging
import Reporting
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct ReportTests {
    private let bars = BarPlot(
        title: "AP <by> class", yLabel: "AP %", groups: ["cat", "dog"], series: [.init("", [1, 2])])

    private var report: Report {
        Report(
            "A & B",
            sections: [
                .init(
                    "First <part>",
                    [
                        .paragraph("one\ntwo"), .list(["a", "b & c"]),
                        .table(Table([.text("class"), .number("n")], [["cat", .integer(1)]])),
                    ]),
                .init([.figure(.bars(bars, size: ImageSize(width: 200, height: 100)))]),
                .init([
                    .table(Table([.text("x")], [["y"]])),
                    .figures([
                        .line(
                            LinePlot(title: "loss", series: [.init("", [1, 2])]), size: .init(width: 80, height: 60)),
                        .matrix(
                            MatrixPlot(
                                title: "together", rows: ["a"], columns: ["b"], values: [[0.5]], texts: [["1"]]),
                            width: 120),
                    ]),
                ]),
            ])
    }

    @Test func textIsParagraphsAndTables() {
        #expect(report.text == "one\ntwo\n  a\n  b & c\nclass  n\ncat    1\n\nx\ny\n")
        #expect(Report("nothing", []).text == "")
        var more = Report("nothing", [])
        more.append(.paragraph("something"))
        #expect(more.text == "something\n")
    }

    @Test func pageHoldsAllAndAsksForNothing() throws {
        let html = try report.html()
        let page = try #require(Page(html))
        #expect(page["h1"].map(\.text) == ["A & B"] && page["h2"].map(\.text) == ["First <part>"])
        #expect(page["title"].first?.text == "A & B" && page["li"].map(\.text).prefix(2) == ["a", "b & c"])
        #expect(page["p"].map(\.text) == ["one\ntwo"])
        #expect(page["th"].contains { $0.text == "cat" && $0.attributes["scope"] == "row" })
        #expect(page["link"].isEmpty && page["iframe"].isEmpty && page["meta"].count == 3)
        // The name of the namespace is no address that is asked for.
        #expect(!html.replacing("http://www.w3.org/1999/xhtml", with: "").contains("://"))
        #expect(html.contains("prefers-color-scheme: dark") && html.contains("default-src 'none'"))
        let refreshed = try #require(Page(try report.html(refreshSeconds: 7)))
        #expect(refreshed["meta"].contains { $0.attributes == ["http-equiv": "refresh", "content": "7"] })
    }

    /// No script but the page's own runs: of what stands between its tags the page says the sum.
    @Test func thePageNamesItsScript() throws {
        let html = try report.html()
        let parts = html.split(separator: "<script>")
        #expect(parts.count == 2)
        let script = try #require(parts.last).prefix { _ in true }.components(separatedBy: "</script>")[0]
        let digits = Array(SHA256.hex(Data(script.utf8)))
        let bytes = stride(from: 0, to: 64, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16)! }
        #expect(html.contains("script-src 'sha256-\(Data(bytes).base64EncodedString())'"))
    }

    @Test func chartsCanBeReadAndHidden() throws {
        let plot = LinePlot(
            title: "loss", xLabel: "step",
            series: [.init("a \"<b>\"", [1, .nan, 3]), .init("c", x: [0, 5], y: [2, 4])])
        let page = try #require(Page(try Report("", [.figure(.line(plot))]).html()))
        #expect(page["figcaption"].map(\.text) == ["loss"])
        #expect(page["input"].map { $0.attributes["data-series"] } == ["0", "1"])
        #expect(page["span"].map(\.text) == ["a \"<b>\"", "c"])
        // For wide and for narrow screens.
        let drawings = page["svg"].filter { $0.attributes["role"] == "img" }
        #expect(
            drawings.count == 2 && drawings.allSatisfy { $0.attributes["aria-label"] == Figure.line(plot).description })
        let groups = page["g"].compactMap { $0.attributes["class"] }
        #expect(groups == ["series-0", "series-1", "series-0", "series-1"])
        // As many values as places that are drawn, so that the page can match them.
        let data = try JSON.parse(try #require(page["div"].compactMap { $0.attributes["data-points"] }.first).utf8)
        #expect(data["x"] == "step" && data["series"]?.arrayValue?[0]["y"] == [.number(1), .number(3)])
        let lines = page["path"].filter { $0.attributes["class"] == "line l-s0" }
        let places = lines.map { $0.attributes["d"]!.count { "ML".contains($0) } }
        #expect(places == [2, 2, 2])
        #expect(page["td"].map(\.text).contains("4") && page["summary"].map(\.text) == ["Values"])
    }

    /// A long run stays a small page, with its ends and extremes.
    @Test func longSeriesAreThinned() throws {
        var values = (0..<50_000).map { Double($0 % 10) }
        values[31_234] = 99
        let html = try Report("", [.figure(.line(LinePlot(series: [.init("", values)])))]).html()
        #expect(html.utf8.count < 60_000 && html.contains("99"))
    }

    @Test func barsAndCellsSayTheirValue() throws {
        let page = try #require(Page(try report.html()))
        #expect(page["title"].map(\.text).contains("cat: 1.0") && page["title"].map(\.text).contains("a, b: 1"))
        #expect(page["svg"].first?.attributes["aria-label"]?.contains("AP <by> class; AP %; of cat, dog") == true)
    }

    /// Photographs as JPEG, all else as PNG.
    @Test func picturesLieInThePage() throws {
        let plain = Image(size: ImageSize(width: 90, height: 60), color: .white)
        var noise = Image(size: ImageSize(width: 300, height: 200))
        var random = RandomStream(state: 1)
        for i in noise.pixels.indices { noise.pixels[i] = UInt8(40 + i % 900 / 5 + random.integer(below: 8)) }
        let sheet = ImageSheet(title: "found", [.init(plain, caption: "a<"), .init(noise, caption: "b")], columns: 2)
        let images = try #require(Page(try Report("", [.figure(.images(sheet))]).html()))["img"]
        #expect(images.map { $0.attributes["alt"] } == ["found: a<", "found: b"])
        for (image, kind) in zip(images, ["png", "jpeg"]) {
            let source = try #require(image.attributes["src"])
            let start = "data:image/\(kind);base64,"
            #expect(source.hasPrefix(start))
            let data = try #require(Data(base64Encoded: String(source.dropFirst(start.count))))
            #expect(try String(Image.decode(data, name: "picture").width) == image.attributes["width"])
        }
    }

    @Test func whatIsAskedForIsThere() throws {
        let report = Report("", [.details("more", [.table(Table([.text("h")], [["x"]])), .paragraph("p")])])
        let page = try #require(Page(try report.html()))
        #expect(page["summary"].map(\.text) == ["more"] && page["th"].map(\.text) == ["h", "x"])
        #expect(report.text == "" && report.csv == "h\nx\n" && report.markdown.contains("**more**"))
        #expect(report.latex.hasPrefix("\\begin{table}"))
    }

    @Test func markdownHasHeadingsTablesAndDescriptions() {
        let text = report.markdown
        #expect(text.hasPrefix("# A \\& B\n\n## First \\<part\\>\n\none\\\ntwo\n\n- a\n- b \\& c\n\n| class | n |\n"))
        #expect(text.contains("\n*Curves; loss*\n") && !text.contains("base64"))
    }

    @Test func machinesGetValuesOfFigures() throws {
        let json = try JSON.parse(report.json.line.utf8)
        #expect(json["title"] == "A & B" && json["sections"]?.arrayValue?.count == 3)
        let blocks = json["sections"]!.arrayValue!.map { $0["blocks"]!.arrayValue! }
        #expect(blocks[0][0] == ["paragraph": "one\ntwo"] && blocks[0][1] == ["list": ["a", "b & c"]])
        let figure = try #require(blocks[1][0]["figures"]?.arrayValue?[0])
        #expect(figure["figure"] == "bars" && figure["groups"] == ["cat", "dog"])
        #expect(figure["series"]?.arrayValue?[0]["values"] == [.number(1), .number(2)])
        let others = try #require(blocks[2][1]["figures"]?.arrayValue)
        #expect(others[0]["series"]?.arrayValue?[0]["y"] == [.number(1), .number(2)])
        #expect(others[1]["values"] == [[.number(0.5)]])
        #expect(report.csv == "class,n\ncat,1\n\nx\ny\n")
        // No file is left empty.
        #expect(
            Report("", [.paragraph("trained 2 steps"), .paragraph("a, b")]).csv == "text\ntrained 2 steps\n\"a, b\"\n")
    }

    /// Rows of figures from the top, those of a row beside each other.
    @Test func thePictureHasEveryFigure() throws {
        let (one, two, three) = (
            bars.drawing(size: ImageSize(width: 200, height: 100)), Image(size: ImageSize(width: 80, height: 60)),
            Image(size: ImageSize(width: 120, height: 40), color: .white)
        )
        func sheet(_ image: Image) -> Figure { .images(ImageSheet([.init(image)], columns: 1, gap: 0)) }
        let figure = Figure.bars(bars, size: one.size)
        #expect(Report("", [.figure(figure)]).picture == one)
        let picture = try #require(Report("", [.figure(figure), .figures([sheet(two), sheet(three)])]).picture).image()
        #expect(picture.size == ImageSize(width: 200, height: 160))
        #expect(picture[79, 159] == .black && picture[80, 159] == .white && picture[79, 100] == .black)
        #expect(Report("", [.paragraph("none")]).picture == nil)
    }

    @Test func captionsStandAboveTheirTiles() {
        let tile = Image(size: ImageSize(width: 60, height: 20))
        let sheet = ImageSheet([.init(tile, caption: "left"), .init(tile, caption: "right")], columns: 2, gap: 2)
        let image = sheet.drawing.image()
        #expect(image.size == ImageSize(width: 3 * 2 + 2 * 60, height: 2 * 2 + 20 + 24))
        #expect(Figure.images(sheet).description == "Images; left; right")
    }

    @Test func theEndingSaysWhatIsWritten() throws {
        let folder = try TemporaryFolder()
        let starts = [
            "html": "<!DOCTYPE html>", "md": "# A", "csv": "class,n", "tex": "\\begin{table}",
            "HTML": "<!DOCTYPE html>",
        ]
        for (ending, start) in starts {
            let path = "\(folder.path)/r.\(ending)"
            try #require(ReportFile(argument: path)).write(report)
            #expect(try Files.readText(path).hasPrefix(start), "\(ending)")
        }
        for name in ["report", "report.pdf", "report.html.gz", "", ".html"] {
            #expect(ReportFile(argument: name) == nil, "\(name)")
        }
        let nowhere = try #require(ReportFile(argument: "\(folder.path)/no/r.html"))
        #expect(throws: InputError.self) { try nowhere.write(report) }
    }
}
