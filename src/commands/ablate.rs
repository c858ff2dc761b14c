//! `modiste ablate`: runs with and without each part of the paper's method, and verdicts on its claims.

use std::path::Path;

use modiste_paper::{AblationResults, Study, VariantResult};
use modiste_search::{ResultsFolder, Shard};
use modiste_views::Table;

use crate::cli::AblateArgs;
use crate::commands::grid::{self, results};
use crate::commands::{element, trials, verdicts};
use crate::failure::Failure;
use crate::{engine, output};

/// Trains the missing runs and prints the verdicts.
pub fn run(args: AblateArgs) -> Result<(), Failure> {
    if let Some(number) = args.element.trial {
        if element::train("ablate", &args.out, number, &args.workers)? {
            let study = Study::of_folder(&args.out, engine::check_batch)?;
            study.write(&ResultsFolder::at(&args.out))?;
        }
        return Ok(());
    }
    let config = grid::base_of_trials(&args.trial)?;
    let study = Study::new(&config, args.seeds, &args.out, Vec::new(), engine::check_batch);
    let study = study.map_err(grid::usage)?;
    if let Some(scheduler) = args.element.plan {
        drop(study.open(Shard::WHOLE)?);
        return element::print_plan(scheduler, "ablate", &args.out);
    }
    let shard = args.shard.unwrap_or(Shard::WHOLE);
    let folder = study.open(shard)?;
    let failed = trials::run_left(study.tasks(), shard, &args.workers, &mut |_| {
        Ok(study.write(&folder).map(|_| ())?)
    })?;
    let results = study.write(&folder)?;
    if args.json {
        output::print_json(&results.json(&args.out))?;
    } else {
        output::print(&text(&args.out, &results))?;
    }
    trials::check(&failed, study.runs())
}

/// The table of variants, then the verdicts, as text.
fn text(out: &Path, results: &AblationResults) -> String {
    let mut table =
        Table::new(2, ["variant", "settings", "train acc", "val acc", "mean val acc", "done"]);
    for variant in &results.variants {
        table.row(cells(variant));
    }
    let out = out.display();
    format!(
        "\n{table}\n{}\nverdicts.json, curves.csv and one run folder per trial: {out}\n",
        verdicts::text(&results.verdicts)
    )
}

/// A variant's name, settings and numbers.
pub fn cells(variant: &VariantResult) -> [String; 6] {
    let setting = |(field, value): &(String, String)| format!("{field}={value}");
    [
        variant.name.to_owned(),
        variant.settings.iter().map(setting).collect::<Vec<_>>().join(" "),
        results::spread(variant.train.as_ref()),
        results::spread(variant.validation.as_ref()),
        results::spread(variant.mean_validation.as_ref()),
        format!("{}/{}", variant.done, variant.seeds),
    ]
}
