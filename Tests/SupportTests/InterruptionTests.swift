import Foundation
import Support
import TestSupport
import Testing

/// Sends a signal to this process and waits until it had its effect: any thread may take it, in its own time.
private func send(_ signal: Int32) {
    kill(getpid(), signal)
    let deadline = Date(timeIntervalSinceNow: 5)
    while !Interruption.isRequested, Date() < deadline { usleep(1000) }
}

/// Ends the process with 0 when all holds. Signals belong to the whole process, so each test has one of its own.
private func leave(_ conditions: Bool...) -> Never { exit(conditions.allSatisfy { $0 } ? 0 : 1) }

@Suite(.tags(.unit), .tiered) struct InterruptionTests {
    @Test func anInterruptSetsTheFlag() async {
        await #expect(processExitsWith: .success) {
            Interruption.watch()
            let before = Interruption.isRequested
            send(SIGINT)
            var isThrown = false
            do { try Interruption.check() } catch { isThrown = true }
            leave(!before, Interruption.isRequested, isThrown)
        }
    }

    @Test func aTerminationSetsTheFlagAndStoppingForgetsIt() async {
        await #expect(processExitsWith: .success) {
            Interruption.watch()
            send(SIGTERM)
            let requested = Interruption.isRequested
            Interruption.stopWatching()
            leave(requested, !Interruption.isRequested)
        }
    }

    @Test func aSignalThatTheLauncherHadBlockedIsNoticed() async {
        await #expect(processExitsWith: .success) {
            var all = sigset_t()
            sigfillset(&all)
            pthread_sigmask(SIG_BLOCK, &all, nil)
            Interruption.watch()
            pthread_kill(pthread_self(), SIGINT)
            leave(Interruption.isRequested)
        }
    }

    @Test func theSecondSignalEndsTheProcess() async {
        await #expect(processExitsWith: .exitCode(130)) {
            Interruption.watch()
            kill(getpid(), SIGINT)
            while !Interruption.isRequested { usleep(1000) }
            kill(getpid(), SIGTERM)
            sleep(5)
        }
    }
}
