import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct ControlGroupTests {
    /// Files under a temporary folder, as Linux shows them, and what they allow.
    private func quota(_ files: [String: String], membership: String) throws -> Double? {
        var files = Dictionary(uniqueKeysWithValues: files.map { ("root/\($0)", $1) })
        files["membership"] = membership
        let folder = try TemporaryFolder(files)
        return ControlGroup.quota(root: "\(folder.path)/root", membership: "\(folder.path)/membership")
    }

    /// `docker run --cpus 1.5`: the mount is the container's own group.
    @Test func container() throws {
        #expect(try quota(["cpu.max": "150000 100000\n"], membership: "0::/\n") == 1.5)
    }

    /// A unit of systemd inside a slice: the least of all limits above it counts.
    @Test func leastOfNestedGroups() throws {
        let files = [
            "user.slice/cpu.max": "200000 100000\n", "user.slice/job.scope/cpu.max": "max 100000\n",
            "system.slice/cpu.max": "10000 100000\n",
        ]
        #expect(try quota(files, membership: "0::/user.slice/job.scope\n") == 2)
    }

    @Test func versionOne() throws {
        let files = [
            "cpu,cpuacct/job/cpu.cfs_quota_us": "400000\n", "cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
            "cpu,cpuacct/cpu.cfs_quota_us": "-1\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        ]
        #expect(try quota(files, membership: "5:memory:/job\n4:cpu,cpuacct:/job\n0::/\n") == 4)
    }

    @Test(arguments: ["max 100000\n", "", "0 100000\n", "many\n", "-1 100000\n", "200000 0\n"])
    func noLimit(_ text: String) throws {
        #expect(try quota(["cpu.max": text], membership: "0::/\n") == nil)
    }

    @Test func noControlGroups() { #expect(ControlGroup.quota(root: "/nowhere", membership: "/nowhere/cgroup") == nil) }

    @Test func someCores() { #expect(Processor.coreCount >= 1) }
}
