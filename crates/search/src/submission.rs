//! Submissions that make a scheduler train the trials of a results folder.

use std::fmt::Write;
use std::path::Path;
use std::str::FromStr;

use crate::SearchError;

/// Largest number of elements in an array, because Slurm's default `MaxArraySize` is 1001. With more trials,
/// each element trains several.
const MOST_ELEMENTS: usize = 1000;

/// A scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduler {
    /// Slurm: a script for `sbatch`.
    Slurm,
    /// Kubernetes: an indexed Job.
    Kubernetes,
    /// GNU parallel: one line for the shell.
    Parallel,
}

impl FromStr for Scheduler {
    type Err = SearchError;

    fn from_str(text: &str) -> Result<Self, SearchError> {
        match text {
            "slurm" => Ok(Self::Slurm),
            "kubernetes" => Ok(Self::Kubernetes),
            "parallel" => Ok(Self::Parallel),
            _ => Err(SearchError::grid(
                format!("{text:?}"),
                "is not a scheduler; known are slurm, kubernetes and parallel",
            )),
        }
    }
}

/// The submission that trains the trials with these numbers, planned by `command` in `out`.
pub fn submission(scheduler: Scheduler, command: &str, out: &Path, trials: &[usize]) -> String {
    let out = std::path::absolute(out).unwrap_or_else(|_| out.to_owned());
    let out = out.display().to_string();
    match scheduler {
        Scheduler::Slurm => slurm(command, &out, trials),
        Scheduler::Kubernetes => kubernetes(command, &out, trials),
        Scheduler::Parallel => parallel(command, &out, trials),
    }
}

fn slurm(command: &str, out: &str, trials: &[usize]) -> String {
    let out = shell(out);
    let head = format!(
        "#!/bin/bash\n\
         # Submit with: sbatch FILE. Elements may be killed, requeued and run on any node that has {out}.\n\
         #SBATCH --job-name=modiste-{command}\n"
    );
    let rest = "#SBATCH --cpus-per-task=1\n\
                #SBATCH --requeue\n\
                #SBATCH --open-mode=append\n";
    let train = format!(
        "modiste {command} --out {out} --threads \"${{SLURM_CPUS_PER_TASK:-1}}\" --quiet --trial"
    );
    if trials.len() <= MOST_ELEMENTS {
        let array = ranges(trials);
        return format!(
            "{head}#SBATCH --array={array}\n{rest}exec {train} \"$SLURM_ARRAY_TASK_ID\"\n"
        );
    }
    let (elements, list) = chunked(trials);
    format!(
        "{head}#SBATCH --array=0-{last}\n{rest}\
         # {count} trials, more than an array usually may have: each element trains several.\n\
         # On SIGTERM the present trial writes its checkpoint and ends with status 130.\n\
         trials=({list})\n\
         status=0\n\
         for ((i = SLURM_ARRAY_TASK_ID; i < ${{#trials[@]}}; i += {elements})); do\n\
         \x20   {train} \"${{trials[i]}}\" &\n\
         \x20   trap \"kill -TERM $!\" TERM\n\
         \x20   wait $! || wait $! || {{ status=$?; [ $status != 130 ] || exit 130; }}\n\
         done\n\
         exit $status\n",
        last = elements - 1,
        count = trials.len(),
    )
}

