import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct PathsTests {
    @Test(arguments: [
        ("a/b.jpg", "b.jpg", "a", "jpg", "b"), ("b.jpg", "b.jpg", "", "jpg", "b"), ("/a", "a", "/", "", "a"),
        ("w", "w", "", "", "w"), ("/", "/", "/", "", "/"), ("", "", "", "", ""), ("a/b/", "b", "a", "", "b"),
        ("a//b", "b", "a", "", "b"), ("//a", "a", "/", "", "a"), (".hidden", ".hidden", "", "", ".hidden"),
        ("x/.a.tar.gz", ".a.tar.gz", "x", "gz", ".a.tar"), ("a.", "a.", "", "", "a."), ("ä/é.ß", "é.ß", "ä", "ß", "é"),
    ])
    func parts(path: String, name: String, folder: String, ending: String, stem: String) {
        #expect(path.fileName == name && path.parentFolder == folder)
        #expect(path.fileExtension == ending && path.fileStem == stem)
    }
}
