//! Grids as data: trials, growth, tables with the paper's gains, selection.

use modiste_search::{Grid, Numbers, PUBLISHED, Results, Size, State};
use modiste_train::{Config, EpochMetrics};

fn paper() -> Grid {
    let mut config = Config::paper();
    config.training.epochs = 12;
    Grid::new(config, &Grid::paper_axes(), 1, None).unwrap()
}

fn done(train: f64, validation: f64) -> State {
    let best = EpochMetrics {
        epoch: 12,
        learning_rate: 1e-3,
        train_loss: 0.1,
        train_accuracy: train,
        validation_loss: 0.2,
        validation_accuracy: validation,
        validation_auroc: Some(0.99),
    };
    let (epochs, seconds, mean_validation_accuracy) = (12, 60.0, validation);
    State::Done(Numbers { epochs, best, last: best, mean_validation_accuracy, seconds })
}

/// The results of the paper's grid, had it ended with the paper's numbers on so many images.
fn results_of(states: &[State], validation_images: usize) -> Results {
    let size =
        |row: &modiste_search::Published| Size { parameters: row.parameters, validation_images };
    let sizes: Vec<Size> = PUBLISHED.iter().map(size).collect();
    Results::new(&paper(), states, &sizes, true)
}

fn published_states() -> Vec<State> {
    PUBLISHED.iter().map(|row| done(row.train_accuracy, row.validation_accuracy)).collect()
}

#[test]
fn the_paper_s_numbers_give_the_paper_s_gains_and_choice() {
    let results = results_of(&published_states(), 10_000);
    let gains: Vec<[Option<f64>; 2]> = results
        .rows
        .iter()
        .map(|row| [0, 1].map(|axis| row.gains[axis].train.map(|g| (g * 1e3).round() / 1e3)))
        .collect();
    let table_1 = [
        [None, None],
        [Some(-0.006), None],
        [None, Some(-0.005)],
        [Some(0.002), Some(0.003)],
        [None, None],
        [Some(0.003), None],
        [None, Some(0.006)],
        [Some(0.004), Some(0.007)],
    ];
    assert_eq!(gains, table_1);
    for row in &results.rows {
        let published = row.published.unwrap();
        assert_eq!(row.train.unwrap().mean, published.train_accuracy);
        assert!(row.gains.iter().all(|gain| gain.train == gain.published_train));
    }
    let selection = results.selection.unwrap();
    assert_eq!((selection.row, selection.highest), (7, 0.934));
    // sqrt(0.934 x 0.066 / 10,000) = 0.00248: 0.932 is as good, and less accurate in training.
    assert_eq!(selection.candidates, [6, 7]);
}

#[test]
fn training_accuracy_decides_between_equals_and_few_images_make_many_equal() {
    let mut states = published_states();
    states[6] = done(0.94, 0.932);
    assert_eq!(results_of(&states, 10_000).selection.unwrap().row, 6);
    assert_eq!(results_of(&states, 1_000_000).selection.unwrap().row, 7);
    assert_eq!(results_of(&states, 100).selection.unwrap().candidates.len(), 7);
}

#[test]
fn what_is_not_done_is_neither_compared_nor_chosen() {
    let mut states = published_states();
    states[7] = State::Begun { epochs: 3 };
    states[2] = State::New;
    let results = results_of(&states, 10_000);
    assert!(!results.complete());
    assert_eq!(results.selection.as_ref().unwrap().row, 6);
    assert_eq!(results.rows[3].gains[0].train, None);
    assert_eq!(results.rows[7].gains[0].train, None);
    assert_eq!((results.rows[7].done, results.rows[7].train), (0, None));
    let csv = modiste_search::results_csv(&results);
    assert!(csv.lines().all(|line| line.split(',').count() == 21), "{csv}");
    let csv = modiste_search::trials_csv(&results);
    assert!(csv.contains("\"length=4,width=5,dropout=0.3,seed=0\",4,5,0.3,0,,\"begun, 3 epochs\""));
}

#[test]
fn a_grid_is_read_as_it_is_written_and_may_grow() {
    let grid = paper();
    let text = grid.to_toml();
    assert_eq!(Grid::parse(&text, "grid.toml").unwrap(), grid);
    let names: Vec<String> = grid.trials().into_iter().map(|trial| trial.name).collect();
    assert_eq!(names[0], "length=3,width=4,dropout=0.5,seed=0");
    assert_eq!(names[7], "length=4,width=5,dropout=0.3,seed=0");
    let larger = Grid { seeds: 2, ..grid.clone() };
    larger.check_grown_from(&grid, "g").unwrap();
    let error = grid.check_grown_from(&larger, "g").unwrap_err().to_string();
    assert!(error.starts_with("g: is another grid's: its trial length=3"), "{error}");
    let mut often = grid.clone();
    often.base.training.checkpoint_minutes = 1.0;
    often.check_grown_from(&grid, "g").unwrap();
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
    assert_eq!(names, ["warmup_epochs=1,kind=cosine,seed=0", "warmup_epochs=2,kind=cosine,seed=0"]);
    let over = [axis("warmup_epochs", &["1"]), axis("schedule.kind", &["cosine", "plateau"])];
    let error = Grid::new(Config::paper(), &over, 1, None).unwrap_err().to_string();
    assert!(error.contains("warmup_epochs: has no effect on the schedule plateau"), "{error}");
}