fn kubernetes(command: &str, out: &str, trials: &[usize]) -> String {
    let contiguous = trials.iter().enumerate().all(|(i, &trial)| i == trial);
    let yaml = |text: &str| serde_json::to_string(text).expect("a string is JSON");
    let count = trials.len();
    let mut text = format!(
        "# Submit with: kubectl apply -f FILE. Fill in the image and the claim that holds the folder.\n\
         apiVersion: batch/v1\n\
         kind: Job\n\
         metadata:\n\
         \x20 name: modiste-{command}\n\
         spec:\n\
         \x20 completionMode: Indexed\n\
         \x20 completions: {count}\n\
         \x20 parallelism: {parallelism}\n\
         \x20 backoffLimitPerIndex: 6\n\
         \x20 maxFailedIndexes: {count}\n\
         \x20 template:\n\
         \x20   spec:\n\
         \x20     restartPolicy: Never\n\
         \x20     terminationGracePeriodSeconds: 60\n\
         \x20     containers:\n\
         \x20       - name: modiste\n\
         \x20         image: modiste:latest\n",
        parallelism = count.min(16),
    );
    let fixed = format!("exec modiste {command} --out {} --threads 1 --quiet --trial", shell(out));
    let script = if contiguous {
        format!("{fixed} \"$JOB_COMPLETION_INDEX\"")
    } else {
        let list: Vec<String> = trials.iter().map(usize::to_string).collect();
        format!("set -- {}; shift \"$JOB_COMPLETION_INDEX\"; {fixed} \"$1\"", list.join(" "))
    };
    write!(
        text,
        "\x20         command: [\"/bin/sh\", \"-c\", {script}]\n\
         \x20         resources:\n\
         \x20           requests: {{cpu: \"1\", memory: 1Gi}}\n\
         \x20         volumeMounts:\n\
         \x20           - {{name: results, mountPath: {out}}}\n\
         \x20     volumes:\n\
         \x20       - name: results\n\
         \x20         persistentVolumeClaim: {{claimName: modiste-results}}\n",
        script = yaml(&script),
        out = yaml(out),
    )
    .expect("a string takes all text");
    text
}

fn parallel(command: &str, out: &str, trials: &[usize]) -> String {
    let out = shell(out);
    format!(
        "printf '%s\\n' {} | parallel --jobs \"$(nproc)\" modiste {command} --out {out} --threads 1 \
         --quiet --trial {{}}\n",
        expansions(trials)
    )
}

/// Numbers in the form of `sbatch --array`: `0-3,7`.
pub fn ranges(numbers: &[usize]) -> String {
    written(numbers, ",", |first, last| format!("{first}-{last}"))
}

/// Numbers in the form that bash expands: `{0..3} 7`.
fn expansions(numbers: &[usize]) -> String {
    written(numbers, " ", |first, last| format!("{{{first}..{last}}}"))
}

/// The numbers with a separator; `run` formats the first and last of consecutive numbers.
fn written(numbers: &[usize], separator: &str, run: impl Fn(usize, usize) -> String) -> String {
    let one = |(first, last): (usize, usize)| {
        if first == last { first.to_string() } else { run(first, last) }
    };
    runs(numbers).into_iter().map(one).collect::<Vec<_>>().join(separator)
}

/// The number of elements, and the list of trials in the form that bash expands.
fn chunked(trials: &[usize]) -> (usize, String) {
    (MOST_ELEMENTS, expansions(trials))
}

/// First and last of each run of consecutive numbers.
fn runs(numbers: &[usize]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    runs
}

/// Quotes `text` as one word of a shell.
pub fn shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "=.,_+-/:%@".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_as_schedulers_write_them() {
        assert_eq!(ranges(&[0, 1, 2, 3, 7, 9, 10]), "0-3,7,9-10");
        assert_eq!(expansions(&[0, 1, 2, 3, 7]), "{0..3} 7");
        assert_eq!(ranges(&[]), "");
        assert_eq!(shell("a b"), "'a b'");
    }

    #[test]
    fn an_array_has_no_more_elements_than_slurm_takes() {
        let few = submission(Scheduler::Slurm, "grid", Path::new("/g"), &[0, 1, 2]);
        assert!(few.contains("#SBATCH --array=0-2\n"), "{few}");
        assert!(few.contains("--trial \"$SLURM_ARRAY_TASK_ID\"\n"), "{few}");
        let all: Vec<usize> = (0..10_000).collect();
        let many = submission(Scheduler::Slurm, "grid", Path::new("/g"), &all);
        assert!(many.contains("#SBATCH --array=0-999\n"), "{many}");
        assert!(many.contains("trials=({0..9999})\n") && many.contains("i += 1000"), "{many}");
    }

    #[test]
    fn an_indexed_job_maps_its_index_to_the_trial() {
        let all = submission(Scheduler::Kubernetes, "grid", Path::new("/a b"), &[0, 1]);
        assert!(all.contains("completions: 2\n"), "{all}");
        assert!(
            all.contains(r#"--out '/a b' --threads 1 --quiet --trial \"$JOB_COMPLETION_INDEX\""#)
        );
        let some = submission(Scheduler::Kubernetes, "grid", Path::new("/g"), &[3, 5]);
        assert!(some.contains("set -- 3 5; shift"), "{some}");
    }
}
