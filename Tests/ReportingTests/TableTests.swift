import Reporting
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct TableTests {
    private let table = Table(
        [.text("class"), .percent("AP %"), .number("npos")],
        [
            [.text("aeroplane"), .number(0.07), .integer(3)], [.text("cat"), .missing, .integer(12)],
            ["mAP", .number(0.07)],
        ], caption: "All of them:", notes: ["one left out"], missing: "undefined")

    @Test func textLinesUpInColumns() {
        #expect(
            table.text == """
                All of them:
                class           AP %  npos
                aeroplane       7.00     3
                cat        undefined    12
                mAP             7.00
                one left out
                """)
        let mixed = Table(
            [.text(""), .text("problem", alignment: .left), .number("count"), .text("example", alignment: .left)],
            [["serious", "box", .integer(1), "a"], ["note", "a longer one", .integer(10), "b c"]])
        #expect(
            mixed.text == """
                         problem       count  example
                serious  box               1  a
                note     a longer one     10  b c
                """)
    }

    @Test func factsHaveNoHeadings() {
        let facts = Table(
            facts: [
                ("images", .integer(4)), ("recall", .number(0.5, as: .number(decimals: 4))),
                ("seconds", .number(nil, as: .number(decimals: 3))),
            ], missing: "unknown")
        #expect(facts.text == "images         4\nrecall    0.5000\nseconds  unknown")
        #expect(facts.csv == "images,4\nrecall,0.5\nseconds,\n")
        #expect(!facts.html.contains("<thead>"))
        #expect(facts.json["rows"]?.arrayValue?[1] == ["column 1": "recall", "column 2": .number(0.5)])
        #expect(Table([.text("a")], []).text == "a")
    }

    /// A percent is written as percent wherever the heading says so, without the last bits of a product.
    @Test func machinesGetWholeNumbers() throws {
        #expect(table.csv == "class,AP %,npos\naeroplane,7.0,3\ncat,,12\nmAP,7.0,\n")
        let json = try JSON.parse(table.json.line.utf8)
        #expect(
            json["rows"] == [
                ["class": "aeroplane", "AP %": .number(7), "npos": 3], ["class": "cat", "AP %": .null, "npos": 12],
                ["class": "mAP", "AP %": .number(7)],
            ])
        #expect(json["caption"] == "All of them:" && json["notes"] == ["one left out"])
        let third = Table([.number("x"), .number("y", decimals: 1)], [[.number(1.0 / 3), .number(1.0 / 3)]])
        #expect(third.csv == "x,y\n0.3333333333333333,0.3333333333333333\n" && third.text.hasSuffix("  0.3"))
    }

    /// The best of a column or a row: of what is shown, so that two equal figures are both bold.
    @Test func theBestIsBold() {
        var table = Table(
            [.text("weights"), .percent("a %", decimals: 1), .number("loss", decimals: 2), .number("n")],
            [
                ["x", .number(0.5), .number(1.5), .integer(3)], ["y", .number(0.7001), .number(0.25), .missing],
                ["z", .mean(0.70009, deviation: 0.1), .missing, .missing],
            ])
        table.markBest(column: 1)
        table.markBest(column: 2, isHighest: false)
        table.markBest(column: 3)
        #expect(Page(table.html)?["strong"].map(\.text) == ["70.0", "0.25", "70.0 ± 10.0"])
        #expect(table.markdown.contains("| y | **70.0** | **0.25** | – |"))
        #expect(table.latex.contains("z & \\textbf{70.0 $\\pm$ 10.0} & -- & -- \\\\\n"))
        // One value has nothing to be better than.
        #expect(table.latex.contains(" & 3 \\\\\n"))
        var rows = Table([.text("AP"), .number("b"), .number("c")], [["cat", .number(1), .number(2)]])
        rows.markBest(row: 0)
        #expect(Page(rows.html)?["strong"].map(\.text) == ["2.0"])
    }

    /// Machines get mean and deviation apart.
    @Test func meansHaveTheirDeviation() {
        let table = Table(
            [.text("w"), .percent("mAP %", decimals: 1), .number("n")],
            [["x", .mean(0.07, deviation: 0.005), .integer(1)], ["y", .mean(0.5, deviation: nil), .integer(2)]])
        #expect(table.text == "w      mAP %  n\nx  7.0 ± 0.5  1\ny       50.0  2")
        #expect(table.csv == "w,mAP %,mAP % ±,n\nx,7.0,0.5,1\ny,50.0,,2\n")
        #expect(table.json["rows"]?.arrayValue?[0]["mAP %"] == .number(7))
    }

    @Test func latexHasItsRules() {
        #expect(
            Table([.text("a_b"), .number("n")], [["50 % of {x}", .integer(1)]], caption: "A & B", notes: ["~"]).latex
                == """
                \\begin{table}
                \\caption{A \\& B}
                \\begin{tabular}{lr}
                \\toprule
                a\\_b & n \\\\
                \\midrule
                50 \\% of \\{x\\} & 1 \\\\
                \\bottomrule
                \\end{tabular}

                \\footnotesize \\textasciitilde{}
                \\end{table}

                """)
    }

    @Test func equalHeadingsStayApart() throws {
        let table = Table(
            [.text("weights"), .number("random"), .number("random"), .number("random (2)")],
            [["mAP", .integer(1), .integer(2), .integer(3)]])
        let names = try #require(table.json["rows"]?.arrayValue?[0].members?.map(\.name))
        #expect(names == ["weights", "random", "random (2)", "random (2) (2)"])
    }

    @Test func markdownIsATableOfGitHub() {
        #expect(
            table.markdown == """
                All of them:

                | class | AP % | npos |
                | :-- | --: | --: |
                | aeroplane | 7.00 | 3 |
                | cat | undefined | 12 |
                | mAP | 7.00 |  |

                one left out

                """)
        #expect(Table([.text("")], [["  AP cat"]]).markdown.contains("| &nbsp;&nbsp;AP cat |"))
    }

    @Test func numbersThatAreNone() throws {
        let values = [Double.nan, .infinity, -.infinity]
        let table = Table(
            [.percent("p"), .number("d", decimals: 1), .number("n")],
            values.map { [.number($0), .number($0), .number($0)] })
        for line in table.text.split(separator: "\n").dropFirst() {
            #expect(line.contains("nan") || line.contains("inf"), "\(line)")
        }
        #expect(table.csv.contains("inf,inf,inf") && table.csv.contains("-inf"))
        // JSON knows no such numbers.
        let rows = try #require(try JSON.parse(table.json.line.utf8)["rows"]?.arrayValue)
        #expect(rows.allSatisfy { $0["p"] == .null && $0["n"] == .null })
        #expect(Page(table.html)?["td"].count == 6)
    }

    @Test func wideCharactersStayInTheirColumn() {
        let table = Table(
            [.text("name"), .number("n")], [["猫", .integer(1)], ["cat", .integer(22)], ["고양이", .integer(3)]])
        #expect(table.text == "name     n\n猫       1\ncat     22\n고양이   3")
    }

    /// What may stand in a file name or a class name.
    static let hostile = [
        "<script>alert(1)</script>", "a|b", "\"quoted\"", "'", "a,b", "two\nlines", "crlf\r\n", "&amp;", "]]>", "-->",
        "`code`", "*bold*_it_", "[link](javascript:x)", "\\", "\u{1b}[31mred", "nul\u{0}", "tab\t", "\u{202e}abc",
        "\u{FFFE}", "\"\u{301} onload=\"x", "<\u{338}b>", "猫|犬", "- item", "# head", "$x$",
    ]

    @Test(arguments: hostile) func hostileTextStaysText(text: String) throws {
        let table = Table(
            [.text(text), .number("n")], [[.text(text), .integer(1)]], caption: text, notes: [text], missing: text)
        // A line a row, and nothing that a terminal would obey.
        let cells = Table([.text("h"), .number("n")], [[.text(text), .integer(1)]]).text
        #expect(cells.split(separator: "\n").count == 2)
        #expect(!table.text.unicodeScalars.contains { ($0.value < 32 && $0 != "\n") || $0 == "\u{202e}" })

        let page = try #require(Page("<body>\(table.html)</body>"), "\(table.html)")
        #expect(
            Set(page.elements.map(\.name)).isSubset(of: [
                "body", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "p",
            ]))
        #expect(
            page.elements.allSatisfy {
                Set($0.attributes.keys).isSubset(of: ["class", "scope", "tabindex", "role", "aria-label", "data-value"])
            })
        // Lines stay lines on a page; they are joined on both sides.
        let lines = text.split(whereSeparator: \.isNewline).map { String($0).withoutControls }
        let shown = text == "\u{FFFE}" ? "\u{FFFD}" : lines.joined()
        #expect(page["tbody"][0].text.split(separator: "\n").joined() == "\(shown)1")

        // One row of two cells: no bar, no newline of the text's own.
        let row = Table([.text("h"), .number("n")], [[.text(text), .integer(1)]]).markdown.split(separator: "\n")
        #expect(row.count == 3)
        let bars = row[2].replacing("\\\\", with: "").replacing("\\|", with: "").count { $0 == "|" }
        #expect(bars == 3 && !row[2].replacing("\\<", with: "").contains("<"))

        #expect(try fields(Table([.text("h"), .text("n")], [[.text(text), "end"]]).csv) == ["h", "n", text, "end"])
        #expect(try JSON.parse(table.json.line.utf8)["caption"]?.stringValue == text)
    }

    /// The fields of comma-separated values by the grammar of RFC 4180, one scalar after the other.
    private func fields(_ csv: String) throws -> [String] {
        var (fields, field, isQuoted) = ([String](), String.UnicodeScalarView(), false)
        var scalars = Array(csv.unicodeScalars)[...]
        while let scalar = scalars.popFirst() {
            if isQuoted {
                if scalar == "\"", scalars.first == "\"" {
                    field.append(scalars.removeFirst())
                } else if scalar == "\"" {
                    isQuoted = false
                } else {
                    field.append(scalar)
                }
            } else if scalar == "\"" {
                try #require(field.isEmpty, "a quotation mark inside a field without quotes")
                isQuoted = true
            } else if scalar == "," || scalar == "\n" {
                fields.append(String(field))
                field = .init()
            } else {
                field.append(scalar)
            }
        }
        try #require(!isQuoted && field.isEmpty)
        return fields
    }
}
