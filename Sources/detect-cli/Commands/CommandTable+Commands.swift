internal import Support

/// Every command, in the order of the overview.
package var commandTable: CommandTable {
    CommandTable(
        [
            CommandGroup("Start", [DemoCommand.self, DoctorCommand.self, SynthesizeCommand.self]),
            CommandGroup("Learn", [PretrainCommand.self]),
            CommandGroup(
                "Probe",
                [
                    FeaturesCommand.self, ProbeKNNCommand.self, ProbeSVMCommand.self, ProbeVOCSVMCommand.self,
                    ProbeLinearCommand.self, ProbeSemiCommand.self, RetrieveCommand.self,
                ]),
            CommandGroup(
                "Detect",
                [
                    ProposalsCommand.self, ProposalsImportCommand.self, FineTuneCommand.self, DetectCommand.self,
                    EvaluateCommand.self, CompareCommand.self,
                ]),
            CommandGroup("Report", [ReportCommand.self]),
            CommandGroup(
                "VOC", [VOCCheckCommand.self, VOCStatsCommand.self, VOCImportCommand.self, VOCExportCOCOCommand.self]),
            CommandGroup(
                "Weights",
                [
                    WeightsListCommand.self, WeightsInspectCommand.self, WeightsVerifyCommand.self,
                    WeightsInitCommand.self, WeightsImportCommand.self, WeightsExportCommand.self,
                ]),
            CommandGroup("Program", [CompletionsCommand.self, ManualCommand.self]),
        ], version: Toolkit.version)
}
