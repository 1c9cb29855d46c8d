import Foundation
import Testing
import Training

/// Sends a signal to this process and waits until it had its effect: any thread may take it, in its own time.
private func send(_ signal: Int32) {
    kill(getpid(), signal)
    let deadline = Date(timeIntervalSinceNow: 5)
    while !Interruption.isRequested, Date() < deadline { usleep(1000) }
}

/// Signals belong to the whole process, so these run one after the other.
@Suite(.serialized) struct InterruptionTests {
    @Test(arguments: [SIGINT, SIGTERM])
    func theFirstSignalSetsTheFlag(signal: Int32) throws {
        Interruption.watch()
        defer { Interruption.stopWatching() }
        #expect(!Interruption.isRequested)
        try Interruption.check()
        send(signal)
        #expect(Interruption.isRequested)
        #expect(throws: InterruptedError.self) { try Interruption.check() }
    }

    @Test func aRequestIsForgottenWhenWatchingStops() {
        Interruption.watch()
        send(SIGTERM)
        Interruption.stopWatching()
        #expect(!Interruption.isRequested)
    }

    @Test func aSignalThatTheLauncherHadBlockedIsNoticed() async {
        await #expect(processExitsWith: .success) {
            var all = sigset_t()
            sigfillset(&all)
            pthread_sigmask(SIG_BLOCK, &all, nil)
            Interruption.watch()
            pthread_kill(pthread_self(), SIGINT)
            exit(Interruption.isRequested ? 0 : 1)
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
