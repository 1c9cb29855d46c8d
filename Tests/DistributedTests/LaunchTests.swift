import Distributed
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct LaunchTests {
    private func launch(_ variables: [String: String]) throws -> Launch { try Launch { variables[$0] } }

    @Test func aPlainProcessIsAlone() throws {
        let alone = try launch([:])
        #expect(alone.size == 1 && alone.rank == 0 && alone.launcher == nil)
        // What a shell may have without any launcher.
        #expect(try launch(["MASTER_ADDR": "elsewhere", "RANK": ""]).size == 1)
    }

    @Test func torchrun() throws {
        let second = try launch([
            "RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "node1",
            "MASTER_PORT": "1234", "TORCHELASTIC_RESTART_COUNT": "2", "TORCHELASTIC_USE_AGENT_STORE": "True",
        ])
        #expect(second.launcher == .torchrun && second.rank == 3 && second.size == 4)
        #expect(second.localRank == 1 && second.localSize == 2)
        #expect(second.host == "node1" && second.port == 1234 && second.restarts == 2 && second.isHostedByLauncher)
    }

    @Test func openMPI() throws {
        let first = try launch([
            "OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_RANK": "0",
            "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
        ])
        #expect(first.launcher == .mpirun && first.size == 2 && first.host == "127.0.0.1" && first.port == 29500)
        #expect(!first.isHostedByLauncher)
    }

    @Test func slurmCountsOnlyWithinAStep() throws {
        // A batch script has these outside srun as well; whoever took them for two processes would wait for ever.
        #expect(try launch(["SLURM_PROCID": "0", "SLURM_NTASKS": "2", "SLURM_LOCALID": "0"]).size == 1)
        let step = try launch([
            "SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "6", "SLURM_LOCALID": "1",
            "SLURM_STEP_TASKS_PER_NODE": "2(x3)",
            "MASTER_ADDR": "node1",
        ])
        #expect(
            step.launcher == .srun && step.rank == 5 && step.size == 6 && step.localRank == 1 && step.localSize == 2)
    }

    @Test(arguments: [
        (["RANK": "1"], "RANK: is set without WORLD_SIZE"),
        (["WORLD_SIZE": "2"], "WORLD_SIZE: is set without RANK"),
        (["RANK": "2", "WORLD_SIZE": "2"], "RANK=2: with WORLD_SIZE=2"),
        (["RANK": "one", "WORLD_SIZE": "2"], "RANK=one: is no number"),
        (["RANK": "-1", "WORLD_SIZE": "2"], "RANK=-1: is no number"),
        (["RANK": "0", "WORLD_SIZE": "2", "MASTER_PORT": "70000"], "MASTER_PORT=70000: is no port"),
        (
            ["RANK": "0", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"],
            "MASTER_ADDR: is not set, but the processes are on several machines"
        ),
    ]) func whatMakesNoSenseIsNamed(_ variables: [String: String], _ expected: String) {
        let error = #expect(throws: InputError.self) { try launch(variables) }
        #expect("\(error!)".hasPrefix(expected), "\(error!)")
    }
}
