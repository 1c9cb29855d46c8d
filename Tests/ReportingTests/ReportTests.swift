import Foundation
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
        #expect(page["title"].map(\.text) == ["A & B"] && page["h1"].map(\.text) == ["A & B"])
        #expect(page["h2"].map(\.text) == ["First <part>"] && page["li"].map(\.text) == ["a", "b & c"])
        #expect(page["p"].map(\.text) == ["one\ntwo"] && page["table"].count == 2)
        #expect(page["th"].contains { $0.text == "cat" && $0.attributes["scope"] == "row" })
        #expect(page["script"].isEmpty && page["link"].isEmpty && page["iframe"].isEmpty)
        // The name of the namespace is no address that is asked for.
        #expect(!html.replacing("http://www.w3.org/1999/xhtml", with: "").contains("://"))
        #expect(html.contains("prefers-color-scheme: dark") && html.contains("default-src 'none'"))
        #expect(page["img"].map { $0.attributes["width"] } == ["200", "80", "120"])
        for image in page["img"] {
            let source = try #require(image.attributes["src"])
            let data = try #require(Data(base64Encoded: String(source.dropFirst("data:image/png;base64,".count))))
            let picture = try Image.decode(data, name: "picture")
            #expect(String(picture.width) == image.attributes["width"])
            #expect(String(picture.height) == image.attributes["height"])
        }
        #expect(page["img"][0].attributes["alt"]?.contains("AP <by> class; AP %; of cat, dog") == true)
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
            bars.render(size: ImageSize(width: 200, height: 100)), Image(size: ImageSize(width: 80, height: 60)),
            Image(size: ImageSize(width: 120, height: 40), color: .white)
        )
        func sheet(_ image: Image) -> Figure { .images(ImageSheet([.init(image)], columns: 1, gap: 0)) }
        let figure = Figure.bars(bars, size: one.size)
        #expect(Report("", [.figure(figure)]).picture == one)
        let picture = try #require(Report("", [.figure(figure), .figures([sheet(two), sheet(three)])]).picture)
        #expect(picture.size == ImageSize(width: 200, height: 160))
        #expect(picture[79, 159] == .black && picture[80, 159] == .white && picture[79, 100] == .black)
        #expect(Report("", [.paragraph("none")]).picture == nil)
    }

    @Test func captionsStandAboveTheirTiles() {
        let tile = Image(size: ImageSize(width: 60, height: 20))
        let sheet = ImageSheet([.init(tile, caption: "left"), .init(tile, caption: "right")], columns: 2, gap: 2)
        let image = sheet.render()
        #expect(image.size == ImageSize(width: 3 * 2 + 2 * 60, height: 2 * 2 + 20 + 26))
        #expect(Figure.images(sheet).description == "Images; left; right")
    }

    @Test func theEndingSaysWhatIsWritten() throws {
        let folder = try TemporaryFolder()
        let starts = ["html": "<!DOCTYPE html>", "md": "# A", "csv": "class,n", "HTML": "<!DOCTYPE html>"]
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
