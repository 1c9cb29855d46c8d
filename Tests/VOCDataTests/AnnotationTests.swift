import Boxes
import Foundation
import Imaging
import Support
import TestSupport
import Testing
import VOCData

@Suite(.tags(.unit), .tiered) struct AnnotationTests {
    private func object(_ fields: String, box: String = "<xmin>2</xmin><ymin>3</ymin><xmax>5</xmax><ymax>9</ymax>")
        -> String
    {
        "<object>\(fields)<bndbox>\(box)</bndbox></object>"
    }

    private func parse(_ body: String) throws -> Annotation {
        try Annotation.parse(Data("<annotation>\(body)</annotation>".utf8), name: "a.xml")
    }

    @Test func readsEveryField() throws {
        let annotation = try parse(
            """
            <folder>VOC2007</folder><filename>000021.jpg</filename>
            <source><database>x</database><annotation>y</annotation></source>
            <owner><name>nobody</name></owner>
            <size><width>336</width><height>500</height><depth>3</depth></size>
            <object>
              <name> dog </name><pose>Left</pose><truncated>1</truncated><occluded>0</occluded><difficult>1</difficult>
              <bndbox><xmin>1</xmin><ymin>235</ymin><xmax>182</xmax><ymax>388</ymax></bndbox>
              <part><name>head</name><bndbox><xmin>7</xmin><ymin>8</ymin><xmax>9</xmax><ymax>10</ymax></bndbox></part>
            </object>
            """)
        #expect(
            annotation
                == Annotation(
                    filename: "000021.jpg", size: ImageSize(width: 336, height: 500),
                    objects: [
                        AnnotatedObject(
                            name: "dog", pose: "Left", isTruncated: true, isDifficult: true, isOccluded: false,
                            box: Box(minX: 0, minY: 234, maxX: 182, maxY: 388))
                    ]))
    }

    @Test func missingFlagsAreZeroAndNumbersMayBeFractional() throws {
        let box = "<xmin>45.70</xmin><ymin> 12.0\n</ymin><xmax>1e2</xmax><ymax>99</ymax>"
        let parsed = try parse(object("<name>cat</name>", box: box)).objects
        #expect(parsed == [AnnotatedObject(name: "cat", box: Box(vocXMin: 45.7, yMin: 12, xMax: 100, yMax: 99))])
        #expect(try parse("").size == nil)
        #expect(try parse("").objects.isEmpty)
    }

    @Test(arguments: [
        ("<xmin>1</xmin><ymin>1</ymin><xmax>5</xmax>", "object 2 (dog) has no <ymax>"),
        ("<xmin>nan</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax>", "object 2 (dog): <xmin> is \"nan\""),
        ("<xmin>1</xmin><ymin>inf</ymin><xmax>5</xmax><ymax>5</ymax>", "object 2 (dog): <ymin> is \"inf\""),
        ("<xmin>1</xmin><ymin>1</ymin><xmax>5 6</xmax><ymax>5</ymax>", "object 2 (dog): <xmax> is \"5 6\""),
        ("<xmin>1</xmin><ymin>1</ymin><xmax>0x10</xmax><ymax>5</ymax>", "object 2 (dog): <xmax> is \"0x10\""),
        ("<xmin>1</xmin><xmin>2</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax>", "object 2 (dog) has two <xmin>"),
    ])
    func badCoordinatesAreNamed(box: String, message: String) {
        let text = inputError { try parse(object("<name>cat</name>") + object("<name>dog</name>", box: box)) }
        #expect(text?.contains("a.xml") == true)
        #expect(text?.contains(message) == true, "\(text ?? "")")
    }

    @Test(arguments: [
        ("<object><name>cat</name></object>", "object 1 (cat) has no <bndbox>"),
        ("<object><bndbox></bndbox></object>", "object 1 has no <name>"),
        ("<object>", "not valid XML"),
        ("&undeclared;", "not valid XML"),
    ])
    func badAnnotationsAreNamed(body: String, message: String) {
        let text = inputError { try parse(body) }
        #expect(text?.contains(message) == true, "\(text ?? "")")
    }

    /// Numbers so large are junk, and what is computed of them would be infinite.
    @Test(arguments: ["1e300", "-99999999999999999999", "1000000001"]) func coordinatesBeyondEveryImageAreRefused(
        text: String
    ) {
        let box = "<xmin>1</xmin><ymin>1</ymin><xmax>\(text)</xmax><ymax>9</ymax>"
        let xml = "<annotation><object><name>cup</name><bndbox>\(box)</bndbox></object></annotation>"
        let problem = inputError { try Annotation.parse(Data(xml.utf8), name: "a.xml") }
        #expect(problem?.contains("<xmax> is \"\(text)\", beyond every image") == true)
    }

    @Test func flagsMayBeWordsOrLeftOpen() throws {
        let words =
            "<name>cat</name><difficult>True</difficult><truncated>Unspecified</truncated><occluded>FALSE</occluded>"
        let parsed = try parse(object(words)).objects[0]
        #expect(parsed.isDifficult && !parsed.isTruncated && parsed.isOccluded == false)
    }

    @Test func aFlagThatIsNeitherIsRefused() {
        let text = inputError { try parse(object("<name>cat</name><difficult>perhaps</difficult>")) }
        #expect(text?.contains("object 1 (cat): <difficult> is \"perhaps\"") == true)
    }

    @Test(arguments: ["", "JFIF", "<html></html>", "<annotation>", "<annotation></annotation><annotation/>"])
    func whatIsNoAnnotationIsRefused(text: String) {
        #expect(inputError { try Annotation.parse(Data(text.utf8), name: "a.xml") }?.hasPrefix("a.xml: ") == true)
    }

    @Test func entityBombsAreRefusedAtOnce() {
        var bomb = "<?xml version=\"1.0\"?><!DOCTYPE annotation [<!ENTITY a0 \"ha\">"
        for level in 1...30 { bomb += "<!ENTITY a\(level) \"&a\(level - 1);&a\(level - 1);&a\(level - 1);\">" }
        bomb += "]><annotation><filename>&a30;</filename></annotation>"
        let text = inputError { try Annotation.parse(Data(bomb.utf8), name: "bomb.xml") }
        #expect(text?.contains("document type") == true, "\(text ?? "")")
    }

    @Test func externalEntitiesAreRefused() throws {
        let scratch = try TemporaryFolder(["secret": "swordfish"])
        for declaration in [
            "<!DOCTYPE annotation [<!ENTITY x SYSTEM \"file://\(scratch.path)/secret\">]>",
            "<!DOCTYPE annotation SYSTEM \"file://\(scratch.path)/secret\">",
        ] {
            let file = declaration + "<annotation><filename>&x;</filename></annotation>"
            let text = inputError { try Annotation.parse(Data(file.utf8), name: "x.xml") }
            #expect(text?.contains("document type") == true, "\(text ?? "")")
            #expect(text?.contains("swordfish") == false)
        }
    }

    @Test func depthAndLengthAreBounded() throws {
        let deep = String(repeating: "<x>", count: 250) + String(repeating: "</x>", count: 250)
        #expect(inputError { try parse(deep) }?.contains("deep") == true)
        let scratch = try TemporaryFolder()
        let long = scratch.path + "/long.xml"
        try Files.writeAtomically(Data(count: Annotation.maximumFileSize + 1), to: long)
        #expect(inputError { try Annotation.read(long) }?.contains("at most") == true)
        #expect(inputError { try Annotation.read(scratch.path) }?.contains("regular file") == true)
        #expect(inputError { try Annotation.read(scratch.path + "/absent.xml") }?.contains("absent.xml") == true)
    }

    @Test func whatIsWrittenReadsBack() throws {
        let annotation = Annotation(
            folder: "VOC2012", filename: "a & b <c>.png", size: ImageSize(width: 40, height: 30), depth: 1,
            objects: [
                AnnotatedObject(name: "cup & \r saucer", box: Box(vocXMin: 1, yMin: 2.25, xMax: 39.1, yMax: 30)),
                AnnotatedObject(
                    name: "key", pose: "Frontal", isTruncated: true, isDifficult: true, isOccluded: true,
                    box: Box(vocXMin: 5, yMin: 5, xMax: 6, yMax: 7)),
            ])
        #expect(try Annotation.parse(Data(annotation.xml.utf8), name: "w.xml") == annotation)
        #expect(annotation.xml.contains("\t\t\t<xmin>1</xmin>\n\t\t\t<ymin>2.25</ymin>\n"))
    }

    @Test func unknownClassesAreNamed() throws {
        let annotation = try parse(object("<name>cat</name>") + object("<name>zebra</name><difficult>1</difficult>"))
        let text = inputError { try annotation.labeledBoxes(classes: VOCClasses.voc2007, source: "a.xml") }
        #expect(text?.contains("object 2 has the unknown class \"zebra\"") == true)
        let boxes = try annotation.labeledBoxes(classes: ["zebra", "cat"], source: "a.xml")
        #expect(boxes.map(\.classIndex) == [1, 0] && boxes.map(\.isDifficult) == [false, true])
    }
}
