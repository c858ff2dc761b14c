//! Grids as data: their trials and how they grow.

use modiste_search::Grid;
use modiste_train::Config;

/// The grid of the paper's table 1.
fn paper() -> Grid {
    paper_from(Config::paper(), 1)
}

fn paper_from(base: Config, seeds: usize) -> Grid {
    let axis =
        |field: &str, values: [&str; 2]| (field.to_owned(), values.map(str::to_owned).to_vec());
    let over =
        [axis("length", ["3", "4"]), axis("width", ["4", "5"]), axis("dropout", ["0.5", "0.3"])];
    Grid::new(base, &over, seeds, None).unwrap()
}

#[test]
fn a_grid_is_read_as_it_is_written_and_may_grow() {
    let grid = paper();
    let text = grid.to_toml();
    assert_eq!(Grid::parse(&text, "grid.toml").unwrap(), grid);
    let names: Vec<String> = grid.trials().into_iter().map(|trial| trial.name).collect();
    assert_eq!(names[0], "length=3,width=4,dropout=0.5,seed=0");
    assert_eq!(names[7], "length=4,width=5,dropout=0.3,seed=0");
    let larger = paper_from(Config::paper(), 2);
    larger.check_grown_from(&grid, "g").unwrap();
    let error = grid.check_grown_from(&larger, "g").unwrap_err().to_string();
    assert!(error.starts_with("g: belongs to another grid: its trial length=3"), "{error}");
    let mut often = Config::paper();
    often.training.checkpoint_minutes = 1.0;
    paper_from(often, 1).check_grown_from(&grid, "g").unwrap();
    let error =
        Grid::parse(&text.replace("\"4\", \"5\"", "\"4\", \"9\""), "grid.toml").unwrap_err();
    assert!(error.to_string().starts_with("grid.toml: network.width: 9"), "{error}");
}

#[test]
fn a_schedule_and_a_setting_of_it_may_vary_together() {
    let axis = |field: &str, values: &[&str]| {
        (field.to_owned(), values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>())
    };
    let over = [axis("warmup_epochs", &["1", "2"]), axis("schedule.kind", &["cosine"])];
    let grid = Grid::new(Config::paper(), &over, 1, None).unwrap();
    let names: Vec<String> = grid.trials().into_iter().map(|trial| trial.name).collect();
    assert_eq!(
        names,
        [
            "warmup_epochs=1.0,schedule.kind=cosine,seed=0",
            "warmup_epochs=2.0,schedule.kind=cosine,seed=0"
        ]
    );
    let over = [axis("warmup_epochs", &["1"]), axis("schedule.kind", &["cosine", "plateau"])];
    let error = Grid::new(Config::paper(), &over, 1, None).unwrap_err().to_string();
    assert!(error.contains("warmup_epochs: has no effect on the schedule plateau"), "{error}");
}
