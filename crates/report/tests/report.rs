//! The page, the Markdown and the figures of a run.

use modiste_metrics::{Evaluation, Mistake, evaluate};
use modiste_report::{
    EpochRow, MistakeImage, Reference, ReportError, RunReport, curves_svg, render, render_markdown,
};

/// 200 images of `classes` classes, every fifth of them wrong.
fn evaluation(classes: usize) -> Evaluation {
    let names: Vec<String> = (0..classes).map(|class| format!("class <{class}> | x")).collect();
    let labels: Vec<u16> = (0..200).map(|i| (i % classes) as u16).collect();
    let mut logits = vec![0.0; 200 * classes];
    for i in 0..200 {
        let prediction = if i % 5 == 0 { (i + 1) % classes } else { i % classes };
        logits[i * classes + prediction] = 3.0;
    }
    evaluate(&logits, &labels, &names, 1).unwrap()
}

fn epoch(epoch: usize) -> EpochRow {
    let rest = 1.0 / epoch as f64;
    EpochRow {
        epoch,
        seconds: 2.0,
        learning_rate: 0.001 * rest,
        train_loss: rest,
        train_accuracy: 1.0 - rest / 2.0,
        validation_loss: 1.5 * rest,
        validation_accuracy: 0.9 - rest / 2.0,
        validation_auroc: (epoch > 1).then_some(0.95),
    }
}

fn mistake(shape: [usize; 3]) -> MistakeImage {
    let mistake =
        Mistake { index: 41, truth: 0, prediction: 1, probability: 0.9, truth_probability: 1e-6 };
    MistakeImage { mistake, pixels: vec![7; shape.iter().product()], shape }
}

fn report() -> RunReport {
    RunReport {
        name: "a <run> & more".into(),
        data: "split paper".into(),
        parameters: 211_898,
        settings: vec![("name".into(), "<script>alert(1)</script>".into())],
        epochs: (1..=12).map(epoch).collect(),
        best_epoch: Some(9),
        evaluations: vec![("train".into(), evaluation(3)), ("validation".into(), evaluation(4))],
        references: vec![Reference {
            name: "the paper".into(),
            part: "validation".into(),
            accuracy: Some(0.94),
            loss: None,
            auroc: Some(0.997),
        }],
        mistakes_part: "validation".into(),
        mistakes: vec![mistake([28, 28, 1]), mistake([4, 5, 3])],
        classes: vec!["Shirt".into(), "Coat".into()],
    }
}

#[track_caller]
fn expect_all(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing");
    }
}

#[test]
fn the_page_says_everything() {
    let page = render(&report()).unwrap();
    let interval = "<small>0.739 to 0.850</small>"; // Wilson's for 160 of 200
    expect_all(&page, &["a &#60;run&#62; &#38; more", "211,898 trainable parameters", interval]);
    expect_all(&page, &["best epoch: 9", "12 epochs in 24.0 s", "0.940", "0.997", "0.000111"]);
    expect_all(&page, &["Misclassification gap, validation less training: 0.0 percentage points"]);
    expect_all(&page, &["<b>Shirt</b> <span class=\"whole\">&#60; 0.1 %</span>", "image 41"]);
    expect_all(&page, &["title=\"class &#60;0&#62; | x seen as class &#60;1&#62; | x: 10 of 50"]);
    assert_eq!(page.matches("<svg").count(), 3 + 2, "three curves and two calibrations");
    assert_eq!(page.matches("data:image/png;base64,iVBOR").count(), 2);
}

#[test]
fn the_page_needs_nothing_else_and_lets_no_markup_in() {
    let page = render(&report()).unwrap();
    for word in ["http", "<script", "url(", "@import", "<link", "NaN", "inf,"] {
        assert!(!page.contains(word), "{word} is in the page");
    }
    let style = page.matches('{').count();
    assert_eq!(style, page.matches('}').count(), "the style's braces match");
    for tag in ["table", "section", "div", "figure", "tr", "td", "th", "svg", "details"] {
        let closed = page.matches(&format!("</{tag}>")).count();
        let opened = [format!("<{tag}>"), format!("<{tag} ")].map(|t| page.matches(&t).count());
        assert_eq!(opened[0] + opened[1], closed, "{tag}");
    }
}

#[test]
fn an_empty_run_is_a_short_page() {
    let page = render(&RunReport::default()).unwrap();
    assert!(page.contains("<h1></h1>") && !page.contains("<section>"));
    assert_eq!(render_markdown(&RunReport::default()), "# \n\n\n");
}

#[test]
fn many_classes_make_a_picture_instead_of_a_table() {
    let mut report = report();
    report.mistakes.clear();
    report.evaluations = vec![("test".into(), evaluation(31))];
    let page = render(&report).unwrap();
    assert!(!page.contains("<table class=\"confusion\">"));
    assert_eq!(page.matches("data:image/png;base64,iVBOR").count(), 1);
}

#[test]
fn numbers_that_are_none_leave_gaps() {
    let mut report = report();
    report.epochs[3].train_loss = f64::NAN;
    report.epochs[4].validation_loss = f64::INFINITY;
    report.epochs.truncate(5);
    let page = render(&report).unwrap();
    assert!(!page.contains("NaN") && !page.contains("inf "));
    assert!(render_markdown(&report).contains(" - |"));
    report.epochs.truncate(1);
    report.epochs[0].validation_loss = f64::NAN;
    expect_all(&render(&report).unwrap(), &["epoch 1, training: 1.0000"]);
}

#[test]
fn pixels_that_do_not_fit_are_an_error() {
    let mut report = report();
    report.mistakes[1].shape = [4, 5, 4];
    let error = render(&report).unwrap_err();
    assert!(matches!(error, ReportError::Picture { bytes: 60, channels: 4, .. }), "{error}");
}

#[test]
fn markdown_has_the_same_numbers_in_whole_tables() {
    let text = render_markdown(&report());
    expect_all(
        &text,
        &["# a \\<run> & more", "(0.739 to 0.850)", "**0.000111**", "class \\<0> \\| x"],
    );
    expect_all(&text, &["## Confusion matrix: validation", "## Worst mistakes: validation"]);
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    let lines: Vec<&str> = text.lines().collect();
    for pair in lines.windows(2).filter(|pair| pair.iter().all(|line| line.starts_with('|'))) {
        assert_eq!(columns(pair[0]), columns(pair[1]), "{pair:?}");
        assert_eq!(pair[0].chars().count(), pair[1].chars().count(), "{pair:?}");
    }
}

#[test]
fn curves_are_a_file_of_their_own() {
    let svg = curves_svg(&report().epochs, Some(9));
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    assert_eq!(svg.matches("<svg ").count(), 4);
    assert_eq!(svg.matches("best epoch: 9").count(), 3);
    assert_eq!(svg.matches("</title>").count(), 12 * 5, "a hint for each point");
    assert!(!curves_svg(&[], None).contains("NaN"));
}
