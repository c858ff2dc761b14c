//! The table of a grid beside the paper's numbers: gains and selection.

use modiste_model::EpochMetrics;
use modiste_paper::{PUBLISHED, grid_axes, published};
use modiste_search::{Grid, Numbers, Results, Size, TrialProgress};
use modiste_train::Config;

fn paper() -> Grid {
    let mut config = Config::paper();
    config.training.epochs = 12;
    Grid::new(config, &grid_axes(), 1, None).unwrap()
}

fn done(train: f64, validation: f64) -> TrialProgress {
    let best = EpochMetrics {
        epoch: 12,
        learning_rate: 1e-3,
        train_loss: 0.1,
        train_accuracy: train,
        validation_loss: Some(0.2),
        validation_accuracy: Some(validation),
        validation_auroc: Some(0.99),
        current: None,
    };
    let (epochs, seconds, mean_validation_accuracy) = (12, 60.0, validation);
    TrialProgress::Done(Numbers { epochs, best, last: best, mean_validation_accuracy, seconds })
}

/// The results of the paper's grid with the paper's own numbers on this many images.
fn results_of(states: &[TrialProgress], validation_images: usize) -> Results {
    let size =
        |row: &modiste_search::Published| Size { parameters: row.parameters, validation_images };
    let sizes: Vec<Size> = PUBLISHED.iter().map(size).collect();
    Results::new(&paper(), states, &sizes, published)
}

fn published_states() -> Vec<TrialProgress> {
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
fn training_accuracy_decides_between_equals() {
    let mut states = published_states();
    states[6] = done(0.94, 0.932);
    assert_eq!(results_of(&states, 10_000).selection.unwrap().row, 6);
    assert_eq!(results_of(&states, 1_000_000).selection.unwrap().row, 7);
    assert_eq!(results_of(&states, 100).selection.unwrap().candidates.len(), 7);
}

#[test]
fn unfinished_trials_are_neither_compared_nor_selected() {
    let mut states = published_states();
    states[7] = TrialProgress::Begun { epochs: 3 };
    states[2] = TrialProgress::New;
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
