//! Formats a verification as text.

use std::fmt;

use super::Verification;

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, epochs, recorded_epochs, conditions, differences, .. } = self;
        let kept = [
            Some(format!("{} numbers of metrics.csv", self.numbers)),
            (self.states > 0).then(|| format!("{} states by their digests", self.states)),
            (self.parameters && !self.model_bytes)
                .then(|| "the best epoch's parameters".to_owned()),
            self.model_bytes.then(|| "every byte of the model".to_owned()),
        ];
        let kept: Vec<String> = kept.into_iter().flatten().collect();
        writeln!(f, "{run}: repeated {epochs} of {recorded_epochs} epochs")?;
        writeln!(f, "compared: {}", kept.join(", "))?;
        if !conditions.data_known {
            writeln!(f, "the run recorded no checksum of its data")?;
        }
        let others = [&conditions.instruction_set, &conditions.version];
        for line in others.into_iter().flatten() {
            writeln!(f, "changed since: {line}")?;
        }
        for difference in differences {
            writeln!(f, "differs: {difference}")?;
        }
        match (self.same, conditions.instruction_set.is_some()) {
            (true, _) => writeln!(f, "everything was reproduced, bit for bit"),
            (false, true) => writeln!(f, "bits depend on the instruction set, see docs/engine.md"),
            (false, false) => writeln!(f, "the run was not reproduced"),
        }
    }
}
